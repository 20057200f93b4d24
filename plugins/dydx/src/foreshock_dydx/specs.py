"""dYdX v4's perpetual markets: from perpetualMarkets, or by the rule of their names.

All are linear, sized in coins, quoted in USD and settled in USDC. Anybody can list a market; such a one may be named
with the pool and the address of its token behind the coin, after commas (BUFFICORN,UNISWAP_V3,0X4C1B...-USD). The coin
is what stands before the first comma; the whole stays in the contract's name. Source: indexer documentation, "List
Perpetual Markets", checked 2026-11-20.
"""

from __future__ import annotations

from typing import Any

import msgspec

from foreshock_sdk import FrameError, InstrumentSpec, SpecTable

VENUE = "dydx"
CHECKED = "2026-11-20"
QUOTE = "USD"
ENDED = "FINAL_SETTLEMENT"
COINS = (
    *("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "AVAX", "LINK", "LTC", "BCH", "DOT", "TRX", "UNI", "ATOM", "SUI"),
    *("APT", "ARB", "OP", "NEAR", "FIL", "XLM", "ETC", "PEPE", "SHIB", "BONK", "WIF", "SEI", "TIA", "BNB", "1INCH"),
)


def by_name(raw_symbol: str, *, packaged: bool = True) -> InstrumentSpec:
    """Read a market from its name. Raises FrameError when it is none."""
    spelled, _, quote = raw_symbol.rpartition("-")
    base = spelled.partition(",")[0].upper()
    if quote != QUOTE or not base:
        raise FrameError(f"{raw_symbol!r:.60} is not the name of a market")
    return InstrumentSpec(
        venue=VENUE,
        raw_symbol=raw_symbol,
        base=base,
        quote=quote,
        contract_base=spelled if spelled != base else "",
        packaged=packaged,
    )


def packaged_specs() -> SpecTable:
    """Return the table for when REST does not answer: the main markets; others are read as they come."""
    return SpecTable(CHECKED, tuple(by_name(f"{coin}-{QUOTE}") for coin in COINS))


class _Market(msgspec.Struct):
    ticker: str
    status: str


class _Answer(msgspec.Struct):
    markets: dict[str, Any]


def parse_markets(body: bytes) -> list[InstrumentSpec]:
    """Read an answer of perpetualMarkets. Raises FrameError when it makes no sense. Ended markets are left out."""
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (msgspec.MsgspecError, ValueError) as error:
        raise FrameError(f"perpetualMarkets: {error}") from error
    return [spec for row in answer.markets.values() if (spec := _listed(row)) is not None]


def _listed(row: Any) -> InstrumentSpec | None:
    try:
        market = msgspec.convert(row, _Market)
        return None if market.status == ENDED else by_name(market.ticker, packaged=False)
    except (msgspec.ValidationError, FrameError):
        return None
