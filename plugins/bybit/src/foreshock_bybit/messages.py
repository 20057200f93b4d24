"""The messages of Bybit v5 as far as we read them, and the topics they come under.

Source: v5 documentation, "All Liquidation", "Ticker" and "Orderbook", checked 2026-11-20.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from foreshock_sdk.reading import Finite, Millis, NonNegative, Positive

LIQUIDATIONS = "allLiquidation."
RETIRED = "liquidation."
TICKERS = "tickers."
BOOKS = "orderbook."


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


class BookSides(msgspec.Struct):
    """Levels of both sides as [price, size], size 0 for one that is gone; u is 1 after a restart of the service."""

    s: str
    b: list[tuple[Positive, NonNegative]]
    a: list[tuple[Positive, NonNegative]]
    u: int = 0


class BookPush(msgspec.Struct):
    """A whole book, or what changed."""

    type: Literal["snapshot", "delta"]
    ts: Millis
    data: BookSides
