"""Bad lines on real sockets: whatever happens there, none of what a reader returned whole is lost or counts twice.

CHAOS_SEEDS in the environment sets how many schedules are tried.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from tests.chaos.bad_lines import Line, Trouble, keep, lines_to, malformed, quickened, schedule
from tests.chaos.delivered import Delivered, streamed, wrong
from tests.integration.feeds_house import Market, all_live, feeding, market, status_of, until

from foreshock_feeds.parts import find_parts
from foreshock_lab.demo import DemoOptions
from foreshock_runtime.connection import connect_url
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_sdk.mutation import Dice

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(90)]

SEEDS = int(os.environ.get("CHAOS_SEEDS", "2"))
VENUES = ("binance", "bybit", "okx", "gate", "htx", "deribit", "krakenfutures")
SYMBOLS = ("BTCUSDT", "ETHUSDT")
SECONDS = 4.0
RECOVERY = 10.0
HANG = 45.0
FOREVER = 86_400.0

Ordeal = Callable[[Market, Mapping[str, Line]], Awaitable[None]]


async def survive(
    url: str, folder: Path, venues: Sequence[str], ordeal: Ordeal, *, seed: int, ages: Mapping[str, float]
) -> Delivered:
    """Read these venues while the ordeal lasts; all routes must be live soon after it. Return what was delivered."""
    del ages
    options = DemoOptions(scenario="flash", seed=seed, duration_s=SECONDS, rate=60.0, symbols=SYMBOLS)
    extra = {"tracked_symbols": SYMBOLS, "record_dir": folder}
    async with asyncio.timeout(HANG), market(*venues, options=options) as place, lines_to(place) as lines:
        endpoints = {venue: line.endpoint for venue, line in lines.items()}
        async with feeding(url, place, endpoints=endpoints, **extra) as service:
            await until(lambda: all_live(service.bound.control))
            await ordeal(place, lines)
            async with asyncio.timeout(RECOVERY):
                await until(lambda: all_live(service.bound.control))
            status = await status_of(service.bound.control)
            assert not [each for each in status.status.problems if "packaged" not in each]
        delivered = Delivered({venue: place.host.venues[venue].connector for venue in venues})
    delivered.read(folder)
    return delivered


async def judge(redis: Redis, delivered: Delivered) -> None:
    """Hold the streams against the record."""
    events = await streamed(redis)
    assert wrong(delivered, events) == []
    assert delivered.dropped == 0
    assert len(events) > 20
    assert delivered.frames > 100


@pytest.fixture(autouse=True)
def _talkative_htx(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its list of contracts is a sign of life once a minute: too seldom for a test."""
    monkeypatch.setattr("foreshock_htx.simulation.LIST_MS", 400)


def hurried(monkeypatch: pytest.MonkeyPatch, ages: Mapping[str, float]) -> None:
    monkeypatch.setattr("foreshock_feeds.app.find_parts", quickened(find_parts, ages))


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_nothing_delivered_is_lost_or_doubled_on_bad_lines(
    redis: Redis, redis_server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    rng = Random(seed)
    ages = {venue: rng.uniform(2.0, 4.0) for venue in VENUES}
    hurried(monkeypatch, ages)
    plan = schedule(rng, VENUES, SECONDS)

    async def ordeal(place: Market, lines: Mapping[str, Line]) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(place.play())
            tasks.create_task(keep(plan, lines, rng))

    delivered = await survive(redis_server.url, tmp_path, VENUES, ordeal, seed=seed, ages=ages)
    await judge(redis, delivered)
