"""Bitget's contracts: by the rules of their names, from the packaged table, from instruments.

A linear size is an amount in the quote coin, so a name says all. In what the amounts of coin-margined contracts are
counted is not documented: the operator says it (`coin_futures_amount`), or does without them. Source: UTA
documentation, "Get Instruments", checked 2026-11-20.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from foreshock_sdk import FrameError, InstrumentSpec, SpecTable
from foreshock_sdk.naming import named_spec

VENUE = "bitget"
CHECKED = "2026-11-20"
CoinAmount = Literal["off", "quote", "base"]
NAME = re.compile(r"(?P<base>.+?)(?P<quote>USDT|PERP|USDC|USD)(?:_CM)?")
UNVERIFIED = "the unit of coin-margined amounts is not verified: set the option coin_futures_amount"

PACKAGED = (
    *("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT", "BNBUSDT", "ADAUSDT", "AVAXUSDT", "LINKUSDT"),
    *("LTCUSDT", "DOTUSDT", "UNIUSDT", "ATOMUSDT", "TRXUSDT", "XLMUSDT", "NEARUSDT", "ETCUSDT", "BCHUSDT"),
    *("FILUSDT", "SUIUSDT", "APTUSDT", "ARBUSDT", "OPUSDT", "APEUSDT", "IPUSDT", "PEPEUSDT", "SHIBUSDT"),
    *("1000BONKUSDT", "1000SATSUSDT", "1000RATSUSDT", "BTCPERP", "ETHPERP", "SOLPERP", "XRPPERP"),
)
COIN_PACKAGED = ("BTCUSD", "ETHUSD", "XRPUSD")


def by_name(raw_symbol: str, coin_amount: CoinAmount) -> InstrumentSpec:
    """Read a contract from its name. Raises FrameError for a name that follows no rule."""
    name = NAME.fullmatch(raw_symbol)
    if name is None:
        raise FrameError(f"contract {raw_symbol!r} is unknown and its name follows no rule")
    quote = name["quote"].replace("PERP", "USDC")
    if quote == "USD" and coin_amount == "off":
        raise FrameError(UNVERIFIED)
    return _spec(raw_symbol, (name["base"], quote), coin_amount, packaged=True)


def _spec(
    raw_symbol: str, pair: tuple[str, str], coin_amount: CoinAmount, *, expiry: str = "", packaged: bool
) -> InstrumentSpec:
    """Build a spec. A coin-margined amount in coins makes it as good as linear: only the unit of its sizes matters."""
    coin_margined = pair[1] == "USD"
    more: dict[str, Any] = {"quote_sized": not coin_margined, "inverse": coin_margined and coin_amount == "quote"}
    return named_spec(VENUE, raw_symbol, *pair, **more, expiry=expiry, packaged=packaged)


def packaged_specs(coin_amount: CoinAmount) -> SpecTable:
    """Return the table for when REST does not answer."""
    names = PACKAGED if coin_amount == "off" else (*PACKAGED, *COIN_PACKAGED)
    return SpecTable(CHECKED, tuple(by_name(each, coin_amount) for each in names))


class _Instrument(msgspec.Struct, rename="camel"):
    symbol: str
    base_coin: str
    quote_coin: str
    type: str = ""
    delivery_time: str = ""


class _Answer(msgspec.Struct):
    code: str
    msg: str = ""
    data: list[Any] | None = None


def parse_instruments(body: bytes, coin_amount: CoinAmount) -> list[InstrumentSpec]:
    """Read the contracts of one category; rows that make no sense are left out. Raises FrameError."""
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (msgspec.MsgspecError, ValueError) as error:
        raise FrameError(f"instruments: {error}") from error
    if answer.code not in {"00000", "0"} or answer.data is None:
        raise FrameError(f"instruments: code {answer.code} {answer.msg}")
    return [spec for row in answer.data if (spec := _listed(row, coin_amount)) is not None]


def _listed(row: Any, coin_amount: CoinAmount) -> InstrumentSpec | None:
    try:
        each = msgspec.convert(row, _Instrument, strict=False)
        expiry = _day(each.delivery_time) if each.type == "delivery" else ""
    except (msgspec.ValidationError, ValueError, OverflowError, OSError):
        return None
    return _spec(each.symbol, (each.base_coin, each.quote_coin), coin_amount, expiry=expiry, packaged=False)


def _day(delivery_ms: str) -> str:
    return datetime.fromtimestamp(int(delivery_ms) / 1000, UTC).strftime("%y%m%d")
