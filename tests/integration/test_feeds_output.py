"""The writing end against a real server, also one that goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis
from tests.unit.feeds.test_assemble import ingest, rows

from foreshock_feeds.domain.assemble import Assembler
from foreshock_feeds.domain.conflate import GRID_NS
from foreshock_feeds.flow import Flow
from foreshock_feeds.health import RouteHealth
from foreshock_feeds.metrics import FeedsMetrics
from foreshock_feeds.output import Output
from foreshock_feeds.spill import Spill
from foreshock_model import keys
from foreshock_model.batch import decode
from foreshock_model.entries import InputEntry, Sequencer
from foreshock_runtime.clock import Clock, FrameClock, SystemClock
from foreshock_runtime.metrics import Metrics
from foreshock_runtime.streams.writer import PartitionWriter

ROUTE = "okx/0"


class Ending:
    """An output with what it stands on."""

    def __init__(
        self,
        redis: Redis,
        clock: Clock,
        *,
        buffer_rows: int = 1_000,
        partitions: int = 1,
        spill: Spill | None = None,
        epoch: int = 1,
    ) -> None:
        self.redis = redis
        self.missing = 0
        self.source = ingest("okx", partitions)
        self.metrics = FeedsMetrics(Metrics("feeds", CollectorRegistry()))
        self.flow = Flow()
        self.writer = PartitionWriter(redis, partitions=partitions, writer="feeds:0", epoch=epoch, shelf=spill)
        health = RouteHealth(clock, 0, {"okx": 600})
        health.opened(ROUTE)
        self.output = Output(
            self.writer,
            Assembler(partitions),
            health,
            clock=clock,
            metrics=self.metrics,
            flow=self.flow,
            gather_ms=0.5,
            buffer_rows=buffer_rows,
            spill=spill,
        )

    def deliver(self, *instruments: int, context: int = 0) -> None:
        self.output.deliver(self.source, rows(self.source, *instruments, context=context))

    async def entries(self, partition: int = 0) -> list[InputEntry]:
        """Return what readers take: a write that was cut short comes again under its number. Counts what is missing."""
        found: Any = await self.redis.xrange(keys.events(partition))
        entries = [InputEntry.from_fields(fields) for _, fields in found]
        reader = Sequencer()
        taken = [each for each in entries if reader.accept(each.writer, each.epoch, each.seq)]
        self.missing = reader.missing
        return taken

    async def row_count(self) -> int:
        batches = [decode(entry.data) for entry in await self.entries() if entry.kind == "batch"]
        return sum(each.liquidations["price"].size for each in batches)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.output.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(holds: Any) -> None:
    async with asyncio.timeout(10):
        while not await holds():  # noqa: ASYNC110 - the server changes it
            await asyncio.sleep(0.01)


async def test_rows_are_written_and_silence_is_ticked(redis: Redis) -> None:
    ending = Ending(redis, SystemClock())

    async def enough() -> bool:
        kinds = [entry.kind for entry in await ending.entries()]
        return "batch" in kinds and kinds.count("tick") >= 3

    async with ending.running():
        ending.deliver(0, 1)
        await until(enough)
    found = await ending.entries()
    assert ending.missing == 0
    clocks = [entry.clock for entry in found]
    assert clocks == sorted(clocks)
    assert {entry.data for entry in found if entry.kind == "tick"} == {
        b'{"routes":{"okx/0":"CONNECTING"},"delays":{"okx":600}}'
    }
    slots = [entry.clock // GRID_NS for entry in found if entry.kind == "tick"]
    assert len(set(slots)) == len(slots)


async def answered(value: bool) -> bool:
    return value


async def test_what_waits_at_the_end_is_written(redis: Redis) -> None:
    ending = Ending(redis, SystemClock())
    ending.deliver(0, 1, 2)
    await ending.output.drain()
    assert await ending.row_count() == 3


async def replay(redis: Redis, times: Sequence[int], *, pause_after: int = -1) -> list[tuple[str, int, int]]:
    """Deliver a row at each time of a recording; return kind, clock and rows of the entries."""
    await redis.flushall()
    clock = FrameClock()
    ending = Ending(redis, clock)
    async with ending.running():
        for at, time in enumerate(times):
            clock.advance(time)
            ending.deliver(at % 5)
            if at == pause_after:
                await until(lambda: answered(ending.output.waiting == 0))
            elif at % 7 == 0:
                await asyncio.sleep(0)
    await ending.output.drain()
    found = await ending.entries()
    assert ending.missing == 0
    return [(e.kind, e.clock, decode(e.data).liquidations["price"].size if e.kind == "batch" else 0) for e in found]


async def test_a_recording_is_cut_at_its_own_grid_however_fast_it_is_read(redis: Redis) -> None:
    times = [GRID_NS + at * GRID_NS // 3 for at in range(30)] + [50 * GRID_NS + 1, 50 * GRID_NS + 2]
    first = await replay(redis, times)
    batches = [(clock, rows) for kind, clock, rows in first if kind == "batch"]
    assert [rows for _, rows in batches] == [3] * 10 + [2]
    assert [clock for clock, _ in batches] == [times[at] for at in range(2, 30, 3)] + [times[-1]]
    ticks = [clock for kind, clock, _ in first if kind == "tick"]
    assert ticks == [times[2], times[-1]], "one to say the delays, and one after a second"
    assert await replay(redis, times) == first


async def test_a_recording_that_rests_is_written_as_far_as_it_went(redis: Redis) -> None:
    times = [GRID_NS, GRID_NS + 1, GRID_NS + 2, 3 * GRID_NS]
    assert await replay(redis, times, pause_after=1) == [
        ("batch", GRID_NS + 1, 2),
        ("tick", GRID_NS + 1, 0),
        ("batch", GRID_NS + 2, 1),
        ("batch", 3 * GRID_NS, 1),
    ]


@pytest.mark.parametrize("partitions", [1, 3])
async def test_nothing_is_written_before_a_recordings_first_frame(redis: Redis, partitions: int) -> None:
    ending = Ending(redis, FrameClock(), partitions=partitions)
    await ending.output.drain()
    assert await ending.entries() == []
