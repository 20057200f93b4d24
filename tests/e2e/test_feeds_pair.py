"""Two feeds processes, one house: whichever ends, in whatever way, nothing is lost and nothing counts twice."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import pytest
from redis.asyncio import Redis
from tests.integration.feeds_house import Market, entries, facts, gaps, market, process, status_of, until

from foreshock_lab.demo import DemoOptions
from foreshock_model import keys
from foreshock_model.batch import decode
from foreshock_model.entries import InputEntry
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_velocity.domain import VelocityState

pytestmark = [pytest.mark.timeout(90)]

VENUES = ("bybit", "okx", "gate")
TAKEOVER_SECONDS = 3.0
STOPPED_SECONDS = 5.0


class Member(NamedTuple):
    """A process of the pair, and where its control answers."""

    child: asyncio.subprocess.Process
    control: str

    async def ended(self, number: int) -> int:
        """Send a signal and wait for the end."""
        self.child.send_signal(number)
        return await self.child.wait()


@asynccontextmanager
async def one(name: str, redis: Redis, server: EmbeddedServer, place: Market, folder: Path) -> AsyncIterator[Member]:
    """Run one process of the pair; it is there when all its routes are live."""
    env = {"FORESHOCK_REDUNDANT": "true", "FORESHOCK_INSTANCE": name, "FORESHOCK_DATA_DIR": str(folder / name)}
    async with process(server.url, redis, place, folder / f"{name}.log", **env) as mine:
        beat = await mine.serving()
        yield Member(mine.child, beat.control)


async def holds(mine: Member, *, all_: bool = True) -> bool:
    """Tell whether a process writes all routes, or none."""
    routes = (await status_of(mine.control)).routes
    return bool(routes) and all(route.held is all_ for route in routes)


async def taken_over(mine: Member) -> float:
    """Wait until a process writes all routes; return the seconds that it took."""
    start = monotonic()
    await until(lambda: holds(mine))
    return monotonic() - start


async def counted(redis: Redis) -> tuple[Counter[str], VelocityState]:
    """Answer the stream as velocity does; return the liquidations that it counted by venue, and its state."""
    found: Any = await redis.xrange(keys.events(0))
    state, last = VelocityState(), dict[str, dict[str, int]]()
    for entry_id, fields in found:
        state.advance(entry_id.decode(), InputEntry.from_fields(fields))
        metrics = state._teller.metrics
        for row, symbol in enumerate(metrics.symbols if metrics else ()):
            assert metrics is not None
            by_venue = metrics.total_count[row].sum(axis=0).tolist()
            last[symbol] = dict(zip(metrics.venues, by_venue, strict=True))
    total: Counter[str] = Counter()
    for by_venue_ in last.values():
        total.update(by_venue_)
    return total, state


async def check(redis: Redis, place: Market) -> None:
    """Hold the streams and velocity's totals against the ledger."""
    wanted = {fact for fact in place.sent if fact.venue in VENUES}
    await until(lambda: arrived(redis, wanted))
    found = await facts(redis)
    assert set(found) == wanted
    totals, state = await counted(redis)
    assert +totals == Counter(fact.venue for fact in wanted)
    assert state.counters.doubled == sum(found.values()) - len(wanted)
    assert await gaps(redis) == []


async def arrived(redis: Redis, wanted: set[Any]) -> bool:
    return set(await facts(redis)) >= wanted


async def writers(redis: Redis) -> set[str]:
    """Return who wrote liquidations."""
    batches = [each for each in await entries(redis) if each.kind == "batch"]
    return {each.writer for each in batches if decode(each.data).liquidations["event_id"].size}


async def test_whichever_is_killed_the_other_goes_on(
    redis: Redis, redis_server: EmbeddedServer, tmp_path: Path
) -> None:
    options = DemoOptions(scenario="steady", seed=5, duration_s=10.0, rate=60.0)
    async with market(*VENUES, options=options) as place, one("a", redis, redis_server, place, tmp_path) as a:
        await until(lambda: holds(a))
        async with one("b", redis, redis_server, place, tmp_path) as b:
            assert await holds(b, all_=False)
            playing = asyncio.create_task(place.play())
            await place.playing_since(2.0)
            await a.ended(signal.SIGKILL)
            assert await taken_over(b) < TAKEOVER_SECONDS
            async with one("a", redis, redis_server, place, tmp_path) as again:
                assert await holds(again, all_=False)
                await asyncio.sleep(1.0)  # b writes, a listens
                await b.ended(signal.SIGKILL)
                assert await taken_over(again) < TAKEOVER_SECONDS
                await playing
                await check(redis, place)
    assert await writers(redis) == {"feeds:a", "feeds:b"}


async def test_a_process_that_stood_still_writes_nothing_that_counts_twice(
    redis: Redis, redis_server: EmbeddedServer, tmp_path: Path
) -> None:
    options = DemoOptions(scenario="steady", seed=6, duration_s=8.5, rate=60.0)
    async with market(*VENUES, options=options) as place, one("a", redis, redis_server, place, tmp_path) as a:
        await until(lambda: holds(a))
        async with one("b", redis, redis_server, place, tmp_path) as b:
            playing = asyncio.create_task(place.play())
            await place.playing_since(2.0)
            a.child.send_signal(signal.SIGSTOP)
            stopped = monotonic()
            assert await taken_over(b) < TAKEOVER_SECONDS
            await asyncio.sleep(stopped + STOPPED_SECONDS - monotonic())
            a.child.send_signal(signal.SIGCONT)
            await until(lambda: holds(a, all_=False))
            assert await holds(b), "the one that came back takes nothing away"
            await playing
            await check(redis, place)


async def test_an_orderly_end_hands_over_at_once(redis: Redis, redis_server: EmbeddedServer, tmp_path: Path) -> None:
    options = DemoOptions(scenario="steady", seed=7, duration_s=4.5, rate=60.0)
    async with market(*VENUES, options=options) as place, one("a", redis, redis_server, place, tmp_path) as a:
        await until(lambda: holds(a))
        async with one("b", redis, redis_server, place, tmp_path) as b:
            playing = asyncio.create_task(place.play())
            await place.playing_since(2.5)  # longer than a lease: whoever held it was there
            start = monotonic()
            ending = asyncio.create_task(a.ended(signal.SIGTERM))
            await until(lambda: holds(b))
            assert monotonic() - start < 1.5
            assert await ending == 0
            await playing
            await check(redis, place)
