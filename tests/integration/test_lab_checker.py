"""The checker against a real server: it sees what a subscriber and a reader of the streams see."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis

from foreshock_lab.chaos import Gap, read_gaps, read_stream, unexplained, verify_partition
from foreshock_lab.checker import Checker
from foreshock_lab.domain.facts import Fact
from foreshock_lab.polling import holds_within, within
from foreshock_model import keys
from foreshock_model.entries import InputEntry, OutputEntry
from foreshock_runtime.clock import SystemClock
from foreshock_runtime.embedded import EmbeddedServer

BAD: Any = {b"kind": b"what"}


@asynccontextmanager
async def checking(server: EmbeddedServer, partitions: int = 1) -> AsyncIterator[Checker]:
    checker = Checker(server.url, partitions, SystemClock())
    task = asyncio.create_task(checker.run())
    try:
        await asyncio.wait_for(checker.listening.wait(), 5)
        yield checker
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def tick(seq: int) -> Any:
    return InputEntry("tick", "feeds:0", 1, seq, seq, b"{}").to_fields()


def empty(clock: int) -> Any:
    return OutputEntry("empty", clock).to_fields()


async def test_streams_are_read_from_their_start_and_to_their_end(redis: Redis, redis_server: EmbeddedServer) -> None:
    await redis.xadd(keys.events(0), tick(1), "1-0")
    async with checking(redis_server, partitions=2) as checker:
        await redis.xadd(keys.events(1), tick(1), "1-0")
        assert await within(5, lambda: len(checker.observed.unanswered) == 2)
        await redis.xadd(keys.metrics(0), empty(1), "1-0")
        assert await within(5, lambda: len(checker.observed.unanswered) == 1)
    await redis.xadd(keys.metrics(1), empty(1), "1-0")
    await checker.finish()
    assert not checker.observed.unanswered
    assert checker.unreadable == 0


async def test_what_cannot_be_read_is_counted_and_passed(redis: Redis, redis_server: EmbeddedServer) -> None:
    async with checking(redis_server) as checker:
        await redis.xadd(keys.events(0), BAD, "1-0")
        await redis.xadd(keys.events(0), tick(1), "2-0")
        await redis.publish(keys.CASCADE_SIGNALS, b"not json")
        assert await within(5, lambda: checker.unreadable == 2 and checker.observed.entries == 1)


async def test_signals_are_counted_by_level_timed_and_compared_with_the_stream(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    async with checking(redis_server) as checker:
        said = {
            "kind": "signal",
            "level": "ALERT",
            "signal_id": "s-1",
            "data_quality": {"input_ts": SystemClock().now() - 5_000_000},
        }
        notice = {"kind": "notice", "status": "DEGRADED", "service": "feeds"}
        for message in (said, notice, {"kind": "signal", "level": "WATCH", "signal_id": "s-2"}):
            await redis.publish(keys.CASCADE_SIGNALS, json.dumps(message))
        await redis.xadd(keys.CASCADE_SIGNALS, {"json": json.dumps(said)})
        await redis.xadd(keys.CASCADE_SIGNALS, {"json": json.dumps(notice)})
        assert await within(5, lambda: len(checker.received) == 2 and len(checker.recorded) == 1)
        assert checker.signals == {"ALERT": 1, "WATCH": 1}
        assert checker.notices == [("DEGRADED", "feeds")]
        summary = checker.latency.summary()
        assert summary.n == 1
        assert 5 <= summary.p50 < 2_000


async def test_the_checker_survives_the_death_of_the_server() -> None:
    server = EmbeddedServer()
    await server.start()
    try:
        async with checking(server) as checker, asyncio.timeout(20):
            client = Redis.from_url(server.url)
            await client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            await client.xadd(keys.events(0), tick(1), "1-0")

            async def heard() -> bool:
                await client.publish(keys.CASCADE_SIGNALS, b'{"kind":"notice"}')
                return bool(checker.notices) and checker.observed.entries == 1

            assert await holds_within(heard, 10)
            await client.aclose()
    finally:
        await server.stop()


async def test_a_stream_that_is_not_what_its_inputs_make_is_found_out(redis: Redis) -> None:
    for seq in range(1, 4):
        await redis.xadd(keys.events(0), tick(seq), f"{seq}-0")
        await redis.xadd(keys.metrics(0), empty(seq), f"{seq}-0")
    await redis.set(keys.cursor("velocity", 0), "3-0")
    await redis.xadd(keys.events(0), tick(4), "4-0")  # came after velocity had ended
    assert await verify_partition(redis, 0, 1) == []
    await redis.xadd(keys.signals(0), {"json": "{}"}, "7-0")
    await redis.xdel(keys.metrics(0), "2-0")
    assert await verify_partition(redis, 0, 1) == ["metrics:{p0} lacks 2-0", "signals:{p0} should not hold 7-0"]


async def test_long_streams_are_read_whole(redis: Redis) -> None:
    async with redis.pipeline(transaction=False) as pipe:
        for at in range(1, 2_302):
            pipe.xadd("long", {"at": at}, f"{at}-0")
        await pipe.execute()
    found = await read_stream(redis, "long")
    assert [int(each[b"at"]) for each in found.values()] == list(range(1, 2_302))


async def test_gaps_explain_what_is_missing_in_their_time_at_their_venue(redis: Redis) -> None:
    await redis.xadd(keys.FEEDS_HEALTH, {"kind": "state", "route": "alpha/one"})
    await redis.xadd(
        keys.FEEDS_HEALTH, {"kind": "gap", "route": "alpha/one", "from_ns": 10 * 10**9, "to_ns": 20 * 10**9}
    )
    gaps = await read_gaps(redis)
    assert gaps == [Gap("alpha/one", 10 * 10**9, 20 * 10**9)]
    rows = {
        Fact("alpha", "X", 0, 1, 1.0, 1.0): 15 * 10**9,
        Fact("alpha", "X", 0, 2, 1.0, 1.0): 25 * 10**9,
        Fact("beta", "X", 0, 1, 1.0, 1.0): 15 * 10**9,
    }
    left = unexplained(list(rows), rows, gaps)  # type: ignore[arg-type]
    assert len(left) == 2
    assert not any("'alpha'" in each and "event_ms=1" in each for each in left)
