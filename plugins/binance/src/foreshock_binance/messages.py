"""The messages of Binance futures as far as we read them.

Source: USD-M documentation, "All Market Liquidation Order Streams", "Mark Price Stream", "Individual Symbol Book Ticker
Streams", "Partial Book Depth Streams" and "Open Interest", checked 2026-11-20.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from foreshock_sdk.reading import Finite, Millis, NonNegative, Positive


class Order(msgspec.Struct, gc=False):
    """The part of a liquidation order that we read; ap may be 0 when nothing was filled yet."""

    s: str
    S: Literal["SELL", "BUY"]
    q: NonNegative
    p: NonNegative
    ap: NonNegative
    z: Positive
    T: Millis


class FilledOrder(Order, gc=False):
    """The usual order, for the fast path."""

    ap: Positive


class ForceOrder(msgspec.Struct, gc=False, tag_field="e", tag="forceOrder"):
    """A push."""

    o: FilledOrder


class TimedForceOrder(ForceOrder, gc=False, tag_field="e", tag="forceOrder"):
    """A push with its time; 0 when it does not say."""

    E: Millis = 0


class Combined(msgspec.Struct, gc=False):
    """What /market/stream wraps around a push."""

    data: ForceOrder


class TimedCombined(msgspec.Struct, gc=False):
    """The same when its time matters."""

    data: TimedForceOrder


class MarkPriceUpdate(msgspec.Struct, gc=False):
    """Mark price p, index i, funding rate r ("" on dated contracts)."""

    s: str
    E: Millis
    p: Positive
    i: NonNegative | Literal[""] | None = None
    r: Finite | Literal[""] | None = None


class BookTicker(msgspec.Struct, gc=False):
    """Best bid b with its size B, best ask a with its size A; T is when it was so, E the push."""

    s: str
    E: Millis
    T: Millis
    b: Positive
    B: NonNegative
    a: Positive
    A: NonNegative


class OpenInterest(msgspec.Struct, rename="camel"):
    """REST's answer: open interest of a USD-M contract in coins of its spelling. COIN-M's says its pair: contracts."""

    symbol: str
    open_interest: NonNegative
    time: Millis


class PartialBook(msgspec.Struct):
    """The best levels of both sides as [price, size], whole."""

    s: str
    E: Millis
    T: Millis
    b: list[tuple[Positive, NonNegative]]
    a: list[tuple[Positive, NonNegative]]
