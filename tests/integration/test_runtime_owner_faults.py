"""Owners through faults on random schedules: the output equals that of one unbroken run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from tests.integration.runtime_toys import (
    SERVICE,
    SOURCE,
    answered,
    expected_output,
    fill,
    output,
    owner_of,
    until,
)

from foreshock_model import keys
from foreshock_runtime.connection import TROUBLE, connect_url
from foreshock_runtime.embedded import EmbeddedServer

DATAS = [b"poison" if i % 37 == 36 else b"%d" % i for i in range(150)]


async def check(redis: Redis, ids: list[bytes]) -> None:
    got_ids, got = await output(redis)
    assert got_ids == ids
    assert got == expected_output(DATAS)


@pytest.mark.chaos
@pytest.mark.parametrize("seed", range(4))
async def test_random_schedules_in_one_process(redis: Redis, seed: int) -> None:
    """Owners crash, are robbed of lease, group and consumer, and lose snapshots, while entries come in."""
    chance = random.Random(seed)
    tasks: list[asyncio.Task[None]] = []

    async def crash() -> None:
        tasks[0].cancel()
        await asyncio.wait([tasks.pop(0)])
        tasks.append(start())

    async def steal() -> None:
        await redis.set(keys.lease(SERVICE, 0), "thief", px=100)

    async def destroy_group() -> None:
        with contextlib.suppress(*TROUBLE):
            await redis.xgroup_destroy(SOURCE, SERVICE)

    async def drop_consumer() -> None:
        with contextlib.suppress(*TROUBLE):
            await redis.xgroup_delconsumer(SOURCE, SERVICE, "owner")

    async def skip_ahead() -> None:
        with contextlib.suppress(*TROUBLE):
            await redis.xgroup_setid(SOURCE, SERVICE, "$")

    async def lose_snapshot() -> None:
        await redis.hdel(keys.state(SERVICE, 0), chance.choice("ab"))

    def start() -> asyncio.Task[None]:
        return asyncio.create_task(owner_of(redis).run(asyncio.Event()))

    tasks += [start(), start()]
    ids: list[bytes] = []
    while len(ids) < len(DATAS):
        ids += await fill(redis, DATAS[len(ids) : len(ids) + chance.randint(1, 20)])
        await chance.choice([crash, steal, destroy_group, drop_consumer, skip_ahead, lose_snapshot])()
        await asyncio.sleep(chance.random() * 0.1)
    await answered(redis, len(DATAS))
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await check(redis, ids)


PROCESS = f"""
import asyncio, os, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from foreshock_runtime.connection import connect_url
from tests.integration.runtime_toys import owner_of
async def main():
    await owner_of(connect_url(os.environ["URL"])).run(asyncio.Event())
asyncio.run(main())
"""


@contextlib.contextmanager
def owners(url: str, number: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Owners as processes of their own."""
    env = {**os.environ, "URL": url}
    started = [
        subprocess.Popen([sys.executable, "-c", PROCESS], env=env, stderr=subprocess.DEVNULL) for _ in range(number)
    ]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


@pytest.mark.chaos
async def test_a_frozen_owner_that_wakes_and_a_killed_server_change_nothing() -> None:
    """SIGSTOP beyond the lease, a takeover, the server killed, the zombie resumed, then the new owner killed."""
    server = EmbeddedServer()
    await server.start()
    redis = connect_url(server.url)
    try:
        with owners(server.url, 2) as (first, second):
            ids = await fill(redis, DATAS[:40])
            await answered(redis, 40)
            first.send_signal(signal.SIGSTOP)
            ids += await fill(redis, DATAS[40:80])
            await answered(redis, 80)
            os.kill(server.pid, signal.SIGKILL)
            first.send_signal(signal.SIGCONT)
            await server.wait_ready()
            ids += await fill(redis, DATAS[80:120])
            await answered(redis, 120)
            second.kill()
            ids += await fill(redis, DATAS[120:])
            await answered(redis, len(DATAS))
        await check(redis, ids)

        async def settled() -> bool:
            return bool((await redis.xpending(SOURCE, SERVICE))["pending"] == 0)

        await until(settled)
    finally:
        await redis.aclose()
        await server.stop()
