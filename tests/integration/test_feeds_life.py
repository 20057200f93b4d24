"""Proof of life through to what is published: a dead route, a killed venue, a quiet market."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis
from tests.integration import test_signals_service as signals
from tests.integration import test_velocity_service as velocity
from tests.integration.feeds_house import Market, all_live, entries, feeding, market, status_of, until

from foreshock_feeds.domain.coverage import packaged
from foreshock_feeds.settings import EndpointSettings
from foreshock_lab.demo import DemoOptions, simulations
from foreshock_lab.domain.ledger import Ledger
from foreshock_lab.venue_host import VenueHost
from foreshock_lab.venue_socket import Outgoing
from foreshock_model import keys
from foreshock_model.signal import Signal, decode
from foreshock_model.tick import VenueLife
from foreshock_model.tick import decode as decode_tick
from foreshock_runtime.clock import SystemClock
from foreshock_runtime.config_store import ConfigStore
from foreshock_runtime.embedded import EmbeddedServer

SECOND = 10**9
THREE = ("binance", "bybit", "okx")
SHARES = packaged().venues
WHOLE = round(sum(SHARES[venue] for venue in THREE), 6)
WITHOUT_BYBIT = round(WHOLE - SHARES["bybit"], 6)
BUSY = DemoOptions(scenario="steady", seed=5, duration_s=40.0, rate=60.0)
LOUD = b'{"thresholds":{"watch":1e-9,"alert":0.9,"critical":0.98,"extreme":0.99},"repeat_seconds":1.0}'
"""Everything that moves is at WATCH, so that signals are published all the time."""
NOISE = {
    "binance": {"e": "markPriceUpdate", "E": 1, "s": "ETHUSDT", "p": "3000", "i": "3000", "r": "0.0001", "T": 1},
    "bybit": {"topic": "tickers.ETHUSDT", "type": "delta", "ts": 1, "data": {"symbol": "ETHUSDT", "markPrice": "3000"}},
    "okx": {
        "arg": {"channel": "mark-price", "instId": "ETH-USDT-SWAP"},
        "data": [{"instType": "SWAP", "instId": "ETH-USDT-SWAP", "markPx": "3000", "ts": "1"}],
    },
}
"""Good frames of a channel that is not the canary."""


async def states(redis: Redis) -> dict[str, list[tuple[str, int]]]:
    """Return the states each route went through with their times, ns UTC."""
    found: dict[str, list[tuple[str, int]]] = {}
    for _, fields in await redis.execute_command("XRANGE", keys.FEEDS_HEALTH, "-", "+"):
        if fields[b"kind"] == b"state":
            found.setdefault(fields[b"route"].decode(), []).append((fields[b"to"].decode(), int(fields[b"ts"])))
    return found


def liquidating(status: Any) -> list[Any]:
    """Return the routes that bring liquidations."""
    return [route for route in status.routes if route.purpose == "liquidations"]


@asynccontextmanager
async def acknowledging_only() -> AsyncIterator[Market]:
    """Run venues that acknowledge every subscription and then send other channels alone, four frames a second."""
    simulated = simulations(THREE)

    async def talk(host: VenueHost) -> None:
        while True:
            for venue, house in host.venues.items():
                for socket in house.sockets:
                    socket.put(Outgoing(json.dumps(NOISE[venue])))
            await asyncio.sleep(0.25)

    async with VenueHost(
        simulated.scripts, simulated.connectors, ledger=Ledger(), clock=SystemClock(), greets=False
    ) as host:
        talking = asyncio.create_task(talk(host))
        try:
            yield Market(host, None)  # type: ignore[arg-type]  # nothing is played
        finally:
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)


async def test_a_venue_that_acknowledges_and_then_sends_only_other_channels_is_dead_within_ten_seconds(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    """With the deadlines as shipped: an ACK proves nothing, and neither do frames."""
    async with acknowledging_only() as place, feeding(redis_server.url, place) as service:
        names = {route.name for route in liquidating(await status_of(service.bound.control))}

        async def all_dead() -> Any:
            found = await states(redis)
            return found if all("DEAD" in dict(found[name]) for name in names) else None

        found = await until(all_dead)
        status = await status_of(service.bound.control)
    assert {name.partition("/")[0] for name in names} == set(THREE)
    for route in names:
        told = found[route]
        assert [state for state, _ in told[:3]] == ["CONNECTING", "UNPROVEN", "DEAD"], route
        assert told[2][1] - told[1][1] < 10 * SECOND
    assert status.coverage == 0
    assert status.coverage_possible == pytest.approx(WHOLE)
    assert {route.state for route in liquidating(status)} <= {"DEAD", "UNPROVEN", "CONNECTING"}
    assert all(route.frames > 4 for route in liquidating(status)), "frames came all the time"
    assert all("for 5 s" in route.reason for route in liquidating(status) if route.state == "DEAD")


async def published(redis: Redis) -> list[Signal]:
    """Return the signals published so far."""
    rows = await redis.execute_command("XRANGE", keys.CASCADE_SIGNALS, "-", "+")
    return [decode(fields[b"json"]) for _, fields in rows if b"signal_id" in fields]


@asynccontextmanager
async def pipeline(redis: Redis, server: EmbeddedServer, stack: AsyncExitStack) -> AsyncIterator[dict[str, Any]]:
    """Run feeds, velocity and signals on three venues, each of its own; yield how to end each venue."""
    await ConfigStore(redis, "signals", 1).save("", LOUD, "ann", "to hear all")
    ends: dict[str, Any] = {}
    places: dict[str, Market] = {}
    for venue in THREE:
        ends[venue] = await stack.enter_async_context(AsyncExitStack())
        places[venue] = await ends[venue].enter_async_context(market(venue, options=BUSY))
    endpoints = {venue: place.endpoints[venue] for venue, place in places.items()}
    async with (
        signals.running(server),
        velocity.running(server.url),
        feeding(server.url, places["okx"], venues=THREE, endpoints=endpoints) as service,
    ):
        await until(lambda: all_live(service.bound.control))
        for place in places.values():
            place.player.begin()
        yield ends


async def test_one_of_three_venues_killed_lowers_coverage_in_published_signals_within_two_seconds(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    async with AsyncExitStack() as stack, pipeline(redis, redis_server, stack) as ends:

        async def whole() -> bool:
            told = [each.data_quality for each in await published(redis)]
            return bool(told) and told[-1].coverage == WHOLE

        await until(whole)
        killed = SystemClock().now()
        await ends["bybit"].aclose()

        async def later() -> bool:
            return any(each.ts > killed + 3 * SECOND for each in await published(redis))

        await until(later)
        latest = msgspec.json.decode(await redis.execute_command("GET", keys.probability("BTCUSDT")))
        found = await published(redis)
    lower = [each for each in found if each.data_quality.coverage == WITHOUT_BYBIT]
    assert min(each.ts for each in lower) - killed < 2 * SECOND
    after = [each for each in found if each.ts >= killed + 2 * SECOND]
    assert {each.data_quality.coverage for each in after} == {WITHOUT_BYBIT}
    assert {each.data_quality.status for each in after} == {"DEGRADED"}
    assert {(each.data_quality.venues_used, each.data_quality.venues_missing) for each in after} == {
        (("binance", "okx"), ("bybit",))
    }
    assert all(each.explanation.startswith("41% of the market is seen; ") for each in after)
    assert latest["data_quality"]["coverage"] == WITHOUT_BYBIT


async def test_a_change_of_state_is_ticked_at_once_into_every_partition_of_a_busy_stream(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    async with AsyncExitStack() as stack:
        end = await stack.enter_async_context(AsyncExitStack())
        okx = await end.enter_async_context(market("okx", options=BUSY))
        bybit = await stack.enter_async_context(market("bybit", options=BUSY))
        settings = {"venues": ("bybit", "okx"), "endpoints": okx.endpoints | bybit.endpoints, "partitions": 2}
        async with feeding(redis_server.url, bybit, **settings) as service:
            await until(lambda: all_live(service.bound.control))
            bybit.player.begin()
            await bybit.playing_since(1.0)
            before = SystemClock().now()
            await end.aclose()

            async def told() -> list[int] | None:
                first = [await gone_at(redis, partition) for partition in range(2)]
                return first if all(first) else None

            at = await until(told)
    assert all(each - before < SECOND for each in at)


async def gone_at(redis: Redis, partition: int) -> int:
    """Return the clock of the first tick that says that OKX is gone after it was live, 0 when none does."""
    lives = [
        (entry.clock, decode_tick(entry.data).venues["okx"].live)
        for entry in await entries(redis, partition)
        if entry.kind == "tick"
    ]
    live = [number for number, (_, each) in enumerate(lives) if each]
    return next((clock for clock, each in lives[live[0] :] if not each), 0) if live else 0


async def test_an_hour_of_a_quiet_market_stays_live(redis: Redis, redis_server: EmbeddedServer) -> None:
    """The clock is that of the frames: the canary speaks every second for an hour, and nobody is liquidated."""
    hour, start = 3_600, 1_780_000_000_000

    def mark(second: int) -> str:
        row = {"instType": "SWAP", "instId": "BTC-USDT-SWAP", "markPx": "60000", "ts": str(start + second * 1000)}
        return json.dumps({"arg": {"channel": "mark-price", "instId": "BTC-USDT-SWAP"}, "data": [row]})

    simulated = simulations(("okx",))
    async with VenueHost(
        simulated.scripts, simulated.connectors, ledger=Ledger(), clock=SystemClock(), greets=False
    ) as host:
        place = Market(host, None)  # type: ignore[arg-type]  # nothing is played
        async with feeding(redis_server.url, place, clock="frames") as service:
            await host.subscribed()
            for second in range(hour + 1):
                for socket in host.venues["okx"].sockets:
                    socket.put(Outgoing(mark(second)))
                if second % 100 == 0:
                    await host.written()

            async def over() -> Any:
                ticks = [entry for entry in await entries(redis) if entry.kind == "tick"]
                return ticks if ticks and ticks[-1].clock >= (start + hour * 1000) * 10**6 else None

            ticks = await until(over)
            status = await status_of(service.bound.control)
    assert [state for state, _ in (await states(redis))["okx/public-0"]][:3] == ["CONNECTING", "UNPROVEN", "LIVE"]
    assert {route.state for route in liquidating(status)} == {"LIVE"}
    assert status.coverage == pytest.approx(SHARES["okx"])
    assert not any("silent" in problem for problem in status.status.problems)
    live = [decode_tick(entry.data).venues["okx"] for entry in ticks if entry.clock > start * 10**6]
    assert len(live) > 100
    assert set(live[1:]) == {VenueLife(1.0, SHARES["okx"])}


async def test_shares_survive_a_restart(redis: Redis, redis_server: EmbeddedServer) -> None:
    async with market("okx", options=BUSY) as place:
        async with feeding(redis_server.url, place) as service:
            await until(lambda: all_live(service.bound.control))
            place.player.begin()
            await place.playing_since(1.5)
        kept = msgspec.json.decode(await redis.execute_command("HGET", keys.FEEDS_SHARES, "okx"))
        (before,) = kept.values()
        assert before["usd"] > 0
        async with feeding(redis_server.url, place) as service:
            await until(lambda: all_live(service.bound.control))
        kept = msgspec.json.decode(await redis.execute_command("HGET", keys.FEEDS_SHARES, "okx"))
        assert sum(each["usd"] for each in kept.values()) >= before["usd"]


async def test_status_and_metrics_tell_states_reasons_shares_and_coverage(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    assert redis
    async with market("okx") as place:
        endpoints = place.endpoints | {"bybit": EndpointSettings("ws://127.0.0.1:1", "http://127.0.0.1:1")}
        async with feeding(redis_server.url, place, venues=("bybit", "okx"), endpoints=endpoints) as service:

            async def seen() -> Any:
                status = await status_of(service.bound.control)
                return status if status.coverage > 0 else None

            status = await until(seen)
            text = await velocity.scraped(service.metrics_address)
    routes = {route.name: route for route in status.routes}
    okx, bybit = routes["okx/public-0"], next(each for name, each in routes.items() if name.startswith("bybit/"))
    assert (okx.state, okx.reason, okx.purpose) == ("LIVE", "canary seen", "liquidations")
    assert 0 <= okx.canary_age < 5
    assert okx.since > 1_700_000_000 * SECOND
    assert (bybit.state, bybit.canary_age) == ("CONNECTING", -1.0)
    assert bybit.reason.startswith("cannot connect: ") or bybit.reason == "will be read"
    venues = {venue.name: (venue.live, venue.share, venue.share_source) for venue in status.venues}
    assert venues == {"bybit": (0.0, SHARES["bybit"], "packaged"), "okx": (1.0, SHARES["okx"], "packaged")}
    assert (status.coverage, status.coverage_possible) == (SHARES["okx"], SHARES["okx"] + SHARES["bybit"])
    for line in (
        'foreshock_feeds_route_state{route="okx/public-0",state="LIVE"} 1.0',
        'foreshock_feeds_route_state{route="okx/public-0",state="DEAD"} 0.0',
        f"foreshock_feeds_coverage {SHARES['okx']}",
        f"foreshock_feeds_coverage_possible {SHARES['okx'] + SHARES['bybit']}",
        'foreshock_feeds_venue_share{venue="okx"} 0.12',
        'foreshock_feeds_venue_live{venue="bybit"} 0.0',
    ):
        assert line in text


async def test_a_venue_silent_among_others_is_suspect_though_its_canary_is_seen_until_it_speaks(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    """The rule is a field of the configuration; here with its shortest window."""
    rule = b'{"symbols":[],"silence_window_seconds":10,"silence_events":10}'
    await ConfigStore(redis, "feeds", 1).save("", rule, "ann", "a quick test")
    async with AsyncExitStack() as stack:
        places = {venue: await stack.enter_async_context(market(venue, options=BUSY)) for venue in THREE}
        endpoints = {venue: place.endpoints[venue] for venue, place in places.items()}
        async with feeding(redis_server.url, places["okx"], venues=THREE, endpoints=endpoints) as service:
            await until(lambda: all_live(service.bound.control))
            for venue in ("okx", "bybit"):
                places[venue].player.begin()

            async def in_state(state: str) -> Any:
                status = await status_of(service.bound.control)
                routes = [route for route in liquidating(status) if route.name.startswith("binance/")]
                return status if {route.state for route in routes} == {state} else None

            status = await until(lambda: in_state("SUSPECT"))
            venues = {venue.name: venue for venue in status.venues}
            assert venues["binance"].silence.startswith("no liquidation in 10 s, others had in ")
            assert venues["binance"].live == 0
            assert status.coverage == pytest.approx(WHOLE - SHARES["binance"])
            assert f"venue binance: {venues['binance'].silence}" in list(status.status.problems)
            places["binance"].player.begin()
            status = await until(lambda: in_state("LIVE"))
    assert status.coverage == pytest.approx(WHOLE)
    assert not any("no liquidation" in problem for problem in status.status.problems)
