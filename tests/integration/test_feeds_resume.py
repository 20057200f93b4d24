"""What a new run finds of an earlier one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from redis.asyncio import Redis
from tests.unit.feeds.test_assemble import ingest, rows

from foreshock_feeds import resume
from foreshock_feeds.domain.assemble import Assembler
from foreshock_feeds.resume import REMEMBER_NS, look_back, look_into
from foreshock_feeds.spill import Spill
from foreshock_model import keys
from foreshock_model.batch import encode
from foreshock_model.entries import InputEntry

WRITER = "feeds:0"
NOW = 1_780_000_000 * 10**9


async def send(redis: Redis, entry: InputEntry, partition: int = 0) -> None:
    flat = [part for pair in entry.to_fields().items() for part in pair]
    await redis.execute_command("XADD", keys.events(partition), "*", *flat)


class Past:
    """Writes batches, and knows their keys."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.count = 0

    def made(self, clock: int, venue: str = "okx", writer: str = WRITER) -> InputEntry:
        assembler, source = Assembler(1), ingest(venue, 1)
        self.count += 1
        found = rows(source, 0, 1)
        found.liquidations["event_id"][:] = [2 * self.count, 2 * self.count + 1]
        assembler.add(source, found)
        ((_, batch),) = assembler.cut(clock)
        return InputEntry("batch", writer, 1, self.count, clock, encode(batch))

    async def batch(self, clock: int, venue: str = "okx", writer: str = WRITER, partition: int = 0) -> list[int]:
        await send(self.redis, self.made(clock, venue, writer), partition)
        return [2 * self.count, 2 * self.count + 1]

    async def tick(self, clock: int, writer: str = WRITER, partition: int = 0) -> None:
        self.count += 1
        await send(self.redis, InputEntry("tick", writer, 1, self.count, clock, b"{}"), partition)


async def test_a_first_run_finds_nothing(redis: Redis) -> None:
    earlier = await look_back(redis, WRITER, 2)
    assert earlier.last_clock == 0
    assert earlier.keys("okx").tolist() == []
    assert earlier.keys("okx").dtype == np.uint64


async def test_the_keys_of_each_venue_come_oldest_first(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resume, "PAGE", 2)
    past = Past(redis)
    first = await past.batch(NOW)
    other = await past.batch(NOW + 1, "bybit")
    await past.tick(NOW + 2)
    second = await past.batch(NOW + 3)
    earlier = await look_back(redis, WRITER, 1)
    assert earlier.keys("okx").tolist() == first + second
    assert earlier.keys("bybit").tolist() == other
    assert earlier.last_clock == NOW + 3


async def test_the_partition_that_was_written_least_far_is_where_the_gap_begins(redis: Redis) -> None:
    past = Past(redis)
    await past.tick(NOW + 100)
    await past.tick(NOW, partition=1)
    assert (await look_back(redis, WRITER, 3)).last_clock == NOW


async def test_no_further_than_venues_repeat_and_no_more_than_a_bound(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = Past(redis)
    await past.batch(NOW - REMEMBER_NS - 2)
    await past.batch(NOW - REMEMBER_NS - 1)
    kept = await past.batch(NOW - REMEMBER_NS)
    await past.tick(NOW)
    found = (await look_back(redis, WRITER, 1)).keys("okx").tolist()
    assert found[-2:] == kept
    assert len(found) == 4, "the first that is too old ends the search"
    monkeypatch.setattr(resume, "PAGE", 1)
    monkeypatch.setattr(resume, "ENTRIES", 2)
    assert (await look_back(redis, WRITER, 1)).keys("okx").tolist() == kept


async def test_a_busy_writers_events_are_found_behind_more_entries_than_fit_in_seconds(redis: Redis) -> None:
    past = Past(redis)
    mine = await past.batch(NOW)
    async with redis.pipeline(transaction=False) as pipe:
        for number in range(2, 21_500):
            fields = InputEntry("tick", WRITER, 1, number, NOW + number, b"{}").to_fields()
            pipe.execute_command("XADD", keys.events(0), "*", *(part for pair in fields.items() for part in pair))
        await pipe.execute()
    assert (await look_back(redis, WRITER, 1)).keys("okx").tolist() == mine


async def test_other_writers_clocks_and_unreadable_entries_disturb_nothing(redis: Redis) -> None:
    """A configuration is written with the system's clock, also into the stream of a replay."""
    past = Past(redis)
    mine = await past.batch(NOW)
    theirs = await past.batch(NOW + 1, writer="feeds:1")
    await send(redis, InputEntry("batch", WRITER, 1, 9, NOW + 2, b"\xff"))
    await redis.xadd(keys.events(0), {"any": "thing"})
    await past.tick(2 * NOW, "control:feeds")
    earlier = await look_back(redis, WRITER, 1)
    assert earlier.last_clock == NOW
    assert earlier.keys("okx").tolist() == mine + theirs


async def test_what_is_still_to_be_written_is_known_and_moves_the_end(redis: Redis, tmp_path: Path) -> None:
    past = Past(redis)
    mine = await past.batch(NOW)
    spill = Spill(tmp_path, partitions=2, most_bytes=1 << 20)
    spill.put(0, past.made(NOW + 1))
    spill.put(0, InputEntry("tick", WRITER, 1, 8, NOW + 2, b""))
    spill.put(0, past.made(NOW + 2 + REMEMBER_NS))
    spill.put(0, past.made(NOW + 3 + REMEMBER_NS))
    earlier = await look_back(redis, WRITER, 2)
    look_into(spill, 2, earlier)
    assert sorted(earlier.keys("okx").tolist()) == sorted([*mine, 6, 7, 8, 9])
    assert earlier.last_clock == NOW, "the other partition may have lost what was not left here"
    spill.put(1, InputEntry("tick", WRITER, 1, 1, NOW + 7, b""))
    look_into(spill, 2, earlier)
    assert earlier.last_clock == NOW + 7
    spill.close()
