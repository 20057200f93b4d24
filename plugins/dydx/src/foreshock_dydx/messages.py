"""The messages of dYdX v4's indexer as far as we read them. Numbers come as text, times as ISO 8601.

Source: indexer documentation, "WebSockets", and the schema of `indexer/services/socks` in dydxprotocol/v4-chain,
checked 2026-11-20.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec

from foreshock_sdk import FrameError
from foreshock_sdk.reading import YEAR_2100_MS, Finite, NonNegative, Positive

TRADES, MARKETS, BOOK, BLOCKS = "v4_trades", "v4_markets", "v4_orderbook", "v4_block_height"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


class Trade(msgspec.Struct):
    """A trade; side is the taker's."""

    id: Annotated[str, msgspec.Meta(min_length=1)]
    side: Literal["BUY", "SELL"]
    size: Positive
    price: Positive
    created_at: str = msgspec.field(name="createdAt")


class Market(msgspec.Struct, rename="camel"):
    """What is known of a market, or of it what changed."""

    oracle_price: NonNegative | None = None
    next_funding_rate: Finite | None = None
    open_interest: NonNegative | None = None


class OraclePrice(msgspec.Struct, rename="camel"):
    """A new oracle price."""

    oracle_price: Positive
    effective_at: str


class Level(msgspec.Struct):
    """One price of a whole book."""

    price: Positive
    size: NonNegative


class BookSnapshot(msgspec.Struct):
    """A whole book."""

    bids: list[Level]
    asks: list[Level]


class BookChange(msgspec.Struct):
    """Prices that changed, with their new sizes."""

    bids: list[tuple[Positive, NonNegative]] = []
    asks: list[tuple[Positive, NonNegative]] = []


class Block(msgspec.Struct):
    """A block of the chain."""

    time: str


def millis(text: str) -> int:
    """Return an ISO 8601 time in ms UTC. Raises FrameError when it has no zone, or is none of our times."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise FrameError(f"{text!r:.60} is not a time") from None
    if moment.tzinfo is None or not 0 < (found := (moment - EPOCH) // MILLISECOND) < YEAR_2100_MS:
        raise FrameError(f"{text!r:.60} is not a time")
    return found


def iso(milliseconds: int) -> str:
    """Return a time as the venue writes it."""
    return (EPOCH + milliseconds * MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")
