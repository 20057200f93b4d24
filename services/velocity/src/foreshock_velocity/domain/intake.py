"""What one entry brings: rows into totals and frontiers, names, marks. Windows are filled later, at their frontiers."""

from __future__ import annotations

import msgspec
import numpy as np

from foreshock_model.batch import EventBatch
from foreshock_velocity.domain.arrays import Array
from foreshock_velocity.domain.book import Book
from foreshock_velocity.domain.current import BTC
from foreshock_velocity.domain.rows import Rows, fundings, marks, select
from foreshock_velocity.domain.symbols import rank_of

MARK_SYMBOLS = frozenset({BTC})
"""Symbols whose every mark price gives a row, because the regime is read from them."""


class Counters(msgspec.Struct):
    """What a partition has seen since its stream began.

    entries    inputs answered, repeats apart
    events     liquidations counted;  late of these, in totals only;  ahead of these, set back to the clock
    ignored    rows that are no liquidation (price, notional or side)
    doubled    liquidations left out because they had been counted before
    rejected_configs  revisions that could not be applied
    """

    entries: int = 0
    events: int = 0
    late: int = 0
    ahead: int = 0
    ignored: int = 0
    doubled: int = 0
    rejected_configs: int = 0


class Taken:
    """What an entry touched.

    flag (S,) symbols that get a row;  recv (S,) ns UTC of their newest row;  marked: symbols with a new mark price
    rows and pair (N,): liquidations still to be placed in windows
    """

    __slots__ = ("flag", "marked", "pair", "recv", "rows")

    def __init__(self, symbols: int, rows: Rows | None = None, pair: Array | None = None) -> None:
        self.flag = np.zeros(symbols, np.bool_)
        self.recv = np.zeros(symbols, np.int64)
        self.rows = rows
        self.pair = pair
        self.marked: list[int] = []

    def place(self, book: Book) -> None:
        """Put the rows into their windows."""
        if self.rows is not None and self.pair is not None and self.pair.size:
            book.place(self.pair, self.rows)


def take(book: Book, batch: EventBatch, *, now: int, late_ns: int, counters: Counters) -> Taken:
    """Take a batch up at the clock `now`, ns UTC. Rows older than their frontier by `late_ns` go into totals only."""
    rows, ahead = select(batch.liquidations, now)
    pair = book.pairs_of(batch.instruments, rows.ref)
    book.windows.add_totals(pair, rows.side, rows.usd)
    counters.events += len(pair)
    counters.ahead += ahead
    counters.ignored += len(batch.liquidations["instrument"]) - len(pair)
    marked = _take_marks(book, batch, now)
    symbol, recv = book.registry.pair_symbol.take(pair), rows.recv
    rows, pair = _in_time(rows, pair, oldest=book.frontier(pair, now) - late_ns)
    counters.late += len(symbol) - len(pair)
    np.maximum.at(book.windows.front, pair, rows.ts)
    taken = Taken(book.symbols.size, rows, pair)
    taken.flag[symbol] = True
    np.maximum.at(taken.recv, symbol, recv)
    _touch_marked(book, taken, marked)
    return taken


def _in_time(rows: Rows, pair: Array, *, oldest: Array) -> tuple[Rows, Array]:
    good = rows.ts >= oldest
    return (rows, pair) if np.count_nonzero(good) == len(good) else (rows.where(good), pair[good])


def _take_marks(book: Book, batch: EventBatch, now: int) -> list[tuple[int, int]]:
    """Take mark prices up; return (symbol, ns UTC of receipt) of the new ones."""
    if not batch.context["instrument"].size:
        return []
    new = []
    for mark in marks(batch.context):
        contract = batch.instruments[mark.ref]
        number = book.registry.symbol(contract.symbol)
        if contract.symbol in MARK_SYMBOLS:
            book.registry.pair(contract.symbol, contract.venue)
        book.resize()
        source = (book.source(contract.instrument), rank_of(contract.symbol, contract.instrument))
        if book.symbols.take_mark(number, price=mark.value, ts=min(mark.ts, now), source=source, now=now):
            new.append((number, mark.recv))
    _take_fundings(book, batch, now)
    return new


def _take_fundings(book: Book, batch: EventBatch, now: int) -> None:
    """Take funding rates up, of contracts that give a mark."""
    for rate in fundings(batch.context):
        contract = batch.instruments[rate.ref]
        number = book.registry.find_symbol(contract.symbol)
        if number is not None:
            source = book.source(contract.instrument)
            book.symbols.take_funding(number, rate=rate.value, ts=min(rate.ts, now), source=source)


def _touch_marked(book: Book, taken: Taken, marked: list[tuple[int, int]]) -> None:
    """Touch the symbols a new mark is news for: those with liquidations in some window, and MARK_SYMBOLS."""
    for number, recv in marked:
        taken.marked.append(number)
        if book.symbols.live[number] or book.registry.symbols[number] in MARK_SYMBOLS:
            taken.flag[number] = True
            taken.recv[number] = max(taken.recv[number], recv)
