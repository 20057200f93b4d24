"""The signals service on a real server: metrics in; signals, keys, channels, control and market entries out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import grpc
import grpc.aio
import msgspec
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from prometheus_client import generate_latest
from redis.asyncio import Redis
from tests.unit.signals.metrics_made import MS, NOW, SECOND, Hit, cascade, entry, entry_id, measure

from foreshock_model import keys
from foreshock_model.entries import InputEntry, OutputEntry
from foreshock_model.signal import Signal, decode
from foreshock_protos.signals.v1 import control_pb2, control_pb2_grpc
from foreshock_runtime.clock import FrameClock
from foreshock_runtime.config_store import ConfigStore
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_runtime.lifecycle import Exit, Service, run_in_loop
from foreshock_runtime.settings import ServiceSettings
from foreshock_signals import app
from foreshock_signals.settings import SignalsSettings

STREAM = keys.metrics(0)
PATIENCE = 15.0


class Running:
    """A service in this loop."""

    def __init__(self, service: Service, outcome: asyncio.Task[int]) -> None:
        self.service = service
        self.outcome = outcome

    def control(self) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(self.service.bound.control)


@contextlib.asynccontextmanager
async def running(server: EmbeddedServer, **settings: Any) -> AsyncIterator[Running]:
    """Run signals until the block ends; it must end in order."""
    found: asyncio.Future[Service] = asyncio.get_running_loop().create_future()

    async def main(service: Service) -> None:
        found.set_result(service)
        await app.serve(service)

    wanted = SignalsSettings(redis_url=server.url, **settings)
    outcome = asyncio.create_task(run_in_loop(main, wanted, "signals"))
    service = await asyncio.wait_for(found, PATIENCE)
    try:
        await until(lambda: ready(service))
        yield Running(service, outcome)
    finally:
        service.stop.set()
        assert await asyncio.wait_for(outcome, PATIENCE) == Exit.ORDERLY


async def ready(service: Service) -> bool:
    return service.serving


async def until(condition: Callable[[], Awaitable[Any]]) -> Any:
    """Return the condition's first true value; fail when it takes too long."""
    async with asyncio.timeout(PATIENCE):
        while not (value := await condition()):  # noqa: ASYNC110 - the server, not this loop, changes it
            await asyncio.sleep(0.02)
        return value


async def write(redis: Redis, item: OutputEntry, now: int) -> None:
    flat = [part for pair in item.to_fields().items() for part in pair]
    await redis.execute_command("XADD", STREAM, entry_id(now), *flat)


async def play(redis: Redis, hits: list[Hit], start: int, end: int, step: int = 200 * MS) -> str:
    """Write what velocity would, and return the id of the last entry."""
    for now in range(start, end + 1, step):
        metrics = measure([hit for hit in hits if hit.at <= now], now, ("BTCUSDT", "ETHUSDT"), mark=60_000.0)
        await write(redis, entry(metrics, now), now)
    return entry_id(now)


async def answered(redis: Redis, name: str) -> None:
    async def reached() -> bool:
        return bool(await redis.execute_command("GET", keys.cursor("signals", 0)) == name.encode())

    await until(reached)


async def recorded(redis: Redis) -> list[tuple[bytes, dict[bytes, bytes]]]:
    rows: list[tuple[bytes, dict[bytes, bytes]]] = await redis.execute_command("XRANGE", keys.signals(0), "-", "+")
    return rows


async def test_a_cascade_reaches_every_subscriber(redis: Redis, redis_server: EmbeddedServer) -> None:
    listener = redis.pubsub()
    await listener.subscribe("cascade:signals", "cascade:alerts", "cascade:critical")
    async with running(redis_server):
        await answered(redis, await play(redis, cascade(SECOND), 0, 12 * SECOND))
        record = await recorded(redis)
        told = await redis.execute_command("XRANGE", "cascade:signals", "-", "+")
        latest = msgspec.json.decode(await redis.execute_command("GET", keys.probability("BTCUSDT")))
        history = await redis.execute_command("ZRANGE", keys.history("BTCUSDT"), 0, -1)
        ttl = await redis.execute_command("PTTL", keys.probability("BTCUSDT"))
    signals = [decode(fields[b"json"]) for _, fields in record]
    assert {"ALERT", "CRITICAL"} <= {each.level for each in signals}
    assert [fields for _, fields in told if fields.get(b"kind") != b"notice"] == [fields for _, fields in record]
    heard = await hear(listener)
    assert heard["cascade:signals"] == signals
    assert heard["cascade:alerts"] == [each for each in signals if each.level in {"ALERT", "CRITICAL", "EXTREME"}]
    assert heard["cascade:critical"] == [each for each in signals if each.level in {"CRITICAL", "EXTREME"}]
    assert [decode(each) for each in history] == signals
    assert (latest["symbol"], latest["side"]) == ("BTCUSDT", "LONG")
    assert 0 < ttl <= 5_000


async def hear(listener: Any) -> dict[str, list[Signal]]:
    """Return what is waiting on each channel; notices of the watchdog apart."""
    heard: dict[str, list[Signal]] = {"cascade:signals": [], "cascade:alerts": [], "cascade:critical": []}
    while (message := await listener.get_message(timeout=0.2)) is not None:
        if message["type"] == "message" and b'"kind":"notice"' not in message["data"]:
            heard[message["channel"].decode()].append(decode(message["data"]))
    await listener.aclose()
    return heard


async def test_a_restart_goes_on_as_if_nothing_had_been(redis: Redis, redis_server: EmbeddedServer) -> None:
    hits = cascade(SECOND)
    async with running(redis_server):
        await answered(redis, await play(redis, hits, 0, 12 * SECOND))
    unbroken = await recorded(redis)
    await redis.execute_command("FLUSHALL")
    for start, end in ((0, 4 * SECOND), (4_200 * MS, 7 * SECOND), (7_200 * MS, 12 * SECOND)):
        async with running(redis_server):
            await answered(redis, await play(redis, hits, start, end))
    assert [name for name, _ in await recorded(redis)] == [name for name, _ in unbroken]
    assert [quiet(fields) for _, fields in await recorded(redis)] == [quiet(fields) for _, fields in unbroken]


def quiet(fields: dict[bytes, bytes]) -> Signal:
    return decode(fields[b"json"])


async def test_an_unreadable_entry_goes_to_the_dead_letters_and_the_next_is_answered(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    async with running(redis_server) as house:
        await write(redis, OutputEntry("metrics", NOW, b"\xff\xff"), 0)
        await answered(redis, await play(redis, [], SECOND, 2 * SECOND))
        status = await the_status(house)
    assert await redis.execute_command("XLEN", keys.dead(STREAM)) == 1
    assert any("could not be processed" in problem for problem in status.problems)


@pytest.mark.parametrize("entries", [0, 1])
async def test_a_stored_configuration_is_in_force_where_the_stream_no_longer_carries_it(
    redis: Redis, redis_server: EmbeddedServer, entries: int
) -> None:
    store = ConfigStore(redis, "signals", 1, FrameClock(NOW - SECOND))
    await store.save("", b'{"sensitivity": 2.0}', "ann", "quiet market")
    for now in range(entries):
        await write(redis, OutputEntry("empty", NOW + now), now)
    async with running(redis_server) as house:
        await until(lambda: runs_revision(house, 1))


async def test_a_stored_configuration_of_a_later_version_is_left_alone(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    await ConfigStore(redis, "signals", 1).save("", b'{"sensitivity": "automatic"}', "ann", "later")
    async with running(redis_server) as house:
        assert await runs_revision(house, 0)


async def the_status(house: Running) -> Any:
    async with house.control() as channel:
        stub = control_pb2_grpc.SignalsControlServiceStub(channel)
        return (await stub.GetStatus(control_pb2.GetStatusRequest(), timeout=PATIENCE)).status


async def test_status_and_metrics_tell_the_same(redis: Redis, redis_server: EmbeddedServer) -> None:
    async with running(redis_server) as house:
        await answered(redis, await play(redis, cascade(SECOND), 0, 8 * SECOND))
        await until(lambda: some_round(house))
        status = await the_status(house)
        text = generate_latest(house.service.registry).decode()
    assert status.service == "signals"
    assert status.serving
    assert status.partitions[0].owned
    assert status.counters["symbols"] == 2
    assert status.counters["signals_critical"] > 0
    assert 'foreshock_signals_owned{partition="0"} 1.0' in text
    assert "foreshock_signals_market_leading 1.0" in text
    assert f'level="CRITICAL",partition="0"}} {float(status.counters["signals_critical"])}' in text


async def some_round(house: Running) -> bool:
    return bool((await the_status(house)).counters["market_rounds"])


async def test_configuration_changes_at_its_entry_and_bad_ones_are_named(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    async with running(redis_server) as house, house.control() as channel:
        stub = control_pb2_grpc.SignalsControlServiceStub(channel)
        present = await stub.GetConfig(control_pb2.GetConfigRequest(), timeout=PATIENCE)
        assert present.config.thresholds.alert == 0.5
        request = control_pb2.UpdateConfigRequest(author="ann", reason="too loud")
        request.config.thresholds.alert = 0.6
        request.config.overrides["ETHUSDT"].sensitivity = 2.0
        request.update_mask.CopyFrom(FieldMask(paths=["thresholds.alert", "overrides"]))
        changed = await stub.UpdateConfig(request, timeout=PATIENCE)
        assert changed.revision.revision == 1
        assert (changed.config.thresholds.alert, changed.config.thresholds.watch) == (0.6, 0.25)
        request.config.thresholds.alert = 0.1
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.UpdateConfig(request, timeout=PATIENCE)
        assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        await pass_on_config(redis)
        await until(lambda: runs_revision(house, 1))


async def pass_on_config(redis: Redis) -> None:
    """Do velocity's part: pass the configuration entry on."""
    ((_, fields),) = [
        row
        for row in await redis.execute_command("XRANGE", keys.events(0), "-", "+")
        if InputEntry.from_fields(row[1]).kind == "config"
    ]
    item = InputEntry.from_fields(fields)
    await write(redis, OutputEntry("config", item.clock, item.data), 0)


async def runs_revision(house: Running, revision: int) -> bool:
    return bool((await the_status(house)).config_revision == revision)


async def test_the_market_stage_tells_every_partition_and_remembers(redis: Redis, redis_server: EmbeddedServer) -> None:
    async with running(redis_server, partitions=2):
        await write(redis, entry(measure([], 0, ("BTCUSDT",), mark=61_234.5), 0), 0)
        found = [await until(partial(market_entries, redis, number)) for number in range(2)]
        assert await redis.execute_command("PTTL", keys.REGIME) < 0, "nothing has come back to signals yet"
    for entries in found:
        (item,) = entries
        assert (item.writer, item.epoch, item.seq, item.clock) == ("market", 1, 1, NOW)
        assert msgspec.json.decode(item.data)["btc_mark"] == 61_234.5
    assert msgspec.json.decode(await redis.execute_command("GET", keys.MARKET_STATE))["regime"]["mark"] == 61_234.5
    async with running(redis_server, partitions=2):
        await write(redis, OutputEntry("empty", NOW + SECOND), SECOND)
        item = await until(lambda: newest_market(redis, epoch=2))
    assert (item.seq, item.clock) == (1, NOW + SECOND)
    assert msgspec.json.decode(item.data)["btc_mark"] == 61_234.5


async def market_entries(redis: Redis, partition: int) -> list[InputEntry]:
    rows = await redis.execute_command("XRANGE", keys.events(partition), "-", "+")
    return [InputEntry.from_fields(fields) for _, fields in rows]


async def newest_market(redis: Redis, epoch: int) -> InputEntry | None:
    return next((each for each in await market_entries(redis, 1) if each.epoch == epoch), None)


async def test_regime_and_volatility_are_told_while_the_market_is_fresh(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    async with running(redis_server):
        await write(redis, entry(measure([], 0, ("BTCUSDT",), mark=61_000.0), 0), 0)
        (item,) = await until(lambda: market_entries(redis, 0))
        await write(redis, OutputEntry("market", item.clock, item.data), 50 * MS)
        regime = msgspec.json.decode(await until(lambda: redis.execute_command("GET", keys.REGIME)))
        volatility = msgspec.json.decode(await until(lambda: redis.execute_command("GET", keys.BTC_VOLATILITY)))
    assert (regime["regime"], regime["warming"]) == ("NORMAL", True)
    assert volatility["btc_mark"] == 61_000.0


async def test_metrics_the_market_stage_cannot_read_do_not_stop_it(redis: Redis, redis_server: EmbeddedServer) -> None:
    async with running(redis_server) as house:
        await write(redis, OutputEntry("metrics", NOW, b"\xff"), 0)
        await write(redis, OutputEntry("empty", NOW + SECOND), SECOND)
        await until(lambda: market_entries(redis, 0))
        assert (await the_status(house)).counters["market_unreadable"] == 1


async def test_a_market_state_that_cannot_be_read_is_left_behind(redis: Redis, redis_server: EmbeddedServer) -> None:
    await redis.execute_command("SET", keys.MARKET_STATE, b"nonsense")
    async with running(redis_server):
        await write(redis, OutputEntry("empty", NOW), 0)
        assert await until(lambda: market_entries(redis, 0))


async def test_a_tracked_symbol_has_a_key_from_the_start(redis: Redis, redis_server: EmbeddedServer) -> None:
    async with running(redis_server, tracked_symbols=("BTCUSDT", "ETHUSDT")):
        await write(redis, OutputEntry("empty", NOW), 0)
        told = msgspec.json.decode(await until(lambda: redis.execute_command("GET", keys.probability("ETHUSDT"))))
    assert told["probability"] is None
    assert told["data_quality"]["status"] == "UNKNOWN"


async def test_settings_of_another_service_are_refused(redis: Redis, redis_server: EmbeddedServer) -> None:
    await redis.execute_command("PING")
    settings = ServiceSettings(redis_url=redis_server.url)
    assert await run_in_loop(app.serve, settings, "signals") == Exit.SETTINGS
