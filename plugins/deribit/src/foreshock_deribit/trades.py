"""A trade of Deribit, from the socket or from its history, to liquidations.

`liquidation` says whose position died: T the taker's, M the maker's, MT both. direction is the taker's. So T with sell
and M with buy close a long. MT is two liquidations, one of each side, each of the whole amount. Source: documentation,
"public/get_last_trades_by_currency_and_time", checked 2026-11-20.
"""

from __future__ import annotations

from typing import Any

import msgspec

from foreshock_deribit.messages import Trade
from foreshock_sdk import EventFlag, FrameError, LiquidatedSide, PriceKind, RawLiquidation
from foreshock_sdk.identity import text_identity
from foreshock_sdk.reading import SpellingIndex

LONG, SHORT = LiquidatedSide.LONG, LiquidatedSide.SHORT
DEAD = {
    ("T", "sell"): (LONG,),
    ("T", "buy"): (SHORT,),
    ("M", "buy"): (LONG,),
    ("M", "sell"): (SHORT,),
    ("MT", "sell"): (LONG, SHORT),
    ("MT", "buy"): (SHORT, LONG),
}
"""By flag and direction; the taker's first."""


def liquidations(value: Any, index: SpellingIndex, flags: EventFlag = EventFlag.NONE) -> list[RawLiquidation]:
    """Return the liquidations in a trade: none, one or two. Raises what reading raises (`UNREADABLE`)."""
    if not isinstance(value, dict):
        raise FrameError("not a trade")
    if value.get("liquidation") is None or _is_no_future(value.get("instrument_name")):
        return []
    trade = msgspec.convert(value, Trade, strict=False)
    first, second = text_identity(trade.trade_id)
    instrument = index.of(trade.instrument_name)
    return [
        RawLiquidation(
            instrument=instrument,
            side=side,
            price=trade.price,
            price_kind=PriceKind.AVERAGE,
            size=trade.amount,
            ts_event_ms=trade.timestamp,
            identity_a=first,
            identity_b=second,
            flags=flags,
        )
        for side in DEAD[trade.liquidation, trade.direction]
    ]


def _is_no_future(name: Any) -> bool:
    """Tell whether it is an option's (BTC-25DEC26-90000-C), a combo's (BTC-FS-25DEC26_PERP) or a pair's (BTC_USDC)."""
    if not isinstance(name, str):
        return False
    dashes = name.count("-")
    return dashes > 1 or (dashes == 0 and "_" in name)
