"""The writing end: rows become entries, at once when idle, gathered in a burst, kept while Redis is away."""

from __future__ import annotations

import asyncio

from foreshock_feeds.domain.assemble import ENTRY_ROWS, GRID_NS, Assembler
from foreshock_feeds.domain.ingest import Ingest, Ingested
from foreshock_feeds.flow import Flow
from foreshock_feeds.health import RouteHealth
from foreshock_feeds.metrics import FeedsMetrics
from foreshock_model.batch import encode
from foreshock_runtime.backoff import wait_for_event
from foreshock_runtime.clock import Clock, FrameClock, monotonic_ns
from foreshock_runtime.log import get_logger
from foreshock_runtime.streams.writer import PartitionWriter

REST_SECONDS = 0.5
"""A recording that brings nothing for so long has ended or rests: what waits is written."""
ROW_BYTES = 64
"""What a row takes once it is cut into an entry, rounded up."""
log = get_logger("feeds")


class Output:
    """Takes rows from all sockets and writes them to the partitions' streams.

    While Redis is away at most buffer_rows rows wait here, and as many in the writer, already cut into entries.
    """

    def __init__(  # noqa: PLR0913 - its parts, by name
        self,
        writer: PartitionWriter,
        assembler: Assembler,
        health: RouteHealth,
        *,
        clock: Clock,
        metrics: FeedsMetrics,
        flow: Flow,
        gather_ms: float,
        buffer_rows: int,
    ) -> None:
        self._writer = writer
        self._assembler = assembler
        self._health = health
        self._clock = clock
        self._metrics = metrics
        self._flow = flow
        self._gather_ns = int(gather_ms * 1e6)
        self._buffer_rows = buffer_rows
        self._wake = asyncio.Event()
        self._replay = isinstance(clock, FrameClock)
        self._clock_of_rows = 0

    def deliver(self, ingest: Ingest, found: Ingested) -> None:
        """Take rows from a socket; never waits."""
        now = self._clock.now()
        if self._replay and now // GRID_NS != self._clock_of_rows // GRID_NS and self._writer_has_room():
            # A recording may jump, and its entries should not depend on how fast it is read: one a slot of the grid.
            self._cut(self._clock_of_rows)
        self._clock_of_rows = now
        self._assembler.add(ingest, found)
        self._metrics.rows(ingest, found)
        if self._assembler.rows > self._buffer_rows:
            self._drop()
        if self._assembler.rows > ENTRY_ROWS or (self._replay and not self._writer_has_room()):
            self._flow.hold()
        self._wake.set()

    @property
    def waiting(self) -> int:
        """Rows that are not cut into entries yet."""
        return self._assembler.rows

    async def run(self) -> None:
        """Write for ever; to be cancelled. What waits then is written by `drain`."""
        last = 0
        while True:
            woken = await wait_for_event(self._wake, self._until_grid())
            rest = self._gather_ns - (monotonic_ns() - last)
            if rest > 0 and woken:
                await asyncio.sleep(rest / 1e9)
            self._wake.clear()
            last = monotonic_ns()
            if not (self._replay and woken):
                self._cut(self._now())
            await self._writer.flush()
            self._flow.release()

    async def drain(self) -> None:
        """Write all that waits. Returns when Redis has it."""
        self._cut(self._now())
        await self._writer.flush()

    def close(self) -> None:
        """Count what still waits, for the process ends and nobody will write it."""
        rows, entries = self._assembler.rows, sum(part.entries for part in self._writer.pending())
        if rows or entries:
            self._metrics.unwritten(rows + entries)
            log.error("lost_at_the_end", rows=rows, entries=entries)

    def _now(self) -> int:
        return self._clock_of_rows if self._replay else self._clock.now()

    def _cut(self, clock: int) -> None:
        if not clock:
            return
        for partition, batch in self._assembler.cut(clock):
            self._writer.add(partition, "batch", clock, encode(batch))
        ticks = self._assembler.due_ticks(clock)
        if ticks:
            data = self._health.tick()
            for partition in ticks:
                self._writer.add(partition, "tick", clock, data)

    def _writer_has_room(self) -> bool:
        return sum(part.size for part in self._writer.pending()) < self._buffer_rows * ROW_BYTES

    def _drop(self) -> None:
        context, liquidations = self._assembler.bound(self._buffer_rows * 9 // 10)
        self._metrics.dropped(context, liquidations)
        log.error("rows_dropped", context=context, liquidations=liquidations, buffer_rows=self._buffer_rows)

    def _until_grid(self) -> float:
        # Ticks carry the clock on when no event comes; a replay's clock moves with its frames alone.
        if self._replay:
            return REST_SECONDS
        return (GRID_NS - self._clock.now() % GRID_NS) / 1e9
