"""Writers against a real server, also one that goes away."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis
from tests.integration.runtime_toys import until

from foreshock_model import keys
from foreshock_model.entries import InputEntry, Sequencer
from foreshock_runtime.connection import connect_url
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_runtime.streams import PartitionWriter, Waiting, next_epoch


def writer_of(redis: Redis, partitions: int = 2) -> PartitionWriter:
    return PartitionWriter(redis, partitions=partitions, writer="feeds:0", epoch=3)


async def entries_in(redis: Redis, partition: int) -> list[InputEntry]:
    stored: Any = await redis.xrange(keys.events(partition))
    return [InputEntry.from_fields(fields) for _, fields in stored]


async def test_entries_are_numbered_densely_in_each_partition(redis: Redis) -> None:
    writer = writer_of(redis)
    for i in range(600):  # more than one round takes
        assert writer.add(0, "batch", i, b"%d" % i) == i + 1
    writer.add(1, "tick", 7, b"")
    assert [w.entries for w in writer.pending()] == [600, 1]
    assert writer.pending()[0].size > 600
    assert await writer.flush() == 601
    assert [(w.entries, w.size) for w in writer.pending()] == [(0, 0), (0, 0)]
    first = await entries_in(redis, 0)
    assert [e.seq for e in first] == list(range(1, 601))
    assert [e.data for e in first] == [b"%d" % i for i in range(600)]
    assert await entries_in(redis, 1) == [InputEntry("tick", "feeds:0", 3, 1, 7, b"")]
    assert await writer.flush() == 0


async def test_epochs_grow_with_each_start(redis: Redis) -> None:
    assert await next_epoch(redis, "feeds:0") == 1
    assert await next_epoch(redis, "feeds:0") == 2
    assert await next_epoch(redis, "feeds:1") == 1


async def test_epochs_grow_beyond_those_of_entries_that_a_lost_server_never_saw(redis: Redis) -> None:
    assert await next_epoch(redis, "feeds:0", above=6) == 7
    assert await next_epoch(redis, "feeds:0", above=6) == 8
    assert await next_epoch(redis, "feeds:0") == 9


def numbers(writer: PartitionWriter) -> list[list[int]]:
    """Return the numbers that wait, by partition, taking all away."""
    found: list[list[int]] = [[], []]
    writer.lighten(Waiting(0, 0), lambda partition, entry: found[partition].append(entry.seq))
    return found


async def test_what_waits_is_made_lighter_from_the_oldest_on(redis: Redis) -> None:
    writer = writer_of(redis)
    for _ in range(10):
        writer.add(0, "batch", 0, bytes(1_000))
    writer.add(1, "batch", 0, bytes(1_000))
    asked: list[int] = []

    def halve(_: int, entry: InputEntry) -> InputEntry:
        asked.append(entry.seq)
        return msgspec.structs.replace(entry, data=entry.data[:500])

    writer.lighten(Waiting(100, writer.waiting.size), halve)
    assert asked == []
    writer.lighten(Waiting(100, writer.waiting.size - 1_000), halve)
    assert asked == [1, 2, 1], "as much of each partition as it has"
    before = writer.waiting
    writer.lighten(Waiting(before.entries - 4, before.size), lambda *_: None)
    assert writer.waiting.entries <= before.entries - 4
    assert writer.waiting.size < before.size
    assert numbers(writer) == [[5, 6, 7, 8, 9, 10], []]
    assert writer.waiting == Waiting(0, 0)


async def test_a_change_that_fails_leaves_what_it_was_asked_about(redis: Redis) -> None:
    writer = writer_of(redis)
    for _ in range(4):
        writer.add(0, "batch", 0, b"x")

    def refuse(_: int, entry: InputEntry) -> None:
        if entry.seq == 3:
            raise OSError

    with pytest.raises(OSError):
        writer.lighten(Waiting(0, 0), refuse)
    assert numbers(writer) == [[3, 4], []]


class Held:
    """A shelf in memory."""

    def __init__(self, *entries: InputEntry) -> None:
        self.entries = list(entries)

    def head(self, partition: int) -> list[InputEntry]:
        return self.entries if partition == 0 else []

    def done(self, partition: int, entries: int) -> None:
        del self.entries[:entries]


async def test_the_shelf_is_written_first_and_under_its_own_numbers(redis: Redis) -> None:
    old = [InputEntry("batch", "feeds:0", 2, seq, 0, b"old") for seq in range(5, 605)]
    shelf = Held(*old)
    writer = PartitionWriter(redis, partitions=2, writer="feeds:0", epoch=3, shelf=shelf)
    writer.add(0, "batch", 0, b"new")
    writer.add(1, "batch", 0, b"beside")
    assert await writer.flush() == 602
    assert shelf.entries == []
    assert await entries_in(redis, 0) == [*old, InputEntry("batch", "feeds:0", 3, 1, 0, b"new")]
    assert [entry.data for entry in await entries_in(redis, 1)] == [b"beside"]


async def test_what_goes_to_the_shelf_while_it_is_written_comes_twice_at_most(redis: Redis) -> None:
    shelf = Held()
    writer = PartitionWriter(redis, partitions=1, writer="feeds:0", epoch=3, shelf=shelf)
    for _ in range(1_000):
        writer.add(0, "batch", 0, b"x")
    writing = asyncio.create_task(writer.flush())
    await until(lambda: writer.written)
    writer.lighten(Waiting(100, 1 << 30), lambda _, entry: shelf.entries.append(entry))
    writer.add(0, "batch", 0, b"last")
    await writing
    entries, reader = await entries_in(redis, 0), Sequencer()
    taken = [each.seq for each in entries if reader.accept(each.writer, each.epoch, each.seq)]
    assert taken == list(range(1, 1_002))
    assert (reader.missing, reader.repeated) == (0, len(entries) - 1_001)


async def test_large_entries_go_in_several_rounds(redis: Redis) -> None:
    writer = writer_of(redis)
    for _ in range(5):
        writer.add(0, "batch", 0, bytes(2 << 20))
    await writer.flush()
    assert [e.seq for e in await entries_in(redis, 0)] == [1, 2, 3, 4, 5]


async def test_a_refusal_keeps_order_and_numbers(redis: Redis) -> None:
    """A full server takes nothing; afterwards everything comes once and in order."""
    writer = writer_of(redis)
    await redis.config_set("maxmemory", "1")
    try:
        for i in range(10):
            writer.add(0, "batch", i, b"x")
        task = asyncio.create_task(writer.flush())
        await until(lambda: writer.errors["OOM"] + writer.errors["OutOfMemoryError"] >= 2)
        await redis.config_set("maxmemory", "0")
        assert await task == 10
    finally:
        await redis.config_set("maxmemory", "0")
    assert [e.seq for e in await entries_in(redis, 0)] == list(range(1, 11))


async def test_one_partitions_trouble_does_not_hold_up_the_other(redis: Redis) -> None:
    await redis.set(keys.events(0), "not a stream")
    writer = writer_of(redis)
    writer.add(0, "batch", 0, b"x")
    writer.add(1, "batch", 0, b"y")
    task = asyncio.create_task(writer.flush())
    await until(lambda: writer.errors["WRONGTYPE"] >= 1)
    assert [e.data for e in await entries_in(redis, 1)] == [b"y"]
    await redis.delete(keys.events(0))
    assert await task == 2


async def test_a_cancelled_flush_loses_nothing(redis: Redis) -> None:
    await redis.set(keys.events(0), "not a stream")
    writer = writer_of(redis)
    writer.add(0, "batch", 0, b"x")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await writer.flush()
    assert writer.pending()[0].entries == 1
    await redis.delete(keys.events(0))
    assert await writer.flush() == 1


async def test_through_kills_of_the_server_readers_see_each_entry_once() -> None:
    """Repeats may be in the stream; dropping what was seen leaves every entry, in order."""
    server = EmbeddedServer()
    await server.start()
    client = connect_url(server.url)
    try:
        writer = writer_of(client, partitions=1)
        for at in range(300):
            writer.add(0, "batch", at, b"%d" % at)
            if at % 100 == 50:
                os.kill(server.pid, signal.SIGKILL)
            if at % 5 == 0:
                await writer.flush()
        await writer.flush()
        reader = Sequencer()
        entries = await entries_in(client, 0)
        assert [e.data for e in entries if reader.accept(e.writer, e.epoch, e.seq)] == [b"%d" % i for i in range(300)]
        assert reader.missing == 0
        assert sum(writer.errors.values()) >= 1
    finally:
        await client.aclose()
        await server.stop()
