"""The watchdog against a real server."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from redis.asyncio import Redis
from tests.integration.runtime_toys import until

from foreshock_model import keys
from foreshock_runtime import alive, watchdog
from foreshock_runtime.alive import Heartbeat, beat, forget, leave, living, look_around
from foreshock_runtime.clock import FrameClock
from foreshock_runtime.connection import connect_url
from foreshock_runtime.watchdog import Notice, Watchdog


def heartbeat_of(service: str, *, serving: bool = True) -> Heartbeat:
    return Heartbeat(service=service, instance="0", pid=1, version="1", serving=serving)


async def notices_in(redis: Redis) -> list[tuple[str, str]]:
    entries: Any = await redis.xrange(keys.CASCADE_SIGNALS)
    notices = [msgspec.json.decode(fields[b"json"], type=Notice) for _, fields in entries]
    for (_, fields), notice in zip(entries, notices, strict=True):
        assert fields[b"kind"] == b"notice"
        assert (fields[b"status"], fields[b"service"]) == (notice.status.encode(), notice.service.encode())
        assert fields[b"ts"] == b"%d" % notice.ts
    return [(notice.service, notice.status) for notice in notices]


def watchdog_of(redis: Redis, absent: float = 0.2, first: float = 0.2) -> Watchdog:
    return Watchdog(redis, ("feeds", "signals"), clock=FrameClock(99), absent_seconds=absent, first_seconds=first)


async def test_heartbeats_come_and_go(redis: Redis) -> None:
    assert await living(redis) == []
    await beat(redis, heartbeat_of("signals"))
    await beat(redis, heartbeat_of("feeds"))
    assert [h.service for h in await living(redis)] == ["feeds", "signals"]
    assert 0 < await redis.pttl(keys.alive("feeds", "0")) <= 3000
    await leave(redis, "feeds", "0")
    assert [h.service for h in await living(redis)] == ["signals"]
    await redis.delete(keys.alive("signals", "0"))
    assert await living(redis) == []
    assert await redis.smembers(keys.ALIVE_KNOWN) == {b"signals:0"}


async def test_heartbeats_nobody_can_read_are_counted_and_do_not_blind(redis: Redis) -> None:
    await beat(redis, heartbeat_of("feeds"))
    await redis.sadd(keys.ALIVE_KNOWN, "nocolon", "later:0", "signals:0")
    for member, garbage in (("nocolon:", b"\xff"), ("later:0", b'{"service":7}'), ("signals:0", b"[]")):
        await redis.set(f"alive:{member}", garbage)
    around = await look_around(redis)
    assert [each.service for each in around.living] == ["feeds"]
    assert (around.unreadable, around.gone) == (3, [])
    dog = watchdog_of(redis, absent=0.0, first=0.0)
    await dog.look()
    assert dog.unreadable == 3
    assert await notices_in(redis) == [("signals", "DEGRADED")]


async def test_names_of_killed_processes_are_forgotten(redis: Redis) -> None:
    for service in ("feeds", "signals"):
        await beat(redis, heartbeat_of(service))
    await redis.delete(keys.alive("signals", "0"))
    await watchdog_of(redis).look()
    assert await redis.smembers(keys.ALIVE_KNOWN) == {b"feeds:0"}
    await forget(redis, ["feeds:0"])  # it lives again by now
    assert await redis.smembers(keys.ALIVE_KNOWN) == {b"feeds:0"}


async def test_a_notice_cuts_nothing_off_the_stream(redis: Redis) -> None:
    """How many signals are kept is for signals to say."""
    async with redis.pipeline(transaction=False) as pipe:
        for _ in range(12_000):
            pipe.execute_command("XADD", keys.CASCADE_SIGNALS, "*", "kind", "signal")
        await pipe.execute()
    dog = watchdog_of(redis, absent=0.0, first=0.0)
    await dog.look()
    assert dog.notices == 2
    assert await redis.xlen(keys.CASCADE_SIGNALS) == 12_002


async def test_a_service_gone_is_told_once_and_its_return_too(redis: Redis) -> None:
    await beat(redis, heartbeat_of("feeds"))
    await beat(redis, heartbeat_of("signals"))
    dogs = [watchdog_of(redis), watchdog_of(redis)]
    listener = redis.pubsub()
    await listener.subscribe(keys.CASCADE_SIGNALS, keys.CASCADE_ALERTS)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for dog in dogs:
            tasks.create_task(dog.run(stop))
        await asyncio.sleep(0.4)
        assert await notices_in(redis) == []
        await redis.delete(keys.alive("signals", "0"))

        async def degraded() -> bool:
            await beat(redis, heartbeat_of("feeds"))
            return await notices_in(redis) == [("signals", "DEGRADED")]

        await until(degraded)
        await beat(redis, heartbeat_of("signals"))

        async def recovered() -> bool:
            return await notices_in(redis) == [("signals", "DEGRADED"), ("signals", "RECOVERED")]

        await until(recovered)
        stop.set()
    heard = []
    while message := await listener.get_message(timeout=0.2):
        if message["type"] == "message":
            heard.append((message["channel"], msgspec.json.decode(message["data"], type=Notice).status))
    await listener.aclose()
    assert sorted(heard) == [
        (b"cascade:alerts", "DEGRADED"),
        (b"cascade:alerts", "RECOVERED"),
        (b"cascade:signals", "DEGRADED"),
        (b"cascade:signals", "RECOVERED"),
    ]
    assert sum(dog.notices for dog in dogs) == 2


async def test_a_service_that_never_came_gets_its_time_first(redis: Redis) -> None:
    await beat(redis, heartbeat_of("feeds"))
    dog = watchdog_of(redis, absent=0.01, first=0.3)
    await dog.look()
    await asyncio.sleep(0.05)
    await dog.look()
    assert await notices_in(redis) == []
    await asyncio.sleep(0.3)
    await dog.look()
    assert ("signals", "DEGRADED") in await notices_in(redis)


async def test_a_process_that_does_not_serve_is_no_service(redis: Redis) -> None:
    await beat(redis, heartbeat_of("feeds", serving=False))
    await beat(redis, heartbeat_of("signals"))
    dog = watchdog_of(redis, absent=0.01, first=0.01)
    await asyncio.sleep(0.05)
    await dog.look()
    assert await notices_in(redis) == [("feeds", "DEGRADED")]


async def test_only_the_holder_of_the_lease_tells(redis: Redis) -> None:
    await redis.set("lease:watchdog", "another", px=5000)
    dog = watchdog_of(redis, absent=0.01, first=0.01)
    await asyncio.sleep(0.05)
    await dog.look()
    assert await notices_in(redis) == []


async def test_a_blind_watchdog_accuses_nobody(redis: Redis) -> None:
    """While the server is away no heartbeat can be seen; everyone gets the full time again afterwards."""
    dog = watchdog_of(redis, absent=0.15, first=0.15)
    real, dog._redis = dog._redis, connect_url("redis://127.0.0.1:1")
    stop = asyncio.Event()
    task = asyncio.create_task(dog.run(stop))
    await asyncio.sleep(0.4)
    dog._redis = real
    await beat(redis, heartbeat_of("feeds"))
    await beat(redis, heartbeat_of("signals"))
    await asyncio.sleep(0.3)
    stop.set()
    await task
    assert await notices_in(redis) == []


def test_the_defaults_keep_a_notice_within_six_seconds_of_a_kill() -> None:
    assert alive.TTL_MS / 1000 + watchdog.ABSENT_SECONDS + 2 * watchdog._POLL_SECONDS < 6.0
