"""Redis is away: what memory holds, what the disk holds, what goes first, and in which order all of it comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from redis.asyncio import Redis
from tests.integration.feeds_house import all_live, entries, facts, feeding, market
from tests.integration.test_feeds_output import Ending, answered, until
from tests.unit.feeds.test_assemble import rows as rows_of

from foreshock_feeds.app import serve
from foreshock_feeds.domain.conflate import GRID_NS
from foreshock_feeds.overflow import ROW_BYTES
from foreshock_feeds.settings import FeedsSettings
from foreshock_feeds.spill import Spill
from foreshock_model import keys
from foreshock_model.batch import CONTEXT_COLUMNS, EventBatch, decode, encode
from foreshock_runtime.clock import FrameClock, SystemClock
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_runtime.lifecycle import Exit, Service, run_in_loop

STREAM = keys.events(0)
ROOM = 1 << 22


def spill_in(folder: Path, most_bytes: int = ROOM, partitions: int = 1) -> Spill:
    return Spill(folder, partitions=partitions, most_bytes=most_bytes)


def files(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.glob("*.spill"))


def taken(service: Service) -> float:
    labels = {"venue": "okx", "kind": "liquidation"}
    return service.registry.get_sample_value("foreshock_feeds_rows_total", labels) or 0


async def written(redis: Redis, rows: float) -> bool:
    return len(await facts(redis)) >= rows


@asynccontextmanager
async def ended(settings: FeedsSettings) -> AsyncIterator[Service]:
    """Run feeds until the block ends; there is no time for its orderly end."""
    started: asyncio.Future[Service] = asyncio.get_running_loop().create_future()

    async def main(service: Service) -> None:
        started.set_result(service)
        await serve(service)

    stop = asyncio.Event()
    task = asyncio.create_task(run_in_loop(main, settings, "feeds", stop=stop))
    service = await started
    await until(lambda: answered(service.serving))
    yield service
    stop.set()
    assert await task == Exit.GRACE_EXCEEDED


def dropped(ending: Ending, kind: str) -> int:
    return int(ending.metrics._dropped.labels(kind)._value.get())


def burst(ending: Ending, clock: FrameClock, slots: int, *, rows: int = 20, context: int = 0) -> None:
    """Deliver so many rows in each of the next slots of the grid, nobody writing."""
    for _ in range(slots):
        clock.advance(clock.now() + GRID_NS)
        ending.deliver(*[0] * rows, context=context)


async def told(ending: Ending) -> tuple[int, int]:
    """Return how many liquidations and context rows readers find."""
    batches = [decode(entry.data) for entry in await ending.entries() if entry.kind == "batch"]
    liquidations = sum(batch.liquidations["price"].size for batch in batches)
    return liquidations, sum(batch.context["value"].size for batch in batches)


async def test_entries_keep_the_times_they_belong_to(redis: Redis) -> None:
    """A reader places rows by the clock of their entry: one large entry afterwards would make most of them late."""
    ending = Ending(redis, SystemClock(), buffer_rows=100_000)
    await redis.set(STREAM, "in the way")
    async with ending.running():
        ending.deliver(0)
        sent = 1
        while ending.writer.waiting.entries < 8:
            await asyncio.sleep(0.01)
            ending.deliver(0, context=1)
            sent += 1
        await redis.delete(STREAM)
        await until(lambda: answered(not ending.writer.waiting.entries and not ending.output.waiting))
    await ending.output.drain()
    batches = [entry for entry in await ending.entries() if entry.kind == "batch"]
    assert ending.missing == 0
    assert sum(decode(entry.data).liquidations["price"].size for entry in batches) == sent
    slots = [entry.clock // GRID_NS for entry in batches]
    assert len(slots) > 6
    assert slots == sorted(slots)
    assert slots[-1] - slots[0] >= 6


async def test_what_memory_has_no_room_for_comes_from_the_disk_in_order(redis: Redis, tmp_path: Path) -> None:
    clock, spill = FrameClock(), spill_in(tmp_path)
    ending = Ending(redis, clock, spill=spill)
    burst(ending, clock, 400)
    assert ending.writer.waiting.size <= 1_000 * ROW_BYTES
    assert ending.output.spilled == spill.size > 100_000
    await ending.output.drain()
    found = await ending.entries()
    clocks = [entry.clock for entry in found]
    assert clocks == sorted(clocks)
    assert [entry.seq for entry in found] == list(range(1, len(found) + 1))
    assert await told(ending) == (8_000, 0)
    assert ending.missing == 0
    assert spill.size == 0
    assert files(tmp_path) == []


async def test_partitions_are_kept_apart(redis: Redis, tmp_path: Path) -> None:
    clock, spill = FrameClock(), spill_in(tmp_path, partitions=3)
    ending = Ending(redis, clock, spill=spill, partitions=3)
    for _ in range(300):
        clock.advance(clock.now() + GRID_NS)
        ending.deliver(0, 1, 2, 3, 4)
    assert spill.size
    await ending.output.drain()
    found = 0
    for partition in range(3):
        there = await ending.entries(partition)
        assert ending.missing == 0
        found += sum(decode(each.data).liquidations["price"].size for each in there if each.kind == "batch")
    assert found == 1_500


async def test_a_restart_writes_what_was_left_before_its_own(redis: Redis, tmp_path: Path) -> None:
    clock = FrameClock()
    first = Ending(redis, clock, spill=(spill := spill_in(tmp_path)))
    burst(first, clock, 200)
    first.output.close()
    spill.close()
    assert first.metrics._unwritten._value.get() == 0

    left = spill_in(tmp_path)
    assert left.epoch == 1
    assert left.last_clock == clock.now()
    second = Ending(redis, clock, spill=left, epoch=2)
    burst(second, clock, 10)
    await second.output.drain()
    found = await second.entries()
    epochs = [entry.epoch for entry in found]
    assert epochs == sorted(epochs)
    assert set(epochs) == {1, 2}
    assert await told(second) == (4_200, 0)
    assert second.missing == 0


async def test_a_service_that_has_to_end_leaves_all_to_its_next_start(
    redis: Redis, redis_server: EmbeddedServer, tmp_path: Path
) -> None:
    async with market("okx") as place:
        settings = FeedsSettings(
            redis_url=redis_server.url,
            log_level="CRITICAL",
            venues=("okx",),
            endpoints=place.endpoints,
            grace_seconds=1.0,
            spill_dir=tmp_path,
        )
        async with ended(settings) as service:
            await until(lambda: all_live(service.bound.control))
            await redis.delete(STREAM)
            await redis.set(STREAM, "in the way")
            await place.play()
            # A venue's first frame may be of old rows, which are none.
            await until(lambda: answered(taken(service) >= len(place.sent) - 1))
        assert service.registry.get_sample_value("foreshock_feeds_unwritten_total") == 0
        assert files(tmp_path / "feeds-0-of-1")
        await redis.delete(STREAM, keys.epoch("feeds:0"))
        async with feeding(redis_server.url, place, spill_dir=tmp_path) as again:
            await until(lambda: written(redis, taken(service)))
            assert again.serving
        found = await facts(redis)
        assert set(found) <= set(place.sent)
        assert set(found.values()) == {1}
        epochs = [entry.epoch for entry in await entries(redis) if entry.writer == "feeds:0"]
        assert epochs == sorted(epochs)
        assert set(epochs) == {1, 2}
        assert files(tmp_path / "feeds-0-of-1") == []


async def test_without_a_disk_context_goes_first_and_every_loss_is_counted(redis: Redis) -> None:
    clock = FrameClock()
    ending = Ending(redis, clock)
    burst(ending, clock, 1)
    await ending.output.drain()
    burst(ending, clock, 25, context=2)
    assert ending.writer.waiting.size <= 1_000 * ROW_BYTES
    assert dropped(ending, "context") == 0
    burst(ending, clock, 114, context=2)
    assert ending.writer.waiting.size <= 1_000 * ROW_BYTES
    await ending.output.drain()
    liquidations, context = await told(ending)
    assert liquidations == 140 * 20 - dropped(ending, "liquidation")
    assert 0 < dropped(ending, "liquidation") < 139 * 20
    assert context == 1, "what is newest; the older went before any liquidation did"
    assert 1 + dropped(ending, "context") + ending.output.conflated == 2 * 139
    assert ending.missing > 0, "readers see the loss, too"


async def test_context_that_makes_room_enough_spares_the_liquidations(redis: Redis) -> None:
    clock = FrameClock(GRID_NS)
    ending = Ending(redis, clock)
    source = ending.source
    refs = tuple(source.refs)
    context = {name: np.zeros(1_000, dtype) for name, dtype in CONTEXT_COLUMNS}
    for number in range(6):
        liquidations = rows_of(source, number % 5).liquidations
        ending.writer.add(0, "batch", clock.now(), encode(EventBatch(refs, liquidations, context)))
    burst(ending, clock, 2, rows=1)
    assert dropped(ending, "context") in range(4_000, 6_001, 1_000)
    assert dropped(ending, "liquidation") == 0
    await ending.output.drain()
    assert (await told(ending))[0] == 8
    assert ending.missing == 0


async def test_a_full_disk_gives_up_context_first_then_the_oldest(redis: Redis, tmp_path: Path) -> None:
    clock = FrameClock()
    ending = Ending(redis, clock, spill=spill_in(tmp_path, 100_000))
    burst(ending, clock, 120, context=2)
    assert dropped(ending, "liquidation") == 0
    burst(ending, clock, 300, context=2)
    assert ending.output.spilled <= 100_000
    lost = dropped(ending, "liquidation")
    assert lost > 0
    assert dropped(ending, "context") > 0
    await ending.output.drain()
    liquidations, context = await told(ending)
    assert liquidations == 420 * 20 - lost
    assert context + dropped(ending, "context") + ending.output.conflated == 2 * 420
    newest = [entry for entry in await ending.entries() if entry.kind == "batch"][-1]
    assert newest.clock == clock.now(), "the newest stay"


async def test_a_disk_that_refuses_is_like_none(redis: Redis, tmp_path: Path) -> None:
    clock = FrameClock()
    ending = Ending(redis, clock, spill=spill_in(tmp_path, 100))
    burst(ending, clock, 100)
    assert ending.writer.waiting.size <= 1_000 * ROW_BYTES
    lost = dropped(ending, "liquidation")
    assert lost > 0
    await ending.output.drain()
    assert await told(ending) == (2_000 - lost, 0)
    ending.deliver(0)
    ending.output.close()
    assert ending.metrics._unwritten._value.get() == 1


@pytest.mark.parametrize("seed", range(5))
async def test_through_many_outages_each_row_comes_once_and_in_order(redis: Redis, tmp_path: Path, seed: int) -> None:
    chance, clock = np.random.default_rng(seed), FrameClock()
    ending = Ending(redis, clock, spill=spill_in(tmp_path))
    for _ in range(6):
        burst(ending, clock, int(chance.integers(1, 120)), rows=int(chance.integers(1, 40)))
        if chance.random() < 0.6:
            # A write that is cut off anywhere: some of it was taken, some not.
            flushing = asyncio.create_task(ending.writer.flush())
            for _ in range(int(chance.integers(1, 12))):
                await asyncio.sleep(0)
            burst(ending, clock, int(chance.integers(0, 60)))
            flushing.cancel()
            await asyncio.gather(flushing, return_exceptions=True)
    delivered = ending.metrics._rows.labels("okx", "liquidation")._value.get()
    await ending.output.drain()
    found = await ending.entries()
    assert [entry.seq for entry in found] == list(range(1, len(found) + 1))
    assert await told(ending) == (delivered, 0)
    assert ending.missing == 0
