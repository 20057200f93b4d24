"""A trade of dYdX v4, from the socket or from its history, to a liquidation.

    {"id":"014f495a0000000200000005","side":"SELL","size":"3.9","price":"22.87","type":"LIQUIDATED",
     "createdAt":"2024-08-04T07:34:50.628Z"}

LIQUIDATED says that the taker was liquidated: SELL closes a long. DELEVERAGED is none: another account was made to take
the position over. The id, a text, names the trade: 96 bits of its hash are the identity. Source: indexer documentation,
"Trades", recorded 2024-08-04, checked 2026-11-20.
"""

from __future__ import annotations

from typing import Any

import msgspec

from foreshock_dydx.messages import Trade, millis
from foreshock_sdk import EventFlag, FrameError, LiquidatedSide, PriceKind, RawLiquidation
from foreshock_sdk.identity import text_identity

LIQUIDATED = "LIQUIDATED"
OTHER_TRADES = ("LIMIT", "MARKET", "DELEVERAGED", "TWAP_SUBORDER", None)
"""Old documents show trades without a type."""
SIDES = {"SELL": LiquidatedSide.LONG, "BUY": LiquidatedSide.SHORT}


def liquidation(value: Any, instrument: int, flags: EventFlag = EventFlag.NONE) -> RawLiquidation | None:
    """Return the liquidation that a trade is, None for another trade. Raises what reading raises (`UNREADABLE`)."""
    if not isinstance(value, dict):
        raise FrameError("not a trade")
    kind = value.get("type")
    if kind in OTHER_TRADES:
        return None
    if kind != LIQUIDATED:
        raise FrameError(f"unknown type of trade {kind!r:.60}")
    trade = msgspec.convert(value, Trade, strict=False)
    first, second = text_identity(trade.id)
    return RawLiquidation(
        instrument=instrument,
        side=SIDES[trade.side],
        price=trade.price,
        price_kind=PriceKind.AVERAGE,
        size=trade.size,
        ts_event_ms=millis(trade.created_at),
        identity_a=first,
        identity_b=second,
        flags=flags,
    )
