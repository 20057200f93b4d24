"""The messages of Gate futures as far as we read them, and the channels they come under.

Source: "Futures WebSocket v4" and "Futures" of APIv4, and the change of the liquidation channel of 2026-08-20; checked
2026-11-20.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from foreshock_sdk import Level
from foreshock_sdk.reading import YEAR_2100_MS, Finite, Millis, NonNegative, Positive

LIQUIDATES = "futures.public_liquidates"
TICKERS = "futures.tickers"
BOOKS = "futures.obu"
PING = "futures.ping"
PONG = "futures.pong"
WHOLE_MARKET = "!all"
BOOK_LEVELS = 400

MS_PER_SECOND = 1000
SECONDS_BELOW = YEAR_2100_MS // MS_PER_SECOND
"""A smaller number is a time in seconds: as ms it would be of early 1970."""
Seconds = Annotated[int, msgspec.Meta(gt=0, lt=SECONDS_BELOW)]


class Liquidate(msgspec.Struct):
    """One liquidation order of the socket; the older form has `time_ms`, the newer `time`: in ms, once in seconds."""

    contract: str
    price: Positive
    size: Finite
    time: Millis = 0
    time_ms: Millis = 0

    @property
    def ts_ms(self) -> int:
        """Time in ms, 0 when there is none."""
        told = self.time_ms or self.time
        return told * MS_PER_SECOND if told < SECONDS_BELOW else told


class Push(msgspec.Struct):
    """A frame of liquidations."""

    channel: Literal["futures.public_liquidates"]
    event: Literal["update"]
    result: list[Liquidate]
    time_ms: Millis = 0
    error: None = None


class LiqOrder(msgspec.Struct):
    """One liquidation order of REST: size is the position's, order_size the order's, of opposite signs; time in s."""

    contract: str
    time: Seconds
    size: Finite
    order_size: Finite
    order_price: Positive

    @property
    def position(self) -> float:
        """What the sign of the position is; the order's is the opposite."""
        return self.size or -self.order_size


class Ticker(msgspec.Struct):
    """What is told of one contract; total_size in contracts."""

    contract: str
    mark_price: NonNegative | Literal[""] = ""
    index_price: NonNegative | Literal[""] = ""
    funding_rate: Finite | Literal[""] = ""
    total_size: NonNegative | Literal[""] = ""


class Book(msgspec.Struct):
    """A whole book (full), or its changes since the one that ended with U - 1. A size of 0 takes a level away."""

    s: str
    t: Millis
    u: int
    U: int = 0
    full: bool = False
    b: list[tuple[Positive, NonNegative]] = []
    a: list[tuple[Positive, NonNegative]] = []

    @property
    def contract(self) -> str:
        """The contract of the stream `ob.BTC_USDT.400`."""
        return self.s.removeprefix("ob.").rpartition(".")[0]

    @property
    def sides(self) -> tuple[list[Level], list[Level]]:
        """(bids, asks)."""
        return self.b, self.a


def book_stream(contract: str) -> str:
    """Return the name of a contract's book."""
    return f"ob.{contract}.{BOOK_LEVELS}"
