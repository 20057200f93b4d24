"""Who is told of in an answer: the symbols an entry touched and, at each grid point, those that decay."""

from __future__ import annotations

import numpy as np

from foreshock_model.metrics import WindowMetrics
from foreshock_velocity.domain.arrays import Array
from foreshock_velocity.domain.book import Book
from foreshock_velocity.domain.evaluate import Selection, evaluate
from foreshock_velocity.domain.intake import Taken

NEVER = -1
PUBLISH_EVERY_NS = 500_000_000
MARK_EVERY_NS = 250_000_000
_NONE = np.empty(0, np.int64)


class Teller:
    """Chooses and evaluates rows.

    last_edge  ns UTC, the newest grid point that was evaluated
    metrics    the last answer, None when it had no rows;  due: its rows whose JSON should be renewed
    marks_due  symbols whose mark price should be renewed as JSON
    edge       whether the last answer was the first past a grid point;  chosen: its rows
    """

    def __init__(self, book: Book, windows_ms: tuple[int, ...]) -> None:
        self._book = book
        self._windows_ms = windows_ms
        self.last_edge = NEVER
        self.metrics: WindowMetrics | None = None
        self.due: list[int] = []
        self.marks_due: list[int] = []
        self.edge = False
        self.chosen = Selection(_NONE, _NONE, _NONE, _NONE[None], ())

    def forget(self) -> None:
        """Drop the last answer."""
        self.metrics, self.due, self.marks_due = None, [], []

    def tell(self, taken: Taken, *, now: int, cadence: int, warming: bool) -> WindowMetrics | None:
        """Evaluate touched symbols at `now` and, once past a grid point of `cadence`, live ones at it; all ns UTC."""
        book = self._book
        self._note_marks(taken.marked, now)
        edge = self.edge = self._pass_edge(now, cadence)
        book.sweep(now)
        wanted = taken.flag | self._decaying(len(taken.flag), cadence) if edge else taken.flag
        ids = book.registry.by_name[wanted[book.registry.by_name]]
        if not ids.size:
            return None
        touched = taken.flag[ids]
        as_of = np.where(touched, now, self.last_edge) if edge else np.full(len(ids), now)
        chosen = Selection(ids, as_of, taken.recv[ids], *book.registry.table(ids))
        lost = book.move_to(chosen.pairs, as_of)
        taken.place(book)
        filled = book.filled(chosen.pairs)
        keep = self._keep(chosen, touched if not edge else touched | lost | ~filled, cadence)
        book.symbols.live[ids] = filled
        due = self._due(chosen, touched, final=~filled, cadence=cadence) if edge else self._quick(ids, now)
        return self._answer(chosen, keep, due & keep, warming=warming)

    def _pass_edge(self, now: int, cadence: int) -> bool:
        """Return True for the first evaluation after a grid point, and remember that point."""
        grid = now // cadence * cadence
        if grid <= self.last_edge:
            return False
        self.last_edge = grid
        return True

    def _decaying(self, symbols: int, cadence: int) -> Array:
        """Return (S,) True for living symbols whose last row is a whole cadence old."""
        columns = self._book.symbols
        old: Array = columns.row_at[:symbols] <= self.last_edge - cadence
        return columns.live[:symbols] & old

    def _keep(self, chosen: Selection, news: Array, cadence: int) -> Array:
        """Return (R,) True for rows that are news, and unchanged ones whose turn it is; never for disabled symbols."""
        symbols, ids = self._book.symbols, chosen.ids
        if not news.all():
            news = news | symbols.beat(ids, at=self.last_edge, since=symbols.row_at[ids], cadence=cadence)
        return news & ~symbols.disabled[ids]

    def _quick(self, ids: Array, now: int) -> Array:
        due: Array = now - self._book.symbols.published_at[ids] >= PUBLISH_EVERY_NS
        return due

    def _due(self, chosen: Selection, touched: Array, *, final: Array, cadence: int) -> Array:
        """Return (R,) True where the JSON is due: touched ones at most twice a second, others at their turn."""
        symbols, ids = self._book.symbols, chosen.ids
        last = symbols.published_at[ids]
        turn = symbols.beat(ids, at=self.last_edge, since=last, cadence=cadence)
        due: Array = np.where(touched, chosen.as_of - last >= PUBLISH_EVERY_NS, turn | final)
        return due

    def _answer(self, chosen: Selection, keep: Array, due: Array, *, warming: bool) -> WindowMetrics | None:
        symbols = self._book.symbols
        if not keep.all():
            ids = chosen.ids[keep]
            if not ids.size:
                return None
            table = self._book.registry.table(ids)
            chosen, due = Selection(ids, chosen.as_of[keep], chosen.recv[keep], *table), due[keep]
        self.chosen = chosen
        symbols.row_at[chosen.ids] = chosen.as_of
        if due.any():
            symbols.published_at[chosen.ids[due]] = chosen.as_of[due]
            self.due = np.flatnonzero(due).tolist()
        self.metrics = evaluate(self._book, chosen, self._windows_ms, warming=warming)
        return self.metrics

    def _note_marks(self, marked: list[int], now: int) -> None:
        symbols = self._book.symbols
        for number in marked:
            if now - symbols.mark_published_at[number] >= MARK_EVERY_NS:
                symbols.mark_published_at[number] = now
                self.marks_due.append(number)
