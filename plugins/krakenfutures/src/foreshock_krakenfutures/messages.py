"""The messages of Kraken Futures' websocket v1 and of its history, as far as we read them.

Source: documentation, "Trade", "Ticker", "Book" and "Get public execution events", checked 2026-11-20.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from foreshock_sdk.reading import Finite, Millis, NonNegative, Positive

TRADE, TRADE_SNAPSHOT, TICKER = "trade", "trade_snapshot", "ticker"
BOOK, BOOK_SNAPSHOT = "book", "book_snapshot"
Uid = Annotated[str, msgspec.Meta(min_length=1)]


class Trade(msgspec.Struct):
    """A trade; side is the taker's."""

    product_id: str
    uid: Uid
    side: Literal["buy", "sell"]
    time: Millis
    qty: Positive
    price: Positive


class Ticker(msgspec.Struct):
    """What a contract trades at; 0 is told for what there is not."""

    product_id: str
    time: Millis
    bid: NonNegative | None = None
    ask: NonNegative | None = None
    bid_size: NonNegative | None = None
    ask_size: NonNegative | None = None
    index: NonNegative | None = None
    mark: NonNegative | None = msgspec.field(name="markPrice", default=None)
    open_interest: NonNegative | None = msgspec.field(name="openInterest", default=None)
    funding: Finite | None = msgspec.field(name="relative_funding_rate", default=None)
    """The hour's rate as a fraction; `funding_rate` beside it is an amount of money a contract."""


class Level(msgspec.Struct):
    """One price of a book."""

    price: Positive
    qty: NonNegative


class BookSnapshot(msgspec.Struct):
    """A whole book."""

    product_id: str
    timestamp: Millis
    bids: list[Level]
    asks: list[Level]


class BookDelta(Level):
    """One price that changed; buy is the side of the bids."""

    product_id: str
    timestamp: Millis
    side: Literal["buy", "sell"]


class TakerOrder(msgspec.Struct):
    """The order that took."""

    tradeable: str
    direction: Literal["Buy", "Sell"]
    kind: str = msgspec.field(name="orderType")


class Execution(msgspec.Struct, rename="camel"):
    """A trade of the history."""

    uid: Uid
    taker_order: TakerOrder
    timestamp: Millis
    quantity: Positive
    price: Positive


class ExecutionHolder(msgspec.Struct):
    """What `event.Execution` holds."""

    execution: Execution


class Event(msgspec.Struct):
    """What an element holds."""

    holder: ExecutionHolder = msgspec.field(name="Execution")


class Element(msgspec.Struct):
    """One event of the history."""

    uid: Uid
    event: Event
