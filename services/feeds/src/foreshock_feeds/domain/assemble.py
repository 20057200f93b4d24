"""Gathers rows until they are written: one entry a partition, and a tick where a partition had none."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from foreshock_feeds.domain.conflate import GRID_NS, Conflation
from foreshock_feeds.domain.ingest import Ingest, Ingested
from foreshock_model.batch import CONTEXT_COLUMNS, LIQUIDATION_COLUMNS, Columns, EventBatch, InstrumentRef, empty, join

Array = npt.NDArray[Any]
TICK_NS = 1_000_000_000
"""And at least one tick in so long, for a tick says more than the time: readers take a writer without one for gone."""
ENTRY_ROWS = 20_000
"""Rows after which a new entry is begun: about 2 MB."""
PIECES = 1_024
"""So many small chunks are joined: one of a single row takes fifty times the room of the row."""

_Chunk = tuple[Ingest, Ingested]
_NO_LIQUIDATIONS, _NO_CONTEXT = empty(LIQUIDATION_COLUMNS), empty(CONTEXT_COLUMNS)


class Assembler:
    """Waiting rows of all venues, by partition.

    rows: liquidations that wait. conflation: context that waits, which a liquidation never waits for.
    """

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions
        self._chunks: deque[_Chunk] = deque()
        self._slot = [-1] * partitions
        self._ticked = [-TICK_NS] * partitions
        self._loose = 0
        self.rows = 0
        self.conflation: Conflation[Ingest] = Conflation()

    def add(self, ingest: Ingest, found: Ingested) -> None:
        """Take rows. Empty ones are nothing."""
        if found.context["instrument"].size:
            self.conflation.add(ingest, found.context)
        rows = found.liquidations["instrument"].size
        if rows:
            self._chunks.append((ingest, Ingested(found.liquidations, _NO_CONTEXT)))
            self.rows += rows
            self._loose += 1
            if self._loose == PIECES:
                self._pack()

    def cut(self, clock: int, *, context: bool = True, last: bool = False) -> list[tuple[int, EventBatch]]:
        """Return what waits as one batch a partition, and forget it. clock: the time of writing, ns UTC.

        Without context only the newest of it is kept, for later. last: nothing comes after this.
        """
        if context:
            for ingest, rows in self.conflation.release(clock, last=last):
                self._chunks.append((ingest, Ingested(_NO_LIQUIDATIONS, rows)))
        batches: list[tuple[int, EventBatch]] = []
        while self._chunks:
            parts = _split(self._next_chunks(), self.partitions)
            batches += [(partition, _merge(found)) for partition, found in parts]
        self._loose = 0
        for partition, _ in batches:
            self._slot[partition] = clock // GRID_NS
        return batches

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
            self.rows -= chunk[1].liquidations["instrument"].size
        return taken

    def want_ticks(self) -> None:
        """Make a tick due in every partition."""
        self._ticked = [-TICK_NS] * self.partitions

    def due_ticks(self, clock: int, *, seldom: bool = False) -> list[int]:
        """Return the partitions without an entry in the grid slot of this time, or without a tick for TICK_NS.

        They count as served. seldom: only the latter.
        """
        slot = clock // GRID_NS
        last = zip(self._slot, self._ticked, strict=True)
        due = [
            number
            for number, (any_, tick) in enumerate(last)
            if (any_ < slot and not seldom) or clock - tick >= TICK_NS
        ]
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
        counts = np.bincount(both)
        used = np.flatnonzero(counts)
        counts[used] = [refs.setdefault(ingest.refs[index], len(refs)) for index in used.tolist()]
        placed = counts.take(both).astype(np.uint16)
        rows = found.liquidations["instrument"].size
        liquidations.append({**found.liquidations, "instrument": placed[:rows]})
        context.append({**found.context, "instrument": placed[rows:]})
    return EventBatch(tuple(refs), join(liquidations, LIQUIDATION_COLUMNS), join(context, CONTEXT_COLUMNS))


def _joined(found: list[Ingested]) -> Ingested:
    return Ingested(
        join([each.liquidations for each in found], LIQUIDATION_COLUMNS),
        join([each.context for each in found], CONTEXT_COLUMNS),
    )
