"""Prices, open interest and books of OKX: what they say, in coins.

Source: v5 documentation, "Public data" and "Order book channel", checked 2026-11-20. Every message of a book names
the one before it (`prevSeqId`): a hole makes the book unknown until the next snapshot.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from foreshock_okx.messages import (
    FUNDING,
    INDEX_PRICE,
    MARK_PRICE,
    OPEN_INTEREST,
    TICKERS,
    BookSides,
    Funding,
    Index,
    Interest,
    Mark,
    Ticker,
)
from foreshock_sdk import ContextField, Decoded, FrameError, InstrumentSpec
from foreshock_sdk.book import LevelBooks

SNAPSHOT = -1
Numbers = list[tuple[ContextField, float]]


class Told(msgspec.Struct):
    """What one row of a channel says of a contract. numbers: its fields, once the contract is known."""

    contract: str
    ts: int
    numbers: Callable[[InstrumentSpec], Numbers]


def _mark(value: Any) -> Told:
    row = msgspec.convert(value, Mark, strict=False)
    return Told(row.inst_id, row.ts, lambda _: [(ContextField.MARK, row.mark_px)])


def _index(value: Any) -> Told:
    """Read an index price: of the pair's perpetual; its other contracts go by their marks."""
    row = msgspec.convert(value, Index, strict=False)
    return Told(f"{row.inst_id}-SWAP", row.ts, lambda _: [(ContextField.INDEX, row.idx_px)])


def _funding(value: Any) -> Told:
    row = msgspec.convert(value, Funding, strict=False)
    return Told(row.inst_id, row.ts, lambda _: [(ContextField.FUNDING, row.funding_rate)])


def _interest(value: Any) -> Told:
    row = msgspec.convert(value, Interest, strict=False)
    return Told(row.inst_id, row.ts, lambda _: [(ContextField.OPEN_INTEREST, row.oi_ccy)])


def _ticker(value: Any) -> Told:
    row = msgspec.convert(value, Ticker, strict=False)
    return Told(row.inst_id, row.ts, lambda spec: _best(row, spec))


def _best(row: Ticker, spec: InstrumentSpec) -> Numbers:
    sides = (
        (ContextField.BID, ContextField.BID_QUANTITY, row.bid_px, row.bid_sz),
        (ContextField.ASK, ContextField.ASK_QUANTITY, row.ask_px, row.ask_sz),
    )
    told: Numbers = []
    for price_field, size_field, price, size in sides:
        if isinstance(price, float) and isinstance(size, float):
            told += [(price_field, price), (size_field, spec.coins(size, price))]
    return told


READERS: dict[str, Callable[[Any], Told]] = {
    MARK_PRICE: _mark,
    INDEX_PRICE: _index,
    FUNDING: _funding,
    OPEN_INTEREST: _interest,
    TICKERS: _ticker,
}
"""By channel."""


class Books:
    """The books of one connection, each with the number of its last message."""

    def __init__(self) -> None:
        self._levels = LevelBooks()
        self._last: dict[int, int] = {}

    def take(self, number: int, instrument: int, value: Any) -> bool:
        """Take one message of a book; tell whether it is known. Raises FrameError at a hole and forgets the book."""
        sides = msgspec.convert(value, BookSides, strict=False)
        bids = [(price, size) for price, size, *_ in sides.bids]
        asks = [(price, size) for price, size, *_ in sides.asks]
        before = self._last.get(instrument)
        if sides.prev_seq_id == SNAPSHOT:
            self._levels.snapshot(number, instrument, bids, asks, sides.ts)
        elif before is None:
            return False
        elif sides.prev_seq_id != before:
            del self._last[instrument]
            self._levels.forget(instrument)
            raise FrameError(f"a hole in the book: {sides.prev_seq_id} follows {before}")
        else:
            self._levels.change(number, instrument, bids, asks, sides.ts)
        self._last[instrument] = sides.seq_id
        return True

    def tell(self, out: Decoded) -> None:
        """Add the books that are due."""
        self._levels.tell(out)
