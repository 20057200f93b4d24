"""The messages of Bybit v5 as far as we read them, and the topics they come under.

Source: v5 documentation, "All Liquidation" and "Ticker", checked 2026-11-20.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from foreshock_sdk import ContextField
from foreshock_sdk.reading import Finite, Millis, NonNegative, Positive

LIQUIDATIONS = "allLiquidation."
RETIRED = "liquidation."
TICKERS = "tickers."


class Row(msgspec.Struct, gc=False):
    """One liquidation."""

    T: Millis
    s: str
    S: Literal["Buy", "Sell"]
    v: Positive
    p: Positive


class Push(msgspec.Struct, gc=False):
    """A push; ts is 0 when it does not say its time."""

    topic: str
    data: list[Row]
    ts: Millis = 0


class Ticker(msgspec.Struct, rename="camel"):
    """A snapshot, or a delta with the changed keys only. openInterest counts both sides."""

    symbol: str
    mark_price: Positive | Literal[""] | None = None
    index_price: Positive | Literal[""] | None = None
    funding_rate: Finite | Literal[""] | None = None
    single_open_interest: NonNegative | Literal[""] | None = None
    open_interest: NonNegative | Literal[""] | None = None
    bid: Positive | Literal[""] | None = msgspec.field(default=None, name="bid1Price")
    bid_size: NonNegative | Literal[""] | None = msgspec.field(default=None, name="bid1Size")
    ask: Positive | Literal[""] | None = msgspec.field(default=None, name="ask1Price")
    ask_size: NonNegative | Literal[""] | None = msgspec.field(default=None, name="ask1Size")

    def told(self) -> list[tuple[ContextField, float]]:
        """Return what this message says, field by field."""
        interest = self.single_open_interest
        if not isinstance(interest, float) and isinstance(self.open_interest, float):
            interest = self.open_interest / 2
        fields = (
            (ContextField.MARK, self.mark_price),
            (ContextField.INDEX, self.index_price),
            (ContextField.FUNDING, self.funding_rate),
            (ContextField.OPEN_INTEREST, interest),
            (ContextField.BID, self.bid),
            (ContextField.ASK, self.ask),
            (ContextField.BID_QUANTITY, self.bid_size),
            (ContextField.ASK_QUANTITY, self.ask_size),
        )
        return [(field, value) for field, value in fields if isinstance(value, float)]
