"""The house that `foreshock up` runs, with venues that do not answer: it stays up and restarts what ends."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from foreshock_cli.live_house import run_up
from foreshock_lab.house import HouseSettings
from foreshock_lab.summary import Phase, Progress
from foreshock_model import keys
from foreshock_runtime.alive import living
from foreshock_runtime.connection import connect_url
from foreshock_sdk.connector import Endpoints

NOBODY = Endpoints(websocket="ws://127.0.0.1:1", rest="http://127.0.0.1:1")
pytestmark = pytest.mark.timeout(120)


async def pid_of(redis: Redis, service: str, *, other_than: int = 0) -> int:
    """Wait for a process of the service with another pid."""
    while True:
        for each in await living(redis):
            if each.service == service and each.serving and each.pid != other_than:
                return each.pid
        await asyncio.sleep(0.05)


async def test_a_service_that_is_killed_comes_back_until_the_house_is_told_to_stop(tmp_path: Path) -> None:
    settings = HouseSettings(run_dir=tmp_path, venues=("okx",), endpoints={"okx": NOBODY})
    stop, taken = asyncio.Event(), list[Progress]()
    house = asyncio.create_task(run_up(settings, taken.append, stop))
    async with asyncio.timeout(90):
        while not any(each.info for each in taken):
            assert not house.done(), house.exception()
            await asyncio.sleep(0.05)
        info = taken[-1].info
        assert info is not None
        redis = connect_url(info.redis_url)
        first = await pid_of(redis, "velocity")
        os.kill(first, signal.SIGKILL)
        assert await pid_of(redis, "velocity", other_than=first) != first
        await redis.aclose()
        stop.set()
        await house
    assert [taken[0].phase, taken[-1].phase] == [Phase.STARTING, Phase.STOPPING]


async def test_a_house_goes_on_with_the_streams_of_an_earlier_one(tmp_path: Path) -> None:
    """A server of its own keeps them from run to run; a named one is not asked to be empty either."""
    settings = HouseSettings(
        run_dir=tmp_path / "logs", data_dir=tmp_path / "data", venues=("okx",), endpoints={"okx": NOBODY}
    )
    earlier, later = [await run_until_it_ticks(settings) for _ in range(2)]
    assert later > earlier > 0


async def run_until_it_ticks(settings: HouseSettings) -> int:
    """Run a house until its stream has grown; return how many entries were ever written to it."""
    stop, taken = asyncio.Event(), list[Progress]()
    house = asyncio.create_task(run_up(settings, taken.append, stop))
    async with asyncio.timeout(60):
        while not any(each.info for each in taken):
            assert not house.done(), house.exception()
            await asyncio.sleep(0.05)
        info = taken[-1].info
        assert info is not None
        async with connect_url(info.redis_url) as redis:
            first = await written(redis)
            while (now := await written(redis)) <= first:  # noqa: ASYNC110 - another process writes
                await asyncio.sleep(0.05)
        stop.set()
        await house
    return now


async def written(redis: Redis) -> int:
    found: Any = await redis.execute_command("XINFO", "STREAM", keys.events(0))
    return int(found[found.index(b"entries-added") + 1] if isinstance(found, list) else found["entries-added"])


async def test_stopping_while_it_starts_is_an_orderly_end_too(tmp_path: Path) -> None:
    settings = HouseSettings(run_dir=tmp_path, venues=("okx",), endpoints={"okx": NOBODY})
    stop, taken = asyncio.Event(), list[Progress]()
    stop.set()
    await run_up(settings, taken.append, stop)
    assert [each.phase for each in taken] == [Phase.STARTING]
