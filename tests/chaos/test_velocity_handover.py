"""Ending the process that owns a partition, at 10,000 events a second: the other one goes on without a gap."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from itertools import pairwise
from typing import Any

import pytest
from redis.asyncio import Redis
from tests.chaos.velocity_drill import start_velocity
from tests.unit.velocity.entries_made import Row, Writer

from foreshock_model import keys
from foreshock_runtime.connection import connect_url
from foreshock_runtime.embedded import EmbeddedServer

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(60)]
RATE, STEP_SECONDS = 10_000, 0.005
MOST_SECONDS = 1.0


async def write(redis: Redis, stop: asyncio.Event) -> int:
    """Write batches at the rate until the event; return how many."""
    writer, number, begun = Writer(), 0, time.monotonic()
    while not stop.is_set():
        now = time.time_ns()
        rows = [Row(f"COIN{each}USDT", ts=now, key=number * 1_000 + each) for each in range(int(RATE * STEP_SECONDS))]
        fields: Any = writer.batch(now, *rows).to_fields()
        await redis.xadd(keys.events(0), fields)
        number += 1
        await asyncio.sleep(max(begun + number * STEP_SECONDS - time.monotonic(), 0))
    return number


async def read(redis: Redis, arrivals: list[float]) -> None:
    """Note when answers come."""
    last: Any = "0-0"
    while True:
        found: Any = await redis.xread({keys.metrics(0): last}, block=200)
        for _, entries in found or ():
            last = entries[-1][0]
            arrivals += [time.monotonic()] * len(entries)


async def owner(redis: Redis, processes: dict[str, subprocess.Popen[bytes]]) -> str:
    """Return the name of the process whose first answers came: the one that was started first."""
    while not await redis.exists(keys.lease("velocity", 0)):  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.01)
    return next(iter(processes))


async def test_no_gap_over_a_second_at_ten_thousand_events_a_second(redis_server: EmbeddedServer, redis: Redis) -> None:
    url = redis_server.url
    processes = {"a": start_velocity(url, "a", 1)}
    stop, arrivals = asyncio.Event(), list[float]()
    try:
        first = await owner(redis, processes)
        processes["b"] = start_velocity(url, "b", 1)
        async with connect_url(url) as reading:
            watching = asyncio.create_task(read(reading, arrivals))
            writing = asyncio.create_task(write(redis, stop))
            await asyncio.sleep(4.0)
            processes[first].send_signal(signal.SIGTERM)
            ended = time.monotonic()
            await asyncio.to_thread(processes[first].wait)
            await asyncio.sleep(3.0)
            stop.set()
            written = await writing
            async with asyncio.timeout(10):
                while len(arrivals) < written:  # noqa: ASYNC110 - another process answers
                    await asyncio.sleep(0.01)
            watching.cancel()
    finally:
        for process in processes.values():
            process.kill()
            process.wait()
    gaps = [later - sooner for sooner, later in pairwise(arrivals) if later > ended - 1]
    print(f"\nhandover: longest time without an answer {max(gaps) * 1e3:.0f} ms, {written} entries")
    assert len(arrivals) == written
    assert max(gaps) <= MOST_SECONDS
