"""Bad lines on real sockets: whatever happens there, none of what a reader returned whole is lost or counts twice.

CHAOS_SEEDS in the environment sets how many schedules are tried.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from tests.chaos.bad_lines import Line, keep, lines_to, quickened, schedule
from tests.chaos.delivered import Delivered, streamed, wrong
from tests.integration.feeds_house import Market, all_live, feeding, market, status_of, until

from foreshock_feeds.parts import find_parts
from foreshock_feeds.venue import Tuning
from foreshock_lab.demo import DemoOptions
from foreshock_runtime.connection import connect_url
from foreshock_runtime.embedded import EmbeddedServer

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(90)]

SEEDS = int(os.environ.get("CHAOS_SEEDS", "2"))
VENUES = ("binance", "bybit", "okx", "gate", "htx", "deribit", "krakenfutures")
SYMBOLS = ("BTCUSDT", "ETHUSDT")
SECONDS = 4.0
FEWEST = 20
"""Events of a run, at the least."""
EXPECTED = re.compile("packaged|refused")
"""Contracts could not be asked for; an error that was made up is believed."""
RECOVERY = 10.0
HANG = 45.0

Ordeal = Callable[[Market, Mapping[str, Line]], Awaitable[None]]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(LEAVES, lambda each: st.lists(each) | st.dictionaries(st.text(max_size=10), each), max_leaves=20)
FRAMES: st.SearchStrategy[str | bytes] = (
    st.binary(max_size=200)
    | st.text(max_size=200)
    | VALUES.map(json.dumps)
    | VALUES.map(lambda value: gzip.compress(json.dumps(value).encode()))
)


class Survived(NamedTuple):
    """What an ordeal left: what was delivered, and feeds' counters."""

    delivered: Delivered
    counters: Mapping[str, int]


async def survive(url: str, folder: Path, ordeal: Ordeal, seed: int) -> Survived:
    """Read the venues while the ordeal lasts; all routes must be live soon after it."""
    options = DemoOptions(scenario="flash", seed=seed, duration_s=SECONDS, rate=60.0, symbols=SYMBOLS)
    async with asyncio.timeout(HANG), market(*VENUES, options=options) as place, lines_to(place) as lines:
        endpoints = {venue: line.endpoint for venue, line in lines.items()}
        extra: dict[str, Any] = {"tracked_symbols": SYMBOLS, "record_dir": folder, "endpoints": endpoints}
        async with feeding(url, place, **extra) as service:
            await until(lambda: all_live(service.bound.control))
            await ordeal(place, lines)
            async with asyncio.timeout(RECOVERY):
                await until(lambda: all_live(service.bound.control))
            status = (await status_of(service.bound.control)).status
            assert [each for each in status.problems if not EXPECTED.search(each)] == []
        delivered = Delivered({venue: house.connector for venue, house in place.host.venues.items()})
    delivered.read(folder)
    return Survived(delivered, dict(status.counters))


async def judge(redis: Redis, survived: Survived) -> None:
    """Hold the streams against the record."""
    events = await streamed(redis)
    assert wrong(survived.delivered, events) == []
    assert survived.delivered.dropped == 0
    assert len(events) > FEWEST


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make signs of life frequent and pauses short. HTX's list of contracts, its sign of life, comes once a minute."""
    monkeypatch.setattr("foreshock_htx.simulation.LIST_MS", 400)
    monkeypatch.setattr("foreshock_feeds.app.find_parts", quickened(find_parts))
    chance = Random(0)
    monkeypatch.setattr("foreshock_feeds.feeds.Tuning", partial(Tuning, chance=lambda: chance.random() / 4))


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_nothing_delivered_is_lost_or_doubled_on_bad_lines(
    redis: Redis, redis_server: EmbeddedServer, tmp_path: Path, seed: int
) -> None:
    rng = Random(seed)
    plan = schedule(rng, VENUES, SECONDS)

    async def ordeal(place: Market, lines: Mapping[str, Line]) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(place.play())
            tasks.create_task(keep(plan, lines, rng))
        assert sum(line.sockets.refused for line in lines.values()) > 0

    survived = await survive(redis_server.url, tmp_path, ordeal, seed)
    assert survived.counters["gaps"] > 0
    await judge(redis, survived)


@pytest.mark.timeout(60 + 30 * SEEDS)
@given(st.lists(FRAMES, min_size=20, max_size=200))
@settings(max_examples=SEEDS, phases=(Phase.generate,), derandomize=True, suppress_health_check=list(HealthCheck))
def test_frames_of_any_shape_harm_nothing(redis_server: EmbeddedServer, frames: list[str | bytes]) -> None:
    async def ordeal(place: Market, lines: Mapping[str, Line]) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(place.play())
            for frame in frames:
                for line in lines.values():
                    line.say([frame])
                await asyncio.sleep(SECONDS / len(frames) / 2)

    async def example(folder: Path) -> None:
        async with connect_url(redis_server.url) as redis:
            await redis.flushall()
            survived = await survive(redis_server.url, folder, ordeal, seed=len(frames))
            await judge(redis, survived)
            assert survived.counters["bad_frames"] > 0

    with tempfile.TemporaryDirectory() as place:
        asyncio.run(example(Path(place)))
