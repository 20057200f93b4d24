"""The last seconds of a route that another process writes, kept for the moment that it does so no longer."""

from __future__ import annotations

from collections import deque

from foreshock_feeds.domain.conflate import newest
from foreshock_feeds.domain.ingest import Ingested
from foreshock_model.batch import CONTEXT_COLUMNS, LIQUIDATION_COLUMNS, Columns, empty, join

KEPT_NS = 10_000_000_000
"""Five times as long as a lease lives after its holder."""
MOST_ROWS = 100_000
"""Liquidations that a route keeps: 10,000 a second, 6 MB."""
LOOSE = 256
"""So many small chunks are joined: one of a single row takes fifty times the room of the row."""
FOLD_ROWS = 10_000
PIECE = 1_000
"""Rows that are handed over together: an entry should not hold all of them."""

_NO_LIQUIDATIONS, _NO_CONTEXT = empty(LIQUIDATION_COLUMNS), empty(CONTEXT_COLUMNS)


class Standby:
    """Keeps rows of one route in the order they came: liquidations of the last 10 s, of context the newest values.

    dropped: rows (context, liquidations) that went for want of room, context before liquidations; those that went
    because they were old do not count.
    """

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        self.dropped = [0, 0]
        self._most = most_rows
        self._liquidations: deque[Columns] = deque()
        self._context: deque[Columns] = deque()
        self._rows = [0, 0]
        self._loose = 0
        self._fold_at = FOLD_ROWS

    @property
    def rows(self) -> int:
        """Rows that are kept."""
        return sum(self._rows)

    def keep(self, found: Ingested, now: int) -> None:
        """Take rows at a time by the receive clock, ns UTC."""
        if found.context["instrument"].size:
            self._context.append(found.context)
            self._rows[0] += _size(found.context)
            if self._rows[0] > self._fold_at:
                self._fold()
        if found.liquidations["instrument"].size:
            self._liquidations.append(found.liquidations)
            self._rows[1] += _size(found.liquidations)
            self._loose += 1
            if self._loose == LOOSE:
                self._pack()
        self._expire(now)
        self._make_room()

    def release(self, now: int) -> list[Ingested]:
        """Return what is kept of the last 10 s, oldest first, and forget it. now: the receive clock, ns UTC."""
        liquidations = _young(join(list(self._liquidations), LIQUIDATION_COLUMNS), now)
        context = _young(join(list(self._context), CONTEXT_COLUMNS), now)
        self._liquidations.clear()
        self._context.clear()
        self._rows, self._loose, self._fold_at = [0, 0], 0, FOLD_ROWS
        pieces = [Ingested(piece, _NO_CONTEXT) for piece in _pieces(liquidations)]
        return [*pieces, *(Ingested(_NO_LIQUIDATIONS, piece) for piece in _pieces(context))]

    def _expire(self, now: int) -> None:
        for number, chunks in enumerate((self._context, self._liquidations)):
            while chunks and int(chunks[0]["ts_recv"].max()) <= now - KEPT_NS:
                self._rows[number] -= _size(chunks.popleft())

    def _make_room(self) -> None:
        for number, chunks in enumerate((self._context, self._liquidations)):
            while self.rows > self._most and chunks:
                oldest = chunks.popleft()
                over = min(self.rows - self._most, _size(oldest))
                self._rows[number] -= over
                self.dropped[number] += over
                if over < _size(oldest):
                    chunks.appendleft({name: values[over:].copy() for name, values in oldest.items()})

    def _pack(self) -> None:
        """Join the newest small chunks, so that a long wait takes the room of its rows."""
        self._loose = 0
        newest_chunks = [self._liquidations.pop() for _ in range(min(LOOSE, len(self._liquidations)))]
        self._liquidations.append(join(newest_chunks[::-1], LIQUIDATION_COLUMNS))

    def _fold(self) -> None:
        """Keep of context the newest value of each contract and field: more is not told of it anyway."""
        rows = join(list(self._context), CONTEXT_COLUMNS)
        place = newest(rows)
        self._context = deque([{name: values[place] for name, values in rows.items()}])
        self._rows[0] = len(place)
        self._fold_at = FOLD_ROWS + 2 * len(place)


def _size(rows: Columns) -> int:
    return int(rows["instrument"].size)


def _young(rows: Columns, now: int) -> Columns:
    keep = rows["ts_recv"] > now - KEPT_NS
    return rows if keep.all() else {name: values[keep] for name, values in rows.items()}


def _pieces(rows: Columns) -> list[Columns]:
    starts = range(0, _size(rows), PIECE)
    return [{name: values[at : at + PIECE] for name, values in rows.items()} for at in starts]
