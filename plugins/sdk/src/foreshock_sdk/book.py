"""Order books kept from snapshots and changes, told at a steady pace."""

from __future__ import annotations

from collections.abc import Iterable

from foreshock_sdk.columns import Decoded, Level

EVERY_MS = 100
DEEPEST = 400
"""Levels a side that are told."""


class _Book:
    __slots__ = ("asks", "bids", "told_ms", "ts_ms")

    def __init__(self) -> None:
        self.bids: dict[float, float] = {}
        self.asks: dict[float, float] = {}
        self.ts_ms = 0
        self.told_ms = -EVERY_MS


class LevelBooks:
    """The books of one connection. Sizes of 0 delete a level; a contract without a snapshot has no book."""

    def __init__(self) -> None:
        self._books: dict[int, _Book] = {}
        self._touched: dict[int, int] = {}

    def snapshot(self, frame: int, instrument: int, bids: Iterable[Level], asks: Iterable[Level], ts_ms: int) -> None:  # noqa: PLR0917 - a book
        """Begin a book anew."""
        book = self._books.setdefault(instrument, _Book())
        book.bids.clear()
        book.asks.clear()
        self.change(frame, instrument, bids, asks, ts_ms)

    def change(self, frame: int, instrument: int, bids: Iterable[Level], asks: Iterable[Level], ts_ms: int) -> bool:  # noqa: PLR0917 - a book
        """Change levels; tell whether there was a book to change."""
        book = self._books.get(instrument)
        if book is None:
            return False
        for side, levels in ((book.bids, bids), (book.asks, asks)):
            for price, size in levels:
                if size:
                    side[price] = size
                else:
                    side.pop(price, None)
        book.ts_ms = max(book.ts_ms, ts_ms)
        self._touched[instrument] = frame
        return True

    def forget(self, instrument: int) -> None:
        """Drop a book whose changes have a hole: only a snapshot begins it again."""
        self._books.pop(instrument, None)
        self._touched.pop(instrument, None)

    def tell(self, out: Decoded) -> None:
        """Add the books that changed and were not told within EVERY_MS of the venue's time; the others wait."""
        for instrument, frame in list(self._touched.items()):
            book = self._books[instrument]
            if book.ts_ms - book.told_ms >= EVERY_MS:
                book.told_ms = book.ts_ms
                bids = sorted(book.bids.items(), reverse=True)[:DEEPEST]
                asks = sorted(book.asks.items())[:DEEPEST]
                out.books.append(frame, instrument, book.ts_ms, (bids, asks))
                del self._touched[instrument]
