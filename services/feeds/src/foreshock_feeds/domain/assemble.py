"""Gathers rows until they are written: one entry a partition, and a tick where a partition had none."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from foreshock_feeds.domain.ingest import Ingest, Ingested
from foreshock_model.batch import CONTEXT_COLUMNS, LIQUIDATION_COLUMNS, Columns, EventBatch, InstrumentRef, empty

Array = npt.NDArray[Any]
GRID_NS = 100_000_000
"""Every partition gets at least one entry in each slot of this grid, so that every reader's clock goes on."""
TICK_NS = 10_000_000_000
"""And at least one tick in so long, for a tick says more than the time: a reader that starts anew has to hear it."""
ENTRY_ROWS = 20_000
"""Rows after which a new entry is begun: about 2 MB."""
PIECES = 1_024
"""So many small chunks are joined: one of a single row takes fifty times the room of the row."""

_Chunk = tuple[Ingest, Ingested]


class Assembler:
    """Waiting rows of all venues, by partition."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._chunks: deque[_Chunk] = deque()
        self._slot = [-1] * partitions
        self._ticked = [-TICK_NS] * partitions
        self._loose = 0
        self.rows = 0

    def add(self, ingest: Ingest, found: Ingested) -> None:
        """Take rows. Empty ones are nothing."""
        rows = _rows(found)
        if rows:
            self._chunks.append((ingest, found))
            self.rows += rows
            self._loose += 1
            if self._loose == PIECES:
                self._pack()

    def cut(self, clock: int) -> list[tuple[int, EventBatch]]:
        """Return what waits as one batch a partition, and forget it. clock: the time of writing, ns UTC."""
        batches: list[tuple[int, EventBatch]] = []
        while self._chunks:
            parts = _split(self._next_chunks(), self._partitions)
            batches += [(partition, _merge(found)) for partition, found in parts]
        self._loose = 0
        for partition, _ in batches:
            self._slot[partition] = clock // GRID_NS
        return batches

    def bound(self, rows: int) -> tuple[int, int]:
        """Drop until at most so many rows wait: context first, then liquidations, oldest first.

        Returns how many rows of context and of liquidations were dropped.
        """
        if self.rows <= rows:
            return 0, 0
        context = sum(found.context["instrument"].size for _, found in self._chunks)
        self._chunks = deque(
            (ingest, Ingested(found.liquidations, empty(CONTEXT_COLUMNS)))
            for ingest, found in self._chunks
            if found.liquidations["instrument"].size
        )
        self.rows -= context
        liquidations = 0
        while self.rows > rows:
            oldest = self._chunks.popleft()[1].liquidations["instrument"].size
            liquidations += oldest
            self.rows -= oldest
        return context, liquidations

    def _pack(self) -> None:
        """Join the newest small chunks, a venue's to one, so that a long wait takes the room of its rows."""
        self._loose = 0
        newest = [self._chunks.pop() for _ in range(min(PIECES, len(self._chunks)))]
        mine: dict[int, list[_Chunk]] = {}
        for chunk in reversed(newest):
            large = _rows(chunk[1]) * PIECES > ENTRY_ROWS
            mine.setdefault(-id(chunk) if large else id(chunk[0]), []).append(chunk)
        self._chunks.extend((chunks[0][0], _joined([found for _, found in chunks])) for chunks in mine.values())

    def _next_chunks(self) -> list[_Chunk]:
        taken: list[_Chunk] = []
        rows = 0
        while self._chunks and rows < ENTRY_ROWS:
            chunk = self._chunks.popleft()
            taken.append(chunk)
            rows += _rows(chunk[1])
        self.rows -= rows
        return taken

    def due_ticks(self, clock: int) -> list[int]:
        """Return the partitions without an entry in the grid slot of this time, or without a tick for TICK_NS.

        They count as served.
        """
        slot = clock // GRID_NS
        last = zip(self._slot, self._ticked, strict=True)
        due = [number for number, (any_, tick) in enumerate(last) if any_ < slot or clock - tick >= TICK_NS]
        for partition in due:
            self._slot[partition], self._ticked[partition] = slot, clock
        return due


def _rows(found: Ingested) -> int:
    return int(found.liquidations["instrument"].size + found.context["instrument"].size)


def _split(chunks: list[_Chunk], partitions: int) -> list[tuple[int, list[_Chunk]]]:
    if partitions == 1:
        return [(0, chunks)]
    parts: dict[int, list[_Chunk]] = {}
    for ingest, found in chunks:
        where = (ingest.partition(found.liquidations), ingest.partition(found.context))
        for partition in np.unique(np.concatenate(where)).tolist():
            mine = Ingested(
                _take(found.liquidations, where[0] == partition), _take(found.context, where[1] == partition)
            )
            parts.setdefault(partition, []).append((ingest, mine))
    return sorted(parts.items())


def _take(columns: Columns, mask: Array) -> Columns:
    return {name: values[mask] for name, values in columns.items()}


def _merge(chunks: list[_Chunk]) -> EventBatch:
    refs: dict[InstrumentRef, int] = {}
    liquidations: list[Columns] = []
    context: list[Columns] = []
    for ingest, found in chunks:
        both = np.concatenate((found.liquidations["instrument"], found.context["instrument"]))
        used, place = np.unique(both, return_inverse=True)
        slots = [refs.setdefault(ingest.refs[index], len(refs)) for index in used.tolist()]
        placed = np.asarray(slots, np.uint16)[place]
        rows = found.liquidations["instrument"].size
        liquidations.append({**found.liquidations, "instrument": placed[:rows]})
        context.append({**found.context, "instrument": placed[rows:]})
    return EventBatch(tuple(refs), _join(liquidations, LIQUIDATION_COLUMNS), _join(context, CONTEXT_COLUMNS))


def _joined(found: list[Ingested]) -> Ingested:
    return Ingested(
        _join([each.liquidations for each in found], LIQUIDATION_COLUMNS),
        _join([each.context for each in found], CONTEXT_COLUMNS),
    )


def _join(parts: list[Columns], layout: tuple[tuple[str, str], ...]) -> Columns:
    full = [part for part in parts if part["instrument"].size]
    if not full:
        return empty(layout)
    if len(full) == 1:
        return full[0]
    return {name: np.concatenate([part[name] for part in full]) for name, _ in layout}
