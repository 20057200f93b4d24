"""A pair of feeds processes on a real server: leases, handing over, gaps, outages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from redis.asyncio import Redis
from tests.integration.feeds_house import Market, all_live, entries, facts, feeding, gaps, market, status_of, until

from foreshock_feeds.collector import FeedsCollector
from foreshock_feeds.domain.ingest import Ingest, Ingested
from foreshock_feeds.domain.route_state import RouteState
from foreshock_feeds.health import Gap
from foreshock_feeds.pair import Pair
from foreshock_feeds.parts import find_parts
from foreshock_feeds.resume import look_back
from foreshock_feeds.settings import FeedsSettings
from foreshock_model import keys
from foreshock_model.batch import CONTEXT_COLUMNS, LIQUIDATION_COLUMNS, empty
from foreshock_runtime.clock import SystemClock
from foreshock_runtime.connection import connect_url
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_runtime.settings import SettingsError
from foreshock_runtime.streams.leases import Leases
from foreshock_runtime.streams.writer import PartitionWriter
from foreshock_sdk.instruments import Instruments

ROUTE = "toy/main"
LIVE, DEAD = RouteState.LIVE, RouteState.DEAD
TTL = 0.4


class Member:
    """One process's pair, with one route, and what it wrote."""

    def __init__(self, redis: Redis, state: RouteState = LIVE, ttl: float = TTL) -> None:
        self.out: list[int] = []
        self.heard = 0
        self.told: list[Gap] = []
        self.states = {ROUTE: state}
        self.ingest = Ingest(Instruments("toy", ()))
        clock = SystemClock()
        self.clock = clock
        self.pair = Pair(Leases(redis, ttl), clock, self.states, deliver=self._deliver, heard=self._heard)
        self.outlet = self.pair.outlet(ROUTE, self.ingest)

    def _deliver(self, _: Ingest, found: Ingested) -> None:
        self.out += found.liquidations["event_id"].tolist()

    def _heard(self, _: Ingest, found: Ingested) -> None:
        self.heard += len(found.liquidations["event_id"])

    def row(self, key: int) -> None:
        columns = {name: np.zeros(1, dtype) for name, dtype in LIQUIDATION_COLUMNS}
        columns["event_id"][:], columns["ts_recv"][:] = key, self.clock.now()
        self.outlet.deliver(self.ingest, Ingested(columns, empty(CONTEXT_COLUMNS)))

    def becomes(self, state: RouteState) -> None:
        self.states[ROUTE] = state
        self.pair.moved()

    def missed(self) -> Gap:
        now = self.clock.now()
        gap = Gap(ROUTE, now - 60 * 10**9, now)
        self.pair.missed(gap, self.told.append)
        return gap

    async def writing(self) -> None:
        await until(lambda: self.pair.writes(ROUTE))

    async def idle(self) -> None:
        await until(lambda: not self.pair.writes(ROUTE))


@asynccontextmanager
async def running(*members: Member) -> AsyncIterator[None]:
    """Run their pairs until the block ends."""
    tasks = [asyncio.create_task(each.pair.run()) for each in members]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_one_writes_and_the_other_takes_over_with_what_it_kept(redis: Redis) -> None:
    one, other = Member(redis), Member(redis)
    async with running(other), running(one):
        await until(lambda: one.pair.writes(ROUTE) or other.pair.writes(ROUTE))
        holder, standby = (one, other) if one.pair.writes(ROUTE) else (other, one)
        for key in (1, 2):
            holder.row(key)
            standby.row(key)
        assert (holder.out, standby.out, standby.pair.kept(ROUTE)) == ([1, 2], [], 2)
        assert standby.heard == 2
        await holder.pair.release()
        holder.states[ROUTE] = DEAD
        await standby.writing()
        standby.row(3)
    assert standby.out == [1, 2, 3]
    assert (holder.pair.takeovers, standby.pair.takeovers) == (1, 1)


async def test_the_process_whose_route_is_live_has_it(redis: Redis) -> None:
    one, other = Member(redis), Member(redis, DEAD)
    async with running(one, other):
        await one.writing()
        other.becomes(LIVE)
        one.becomes(DEAD)
        await other.writing()
        assert not one.pair.writes(ROUTE)
        one.becomes(LIVE)
        await asyncio.sleep(TTL / 2)
        assert other.pair.writes(ROUTE), "a route that came back takes nothing away"


async def test_where_none_is_live_rows_go_out_all_the_same(redis: Redis) -> None:
    one = Member(redis, RouteState.UNPROVEN)
    async with running(one):
        one.row(1)
        await until(lambda: one.out == [1])
        one.row(2)
        await until(lambda: one.out == [1, 2])


async def test_a_gap_while_another_wrote_is_none_of_the_streams(redis: Redis) -> None:
    one, other = Member(redis), Member(redis, DEAD)
    async with running(one, other):
        await one.writing()
        other.becomes(LIVE)
        other.missed()
        await until(lambda: not other.pair._missed.get(ROUTE))
    assert other.told == []


async def test_a_gap_that_nobody_covered_is_told_from_when_the_other_ended(redis: Redis) -> None:
    alone, after = Member(redis), Member(redis, DEAD)
    gap = alone.missed()
    async with running(after):
        async with running(alone):
            await until(lambda: alone.told)
            assert alone.told == [gap]
            await until(lambda: after.pair.routes[ROUTE].other_at)
        missed = after.missed()
        after.becomes(LIVE)
        await until(lambda: after.told)
    assert after.told[0].until == missed.until
    assert missed.since < after.told[0].since < missed.until, "the other wrote at first"


async def test_a_gap_that_is_not_resolved_is_told_at_the_end(redis: Redis) -> None:
    one = Member(redis)
    gap = one.missed()
    one.pair.tell_gaps()
    assert one.told == [gap]


async def test_what_is_kept_at_the_end_goes_out_if_nobody_else_writes(redis: Redis) -> None:
    one, other = Member(redis), Member(redis)
    one.row(1)
    await one.pair.settle()
    assert one.out == [1]
    other.row(1)
    await other.pair.settle()
    assert other.out == []


async def test_a_route_that_is_read_no_longer_is_forgotten(redis: Redis) -> None:
    one = Member(redis)
    one.pair.keep([])
    assert ROUTE in one.pair.routes, "it may be new"
    one.pair.keep([ROUTE])
    one.pair.keep([])
    assert one.pair.routes == {}
    assert (one.pair.writes(ROUTE), one.pair.kept(ROUTE), one.pair.dropped) == (False, 0, (0, 0))


async def test_while_the_server_is_away_the_holder_writes_on_and_the_other_keeps() -> None:
    server = EmbeddedServer()
    await server.start()
    try:
        async with connect_url(server.url) as redis:
            one, other = Member(redis), Member(redis, DEAD)
            async with running(one, other):
                await one.writing()
                other.becomes(LIVE)
                await until(lambda: other.pair.routes[ROUTE].other_at)
                await server.stop()
                await asyncio.sleep(2 * TTL)
                for each in (one, other):
                    each.row(1)
                await until(lambda: one.out == [1])
                assert (other.out, other.pair.kept(ROUTE)) == ([], 1)
    finally:
        await server.stop()


async def test_leases_survive_a_server_that_lost_its_scripts(redis: Redis) -> None:
    leases, other = Leases(redis), Leases(redis)
    assert await leases.take(["lease:x", "lease:y"]) == {"lease:x": True, "lease:y": True}
    await redis.execute_command("SCRIPT", "FLUSH")
    assert await other.take(["lease:x"]) == {"lease:x": False}
    assert await leases.renew(["lease:x", "lease:z"]) == {"lease:x": True, "lease:z": False}
    await leases.release(["lease:x"])
    assert await other.take(["lease:x"]) == {"lease:x": True}
    assert await other.take([]) == {}
    await redis.set("lease:list", "x")
    await redis.delete("lease:list")
    await redis.execute_command("RPUSH", "lease:list", "x")
    with pytest.raises(Exception, match="WRONGTYPE"):
        await other.take(["lease:list"])


async def test_one_process_alone_writes_everything_and_tells_of_it(redis: Redis, redis_server: EmbeddedServer) -> None:
    async with market("bybit", "okx") as place, feeding(redis_server.url, place, redundant=True) as service:
        await until(lambda: all_live(service.bound.control))
        await place.play()
        await until(lambda: arrived(redis, place))
        assert set((await facts(redis)).values()) == {1}
        status = await status_of(service.bound.control)
        assert all(route.held for route in status.routes)
        assert status.status.counters["takeovers"] == len(status.routes)
        assert sum(held_by(service.registry)) == len(status.routes)
    assert await gaps(redis) == [], "a first start misses nothing"
    assert await redis.keys("lease:feeds:*") == [], "an orderly end leaves no lease"
    told: Any = await redis.xrange(keys.FEEDS_HEALTH)
    assert {fields[b"instance"] for _, fields in told} == {b"0"}


async def arrived(redis: Redis, place: Market) -> bool:
    return set(await facts(redis)) >= set(place.sent)


def held_by(registry: object) -> list[float]:
    """Return the samples of the metric that says which routes are held."""
    collectors: Mapping[object, object] = registry._collector_to_names  # type: ignore[attr-defined]
    (mine,) = [each for each in collectors if isinstance(each, FeedsCollector)]
    return [
        sample.value for metric in mine.collect() if metric.name.endswith("route_held") for sample in metric.samples
    ]


async def test_of_a_pair_the_newest_entry_of_either_is_the_end_of_the_earlier_run(redis: Redis) -> None:
    for name, clock in (("feeds:a", 100), ("feeds:b", 200), ("market", 300)):
        writer = PartitionWriter(redis, partitions=1, writer=name, epoch=1)
        writer.add(0, "tick", clock, b"")
        await writer.flush()
    assert len(await entries(redis)) == 3
    assert (await look_back(redis, "feeds:a", 1)).last_clock == 100
    assert (await look_back(redis, None, 1)).last_clock == 200


@pytest.mark.parametrize("wrong", [{"clock": "frames"}, {"lease_seconds": 5.0}])
def test_what_a_pair_cannot_work_with_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="redundant"):
        find_parts(FeedsSettings(redundant=True, **wrong))  # type: ignore[arg-type]
