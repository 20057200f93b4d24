"""The writing end: rows become entries, at once when idle, gathered in a burst, kept while Redis is away."""

from __future__ import annotations

import asyncio

from msgspec import Raw

from foreshock_feeds.domain.assemble import ENTRY_ROWS, Assembler
from foreshock_feeds.domain.conflate import GRID_NS
from foreshock_feeds.domain.ingest import Ingest, Ingested
from foreshock_feeds.domain.recording import NO_TICK, CutData
from foreshock_feeds.flow import Flow
from foreshock_feeds.health import RouteHealth
from foreshock_feeds.metrics import FeedsMetrics
from foreshock_feeds.overflow import Overflow, room
from foreshock_feeds.recorder import Recorder
from foreshock_feeds.spill import Spill
from foreshock_model.batch import encode
from foreshock_runtime.backoff import wait_for_event
from foreshock_runtime.clock import Clock, FrameClock, monotonic_ns
from foreshock_runtime.log import get_logger
from foreshock_runtime.streams.writer import PartitionWriter

REST_SECONDS = 0.5
"""A recording that brings nothing for so long has ended or rests: what waits is written."""
AWAY_NS = 500_000_000
"""A write that takes longer means that Redis is away."""
log = get_logger("feeds")


class Output:
    """Takes rows from all sockets and writes them to the partitions' streams.

    Liquidations wake it; context waits for the grid. While Redis is away entries are cut at the grid alone, so that
    they keep the times they belong to, and wait in the writer as far as `Overflow` lets them.
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
        spill: Spill | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self._writer = writer
        self._assembler = assembler
        self._health = health
        self._clock = clock
        self._metrics = metrics
        self._flow = flow
        self._gather_ns = int(gather_ms * 1e6)
        self._buffer_rows = buffer_rows
        self._overflow = Overflow(writer, spill, metrics, room(assembler.partitions, buffer_rows))
        self._recorder = recorder
        self._wake = asyncio.Event()
        self._replay = isinstance(clock, FrameClock)
        self._clock_of_rows = 0
        self._writing_since = 0
        self._wanted = False

    def deliver(self, ingest: Ingest, found: Ingested) -> None:
        """Take rows from a socket; never waits."""
        now = self._clock.now()
        if self._replay and now // GRID_NS != self._clock_of_rows // GRID_NS:
            # A recording may jump, and its entries should not depend on how fast it is read: one a slot of the grid.
            self._keep(self._clock_of_rows)
        self._clock_of_rows = now
        self._assembler.add(ingest, found)
        self._metrics.rows(ingest, found)
        if self._assembler.rows > self._buffer_rows:
            self._keep(now, away=True)
        if self._assembler.rows > ENTRY_ROWS or (self._replay and self._overflow.crowded):
            self._flow.hold()
        if self._replay or found.liquidations["instrument"].size:
            self._wake.set()

    def tick_soon(self) -> None:
        """Have every partition ticked at once: what ticks say has changed."""
        self._assembler.want_ticks()
        self._wanted = True
        self._wake.set()

    @property
    def waiting(self) -> int:
        """Liquidations that are not cut into entries yet."""
        return self._assembler.rows

    @property
    def entries(self) -> int:
        """Entries in memory that are not written yet."""
        return self._writer.waiting.entries

    @property
    def conflated(self) -> int:
        """Context rows that gave way to newer ones so far."""
        return self._assembler.conflation.conflated

    @property
    def spilled(self) -> int:
        """Bytes of entries on the disk."""
        return self._overflow.spilled

    async def run(self) -> None:
        """Write for ever; to be cancelled. What waits then is written by `drain`."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._write())
            if not self._replay:
                tasks.create_task(self._keep_while_away())

    async def _write(self) -> None:
        last = 0
        while True:
            woken = await wait_for_event(self._wake, self._until_grid())
            rest = self._gather_ns - (monotonic_ns() - last)
            if rest > 0 and woken:
                await asyncio.sleep(rest / 1e9)
            self._wake.clear()
            last = monotonic_ns()
            if not (self._replay and woken):
                self.cut(self._now())
            self._writing_since = monotonic_ns()
            await self._writer.flush()
            self._writing_since = 0
            self._flow.release()

    async def _keep_while_away(self) -> None:
        while True:
            await asyncio.sleep(self._until_grid())
            if self._writing_since and monotonic_ns() - self._writing_since > AWAY_NS:
                self._keep(self._now(), away=True)

    def _keep(self, clock: int, *, away: bool = False) -> None:
        """Cut entries that wait for the writer, within bounds."""
        self.cut(clock, away=away)
        self._overflow.relieve()

    async def drain(self) -> None:
        """Write all that waits. Returns when Redis has it."""
        self.cut(self._now(), last=True)
        await self._writer.flush()

    def close(self) -> None:
        """Leave what still waits to the next start; count it where that cannot be."""
        if self._assembler.rows or self._assembler.conflation.rows:
            self.cut(self._now(), away=True, last=True)
        waiting = self._writer.waiting.entries
        if waiting and self._overflow.leave():
            log.warning("left_to_the_next_start", entries=waiting)
        elif waiting:
            self._metrics.unwritten(waiting)
            log.error("lost_at_the_end", entries=waiting)

    def _now(self) -> int:
        return self._clock_of_rows if self._replay else self._clock.now()

    def cut(self, clock: int, *, away: bool = False, last: bool = False) -> None:
        """Make entries of what waits, and ticks where they are due. clock: their time, ns UTC; at 0 there is none.

        away: Redis does not answer, so the clock need not be told so often. last: nothing comes after this.
        """
        if not clock:
            return
        context = last or not self._overflow.crowded
        for partition, batch in self._assembler.cut(clock, context=context, last=last):
            self._writer.add(partition, "batch", clock, encode(batch))
        ticks = self._assembler.due_ticks(clock, seldom=away)
        data = self._health.tick() if ticks else b""
        for partition in ticks:
            self._writer.add(partition, "tick", clock, data)
        if self._recorder is not None:
            told = CutData(tick=Raw(data or NO_TICK), wanted=self._wanted, away=away, last=last, context=context)
            self._recorder.cut(clock, told)
        self._wanted = False

    def _until_grid(self) -> float:
        # Ticks carry the clock on when no event comes; a replay's clock moves with its frames alone.
        if self._replay:
            return REST_SECONDS
        return (GRID_NS - self._clock.now() % GRID_NS) / 1e9
