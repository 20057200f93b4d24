"""The feeds service between real simulated venues and a real server."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import grpc
import msgspec
import pytest
from redis.asyncio import Redis
from tests.integration.feeds_house import (
    Market,
    all_live,
    control,
    covered,
    entries,
    facts,
    feeding,
    gaps,
    market,
    process,
    status_of,
    until,
)
from tests.integration.test_velocity_service import scraped

from foreshock_feeds.app import serve
from foreshock_feeds.settings import EndpointSettings, FeedsSettings
from foreshock_model import keys
from foreshock_protos.feeds.v1 import control_pb2
from foreshock_runtime.connection import connect_url
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_runtime.lifecycle import Exit, Service, run_in_loop
from foreshock_runtime.settings import ServiceSettings


async def arrived(redis: Redis, place: Market, partitions: int = 1) -> bool:
    return set(await facts(redis, partitions)) == set(place.sent)


async def test_every_row_of_every_venue_arrives_once_in_its_partition(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    async with market() as place, feeding(redis_server.url, place, partitions=2) as service:
        await until(lambda: all_live(service.bound.control))
        await place.play()
        await until(lambda: arrived(redis, place, 2))
        found = await facts(redis, 2)
        assert len(found) > 50
        assert set(found.values()) == {1}
        await check_status(service, set(place.host.venues), len(found))
    assert await gaps(redis) == [], "a first start misses nothing"


async def check_status(service: Service, venues: set[str], rows: int) -> None:
    status = await status_of(service.bound.control)
    assert {venue.name: venue.specs for venue in status.venues} == dict.fromkeys(venues, "rest")
    assert all(venue.contracts for venue in status.venues)
    assert status.status.serving
    assert list(status.status.problems) == []
    assert dict(status.status.counters) == {
        "gaps": 0,
        "rows_waiting": 0,
        "rows_dropped": 0,
        "bad_frames": 0,
        "duplicates_dropped": 0,
        "clamped": 0,
        "unpriced": 0,
        "takeovers": 0,
        "redis_failures": 0,
    }
    text = await scraped(service.metrics_address)
    lines = [line for line in text.splitlines() if line.startswith("foreshock_feeds_rows_total")]
    assert sum(float(line.rpartition(" ")[2]) for line in lines if 'kind="liquidation"' in line) == rows
    assert 'foreshock_feeds_route_live{route="okx/public-0"} 1.0' in text
    check_clocks(status, text)


def check_clocks(status: Any, text: str) -> None:
    """Venue and house are one machine: a frame's way is all there is."""
    (bybit,) = (venue for venue in status.venues if venue.name == "bybit")
    assert -0.1 < bybit.clock_offset < 5
    assert bybit.clock_spread >= 0
    assert bybit.spec_version == 1
    assert 'foreshock_feeds_clock_offset_seconds{venue="bybit"}' in text
    assert 'foreshock_feeds_clock_spread_seconds{venue="bybit"}' in text


async def test_a_venue_whose_rest_is_away_is_read_with_packaged_values_which_shows(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    async with market("okx") as place:
        endpoints = {"okx": EndpointSettings(place.endpoints["okx"].websocket, "http://127.0.0.1:1")}
        async with feeding(redis_server.url, place, endpoints=endpoints) as service:
            await until(lambda: all_live(service.bound.control))
            status = await status_of(service.bound.control)
    (venue,) = status.venues
    assert venue.specs == "packaged"
    assert len(venue.specs_checked) == len("2026-11-20")
    (problem,) = status.status.problems
    assert problem.startswith("venue okx: packaged contract values are used: SWAP: URLError")


async def test_a_venue_that_cannot_be_reached_says_so_with_the_reason(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    async with market("okx") as place:
        endpoints = {"okx": EndpointSettings("ws://127.0.0.1:1", place.endpoints["okx"].rest)}
        async with feeding(redis_server.url, place, endpoints=endpoints) as service:
            await until(lambda: told_of(service.bound.control, "cannot connect"))
            status = await status_of(service.bound.control)
    found = {problem.partition(": ")[0]: problem for problem in status.status.problems}
    for route in status.routes:
        assert route.state == "CONNECTING"
        assert route.reason.startswith("cannot connect: [Errno ")
        assert found[f"route {route.name}"] == f"route {route.name}: {route.reason}"
    assert {venue.live for venue in status.venues} == {0.0}


async def told_of(control: str, words: str) -> bool:
    status = await status_of(control)
    return bool(status.routes) and all(words in route.reason for route in status.routes)


def change(*symbols: str, **more: Any) -> Any:
    return control_pb2.UpdateConfigRequest(config={"symbols": symbols}, update_mask={"paths": ["symbols"]}, **more)


def channels(status: Any) -> list[str]:
    return [channel for route in status.routes for channel in route.channels]


async def rotated(address: str, venue: str) -> bool:
    """Tell whether every route of a venue is read on another connection."""
    routes = [route for route in (await status_of(address)).routes if route.name.startswith(f"{venue}/")]
    return all(route.rotations for route in routes)


async def test_symbols_change_while_it_runs_and_survive_a_restart(redis: Redis, redis_server: EmbeddedServer) -> None:
    async with market("bybit", "okx") as place:
        async with feeding(redis_server.url, place) as service, control(service.bound.control) as stub:
            await until(lambda: all_live(service.bound.control))
            before = await status_of(service.bound.control)
            answer = await stub.UpdateConfig(change("BTCUSDT", author="ada", reason="calm"))
            assert (list(answer.config.symbols), answer.revision.revision) == (["BTCUSDT"], 1)
            after = await status_of(service.bound.control)
            assert after.status.config_revision == service.config_revision == 1
            assert set(channels(after)) < set(channels(before))
            assert {route.state for route in after.routes} == {"LIVE"}, "old sockets are read until new ones are proven"
            await until(lambda: rotated(service.bound.control, "bybit"))
            last = await status_of(service.bound.control)
            assert {route.reconnects for route in last.routes} == {0}
            assert await gaps(redis) == []
            await place.play()
        assert {fact.raw_symbol[:3] for fact in await facts(redis)} == {"BTC"}
        async with feeding(redis_server.url, place) as service, control(service.bound.control) as stub:
            await until(lambda: all_live(service.bound.control))
            config = await stub.GetConfig(control_pb2.GetConfigRequest())
            assert (list(config.config.symbols), config.revision.author) == (["BTCUSDT"], "ada")
            assert set(channels(await status_of(service.bound.control))) == set(channels(after))
    assert [entry.kind for entry in await entries(redis)].count("config") == 1


async def test_bad_symbols_are_named_and_change_nothing(redis: Redis, redis_server: EmbeddedServer) -> None:
    async with (
        market("okx") as place,
        feeding(redis_server.url, place) as service,
        control(service.bound.control) as stub,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.UpdateConfig(change("btcusdt"))
        await stub.UpdateConfig(change("BTCUSDT", validate_only=True))
        revision = service.config_revision
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "config.symbols" in (refused.value.details() or "")
    assert revision == 0
    assert not await redis.exists(keys.config("feeds"))


async def test_a_server_that_is_killed_and_comes_back_costs_nothing(tmp_path: Path) -> None:
    server = EmbeddedServer()
    await server.start()
    client = connect_url(server.url)
    try:
        async with market() as place, feeding(server.url, place) as service:
            await until(lambda: all_live(service.bound.control))
            playing = asyncio.create_task(place.play())
            await place.playing_since(0.7)
            os.kill(server.pid, signal.SIGKILL)
            await server.wait_ready()
            await playing
            await until(lambda: arrived(client, place))
            assert set((await facts(client)).values()) == {1}
            status = (await status_of(service.bound.control)).status
            assert status.counters["rows_dropped"] == 0
    finally:
        await client.aclose()
        await server.stop()


async def test_a_killed_process_leaves_a_gap_and_its_successor_drops_what_was_seen(
    redis: Redis, redis_server: EmbeddedServer, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with market("binance", "bybit", "okx") as place:
        async with process(redis_server.url, redis, place, log) as first:
            await first.serving()
            playing = asyncio.create_task(place.play())
            await place.playing_since(1.0)
            newest = {venue: list(house.newest) for venue, house in place.host.venues.items()}
            await place.playing_since(1.4)
            await first.ended(signal.SIGKILL)
            last = max(entry.clock for entry in await entries(redis))
        async with process(redis_server.url, redis, place, log) as second:
            beat = await second.serving()
            await playing
            for venue, pushes in newest.items():
                place.host.push(venue, pushes)
            found = await until(lambda: repeated(redis, beat.control))
            told = await until(lambda: gaps_of(redis, {b"binance", b"bybit", b"okx"}))
    assert set(found.values()) == {1}
    assert all(last - 10**9 < int(each[b"from_ns"]) <= last for each in told)
    missing = set(place.sent) - set(found)
    assert [row for row in missing if not covered(told, row.venue, place.sent[row])] == []
    assert {entry.epoch for entry in await entries(redis)} == {1, 2}


async def gaps_of(redis: Redis, venues: set[bytes]) -> Any:
    """Return the gaps once every one of these venues has one: each is closed by its own canary."""
    told = await gaps(redis)
    return told if {each[b"route"].partition(b"/")[0] for each in told} == venues else None


async def repeated(redis: Redis, address: str) -> Any:
    """Return what is in the streams once repeats were dropped at every venue."""
    status = await status_of(address)
    return await facts(redis) if all(venue.duplicates for venue in status.venues) else None


async def test_a_stopped_process_goes_on_where_it_was(
    redis: Redis, redis_server: EmbeddedServer, tmp_path: Path
) -> None:
    async with market() as place, process(redis_server.url, redis, place, tmp_path / "log") as running:
        await running.serving()
        playing = asyncio.create_task(place.play())
        await place.playing_since(0.5)
        running.child.send_signal(signal.SIGSTOP)
        await place.playing_since(2.5)
        running.child.send_signal(signal.SIGCONT)
        await playing
        await until(lambda: arrived(redis, place))
    assert set((await facts(redis)).values()) == {1}
    assert await gaps(redis) == []


async def test_the_process_ends_in_order_with_all_written_and_no_secret_told(
    redis: Redis, redis_server: EmbeddedServer, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with market() as place, process(redis_server.url, redis, place, log) as running:
        await running.serving()
        playing = asyncio.create_task(place.play())
        await place.playing_since(1.5)
        assert await running.ended(signal.SIGTERM) == Exit.ORDERLY
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        assert set(await facts(redis)) <= set(place.sent)
        assert await facts(redis)
    text = log.read_text(encoding="utf-8")
    assert [msgspec.json.decode(line)["event"] for line in text.splitlines()][-1] == "service_stopped"
    password = redis_server.url.partition("foreshock:")[2].partition("@")[0]
    assert len(password) > 20
    assert password not in text


async def test_what_could_not_be_written_of_the_routes_health_is_written_later(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    await redis.set(keys.FEEDS_HEALTH, "in the way")
    async with market("okx") as place, feeding(redis_server.url, place) as service:
        await until(lambda: all_live(service.bound.control))
        await asyncio.sleep(1.1)  # maintenance has tried at least once
        await redis.delete(keys.FEEDS_HEALTH)
        await until(lambda: redis.exists(keys.FEEDS_HEALTH))
    told: Any = await redis.xrange(keys.FEEDS_HEALTH)
    mine = [fields for _, fields in told if fields[b"route"] == b"okx/public-0"]
    states = [fields[b"to"] for fields in mine if fields[b"kind"] == b"state"]
    assert states == [b"CONNECTING", b"UNPROVEN", b"LIVE", b"CONNECTING"]


CRACKED = """
from foreshock_sdk import Endpoints, Limits, SpecTable, Throttle, hookimpl

class Cracked:
    venue = "cracked"
    endpoints = Endpoints("ws://127.0.0.1:1", "http://127.0.0.1:1")
    throttle = Throttle(push_interval=1.0)
    limits = Limits(connects=1, connects_per=1.0, messages_per_second=1.0, max_age=1.0)

    def packaged_specs(self):
        return SpecTable("2026-11-20", ())

    def spec_requests(self, endpoints):
        raise LookupError("which requests?")

    def routes(self, instruments, symbols, endpoints):
        raise LookupError("which routes?")

@hookimpl
def foreshock_connectors():
    return [Cracked()]
"""


async def test_broken_plugins_are_reported_by_name_and_the_rest_run(
    redis: Redis, redis_server: EmbeddedServer, tmp_path: Path
) -> None:
    (tmp_path / "cracked_plugin.py").write_text(CRACKED, encoding="utf-8")
    info = tmp_path / "cracked-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cracked\nVersion: 1.0\n", encoding="utf-8")
    points = "[foreshock]\ncracked = cracked_plugin\nvanished = no_such_module\n"
    (info / "entry_points.txt").write_text(points, encoding="utf-8")
    env = {"PYTHONPATH": str(tmp_path), "FORESHOCK_VENUES": "cracked,okx"}
    async with market("okx") as place, process(redis_server.url, redis, place, tmp_path / "log", **env) as running:
        beat = await running.serving()
        status = await status_of(beat.control)
        assert await running.ended(signal.SIGTERM) == Exit.ORDERLY
    assert list(status.status.problems) == [
        "plugin vanished: ModuleNotFoundError: No module named 'no_such_module'",
        "venue cracked: LookupError: which routes?",
        "venue cracked: packaged contract values are used: LookupError: which requests?",
    ]
    assert {route.state for route in status.routes} == {"LIVE"}


@pytest.mark.parametrize(
    ("setting", "value"), [("TRACKED_SYMBOLS", "btcusdt"), ("FORESHOCK_VENUES", "mtgox"), ("FORESHOCK_GATHER_MS", "x")]
)
async def test_a_bad_setting_is_named_and_ends_the_process(
    redis: Redis, redis_server: EmbeddedServer, tmp_path: Path, setting: str, value: str
) -> None:
    log = tmp_path / "log"
    async with market("okx") as place, process(redis_server.url, redis, place, log, **{setting: value}) as running:
        async with asyncio.timeout(15):
            assert await running.child.wait() == Exit.SETTINGS
    assert f"{setting.removeprefix('FORESHOCK_').lower()}: " in log.read_text(encoding="utf-8")


async def test_settings_of_another_service_are_refused(redis_server: EmbeddedServer) -> None:
    settings = ServiceSettings(redis_url=redis_server.url, log_level="CRITICAL")
    assert await run_in_loop(serve, settings, "feeds") == Exit.SETTINGS


async def test_it_waits_for_redis_and_still_ends_in_order(tmp_path: Path) -> None:
    settings = FeedsSettings(redis_url=f"unix://{tmp_path}/none.sock", log_level="CRITICAL", venues=("okx",))
    stop = asyncio.Event()
    task = asyncio.create_task(run_in_loop(serve, settings, "feeds", stop=stop))
    await asyncio.sleep(0.3)
    assert not task.done()
    stop.set()
    assert await task == Exit.ORDERLY


async def test_a_stored_configuration_that_is_none_of_ours_is_not_guessed_at(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    """It is not SERVING, opens no socket, and starts once the configuration is right."""
    await redis.hset(keys.config("feeds"), mapping={"revision": 1, "etag": "x", "document": b'{"symbols": 7}'})
    async with market("okx") as place:
        settings = FeedsSettings(
            redis_url=redis_server.url, log_level="CRITICAL", venues=("okx",), endpoints=place.endpoints
        )
        stop = asyncio.Event()
        services: list[Service] = []

        async def main(service: Service) -> None:
            services.append(service)
            await serve(service)

        task = asyncio.create_task(run_in_loop(main, settings, "feeds", stop=stop))
        await until(lambda: services and services[0].bound.control)
        assert not (await status_of(services[0].bound.control)).routes
        assert not services[0].serving
        await redis.hset(keys.config("feeds"), mapping={"revision": 2, "document": b'{"symbols": ["BTCUSDT"]}'})
        await until(lambda: services[0].serving and services[0].config_revision == 2)
        stop.set()
        assert await task == Exit.ORDERLY
