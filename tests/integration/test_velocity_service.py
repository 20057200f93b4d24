"""The velocity service on a real server: entries in, metrics of the same ids out, and steered while it runs."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc.aio
import msgspec
import pytest
from redis.asyncio import Redis
from tests.unit.velocity.entries_made import MS, NOW, SECOND, Price, Row, Writer, metrics_of

from foreshock_model import keys
from foreshock_model.entries import InputEntry, OutputEntry
from foreshock_protos.velocity.v1 import control_pb2, control_pb2_grpc
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_runtime.lifecycle import Exit, Service, run_in_loop
from foreshock_runtime.settings import ServiceSettings
from foreshock_velocity.app import serve
from foreshock_velocity.domain import VelocityState
from foreshock_velocity.settings import VelocitySettings

PATIENCE = 15.0


async def until(condition: Callable[[], Awaitable[Any]]) -> Any:
    """Wait until the condition holds and return what it gave."""
    async with asyncio.timeout(PATIENCE):
        while not (found := await condition()):  # noqa: ASYNC110 - another process or the server changes it
            await asyncio.sleep(0.01)
    return found


@asynccontextmanager
async def running(url: str, **changes: Any) -> AsyncIterator[Service]:
    """Run the service in this loop until the block ends, then stop it in order."""
    settings = VelocitySettings(redis_url=url, log_level="WARNING", **changes)
    stop, started = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def main(service: Service) -> None:
        started.set_result(service)
        await serve(service)

    task = asyncio.create_task(run_in_loop(main, settings, "velocity", stop=stop))
    service: Service = await started
    try:
        await until(lambda: truth(service.serving))
        yield service
    finally:
        stop.set()
        assert await task == Exit.ORDERLY


async def truth(value: object) -> object:
    """Return the value, as a coroutine."""
    return value


async def send(redis: Redis, entry: InputEntry, partition: int = 0) -> bytes:
    """Write an entry; return its id."""
    flat = [part for pair in entry.to_fields().items() for part in pair]
    found: bytes = await redis.execute_command("XADD", keys.events(partition), "*", *flat)
    return found


async def stored(redis: Redis, partition: int = 0) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Return the metrics stream as it is."""
    found: Any = await redis.xrange(keys.metrics(partition))
    return list(found)


async def json_of(redis: Redis, key: str) -> Any:
    """Return what a key holds."""
    return msgspec.json.decode(await redis.execute_command("GET", key))


async def answers(redis: Redis, number: int, partition: int = 0) -> dict[bytes, OutputEntry]:
    """Return the metrics stream once it has that many entries."""

    async def enough() -> dict[bytes, OutputEntry]:
        found = await stored(redis, partition)
        if len(found) < number:
            return {}
        return {entry_id: OutputEntry.from_fields(fields) for entry_id, fields in found}

    found: dict[bytes, OutputEntry] = await until(enough)
    return found


def entries() -> list[InputEntry]:
    """A short story of one partition."""
    writer = Writer()
    return [
        writer.batch(NOW, Row(ts=NOW), Price(65_000.0, NOW)),
        writer.tick(NOW + 100 * MS),
        writer.batch(NOW + 150 * MS, Row("ETHUSDT", "okx", ts=NOW + 20 * MS)),
        writer.entry("market", NOW + 160 * MS, b"{}"),
        *(writer.tick(NOW + at * 400 * MS) for at in range(1, 20)),
    ]


async def test_every_entry_is_answered_under_its_own_id(redis: Redis, redis_server: EmbeddedServer) -> None:
    story = entries()
    async with running(redis_server.url):
        ids = [await send(redis, entry) for entry in story]
        found = await answers(redis, len(ids))
    state = VelocityState()
    state.warming = True
    expected = [state.advance(entry_id.decode(), entry) for entry_id, entry in zip(ids, story, strict=True)]
    assert list(found) == ids
    assert list(found.values()) == expected


async def test_the_latest_state_is_there_for_anybody_for_five_seconds(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    async with running(redis_server.url):
        await send(redis, entries()[0])
        await answers(redis, 1)
    document = await json_of(redis, "velocity:BTCUSDT:current")
    assert document["windows"]["2s"]["LONG"]["count"] == 1
    assert (await json_of(redis, "btc:price:current"))["price"] == 65_000.0
    for key in ("velocity:BTCUSDT:current", "mark:BTCUSDT:current", "btc:price:current"):
        assert 0 < await redis.pttl(key) <= 5_000


async def test_a_restart_goes_on_as_if_there_had_been_none(redis: Redis, redis_server: EmbeddedServer) -> None:
    story = entries()
    ids = []
    for start in range(0, len(story), 6):
        async with running(redis_server.url, snapshot_seconds=0.001 if start else 30.0):
            ids += [await send(redis, entry) for entry in story[start : start + 6]]
            found = await answers(redis, len(ids))
    state = VelocityState()
    state.warming = True
    assert list(found.values()) == [state.advance("1-0", entry) for entry in story]
    assert list(found) == ids


async def test_an_unreadable_entry_becomes_a_dead_letter_and_is_answered_empty(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    writer = Writer()
    story = [writer.batch(NOW, Row()), writer.entry("batch", NOW, b"\xff"), writer.batch(NOW + MS, Row())]
    async with running(redis_server.url) as service:
        for entry in story:
            await send(redis, entry)
        found = list((await answers(redis, 3)).values())
        async with control(service) as stub:
            status = (await stub.GetStatus(control_pb2.GetStatusRequest())).status
    assert [answer.kind for answer in found] == ["metrics", "empty", "metrics"]
    assert metrics_of(found[2]).total_count.sum() == 2
    assert await redis.xlen(keys.dead(keys.events(0))) == 1
    assert status.partitions[0].dead == 1
    assert any("could not be processed" in problem for problem in status.problems)


@asynccontextmanager
async def control(service: Service) -> AsyncIterator[Any]:
    """A client of the service's control."""
    async with grpc.aio.insecure_channel(service.bound.control) as channel:
        yield control_pb2_grpc.VelocityControlServiceStub(channel)


async def test_a_configuration_reaches_the_stream_and_survives(redis: Redis, redis_server: EmbeddedServer) -> None:
    async with running(redis_server.url) as service, control(service) as stub:
        before = await stub.GetConfig(control_pb2.GetConfigRequest())
        assert (before.config.cadence_ms, before.revision.revision) == (100, 0)
        assert dict(before.config.venue_delay_ms) == {}
        request = control_pb2.UpdateConfigRequest(author="ada", reason="calmer")
        request.config.disabled_symbols.append("ETHUSDT")
        request.config.venue_delay_ms["okx"] = 2_000
        request.update_mask.paths.extend(["disabled_symbols", "venue_delay_ms"])
        after = await stub.UpdateConfig(request)
        assert (after.revision.revision, after.revision.author) == (1, "ada")
        assert list(after.config.disabled_symbols) == ["ETHUSDT"]
        assert dict(after.config.venue_delay_ms) == {"okx": 2_000}
        passed_on = next(iter((await answers(redis, 1)).values()))
        assert passed_on.kind == "config"
        await send(redis, Writer().batch(passed_on.clock, Row("ETHUSDT")))
        await answers(redis, 2)
        await until(lambda: truth(service.config_revision == 1))
    async with running(redis_server.url) as service, control(service) as stub:
        await until(lambda: truth(service.config_revision == 1))
        assert list((await stub.GetConfig(control_pb2.GetConfigRequest())).config.disabled_symbols) == ["ETHUSDT"]
        await send(redis, Writer("again").batch(passed_on.clock, Row("ETHUSDT"), Row("BTCUSDT")))
        found = list((await answers(redis, 3)).values())
    assert [answer.kind for answer in found] == ["config", "empty", "metrics"]
    assert metrics_of(found[2]).symbols == ("BTCUSDT",)


async def test_a_configuration_whose_entry_was_trimmed_is_not_forgotten(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    """No snapshot, and the stream no longer holds the config entry: a rebuilt state begins with what is stored."""
    async with running(redis_server.url) as service, control(service) as stub:
        request = control_pb2.UpdateConfigRequest()
        request.config.disabled_symbols.append("ETHUSDT")
        await stub.UpdateConfig(request)
        await answers(redis, 1)
    await redis.delete(keys.state("velocity", 0))
    await asyncio.sleep(0.01)
    await send(redis, Writer().batch(NOW, Row("BTCUSDT")))
    await redis.xtrim(keys.events(0), maxlen=1, approximate=False)
    async with running(redis_server.url):
        await answers(redis, 2)
        await send(redis, Writer("again").batch(NOW, Row("ETHUSDT")))
        found = list((await answers(redis, 3)).values())
    assert [answer.kind for answer in found] == ["config", "metrics", "empty"]


@pytest.mark.parametrize(
    ("field", "value"), [("cadence_ms", 5), ("late_after_ms", 400_000), ("disabled_symbols", ["A", "A"])]
)
async def test_bad_values_are_named_by_field_and_change_nothing(
    redis: Redis, redis_server: EmbeddedServer, field: str, value: Any
) -> None:
    async with running(redis_server.url) as service, control(service) as stub:
        config = control_pb2.VelocityConfig(**{field: value})
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.UpdateConfig(control_pb2.UpdateConfigRequest(config=config))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert f"config.{field}" in (refused.value.details() or "")
    assert await redis.xlen(keys.events(0)) == 0


async def test_status_and_metrics_tell_what_was_done(redis: Redis, redis_server: EmbeddedServer) -> None:
    story = entries()
    async with running(redis_server.url, partitions=2) as service, control(service) as stub:
        for entry in [*story, story[0]]:
            await send(redis, entry)
        await answers(redis, len(story) + 1)
        await until(lambda: counted(stub, len(story)))
        status = (await stub.GetStatus(control_pb2.GetStatusRequest())).status
        text = await scraped(service.metrics_address)
    assert status.service == "velocity"
    assert [(each.partition, each.owned) for each in status.partitions] == [(0, True), (1, True)]
    assert status.counters["events"] == 2
    assert status.counters["repeated"] == 1
    assert status.counters["symbols"] == 2
    assert status.counters["state_bytes"] > 0
    assert "socket_to_metrics" in status.latencies
    assert list(status.problems) == []
    assert 'foreshock_velocity_events_total{partition="0"} 2.0' in text
    assert 'foreshock_velocity_owned{partition="1"} 1.0' in text
    assert 'foreshock_velocity_socket_to_metrics_seconds{quantile="0.99"}' in text


async def counted(stub: Any, entries_wanted: int) -> bool:
    """Tell whether the state has counted that many entries."""
    status = (await stub.GetStatus(control_pb2.GetStatusRequest())).status
    return bool(status.counters["entries"] == entries_wanted)


async def scraped(address: str) -> str:
    """Return what Prometheus would read."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    data = await reader.read()
    writer.close()
    await writer.wait_closed()
    return data.decode()


async def test_latency_runs_from_the_socket_to_the_commit(redis: Redis, redis_server: EmbeddedServer) -> None:
    async with running(redis_server.url) as service, control(service) as stub:
        clock = service.clock.now()
        await send(redis, Writer().batch(clock, Row(ts=clock - SECOND, recv=clock - SECOND // 2)))
        await answers(redis, 1)

        async def measured() -> Any:
            latency = (await stub.GetStatus(control_pb2.GetStatusRequest())).status.latencies["socket_to_metrics"]
            return latency if latency.n else None

        latency = await until(measured)
    assert latency.n == 1
    assert 500 <= latency.max_ms < 500 + PATIENCE * 1_000


async def test_a_recording_is_not_taken_for_latency(redis: Redis, redis_server: EmbeddedServer) -> None:
    async with running(redis_server.url) as service, control(service) as stub:
        await send(redis, Writer().batch(NOW, Row(ts=NOW)))
        await answers(redis, 1)
        await until(lambda: counted(stub, 1))
        status = (await stub.GetStatus(control_pb2.GetStatusRequest())).status
    assert status.latencies["socket_to_metrics"].n == 0


async def test_metrics_that_signals_has_are_trimmed(redis: Redis, redis_server: EmbeddedServer) -> None:
    """The retention of this test is over before the first upkeep; the cursor of signals holds the rest."""
    async with running(redis_server.url, retention_seconds=0.001):
        ids = [await send(redis, entry) for entry in entries()]
        await answers(redis, len(ids))
        await redis.hset(keys.state("signals", 0), mapping={"a": b"x", "a.cursor": ids[-1]})
        await redis.set(keys.cursor("signals", 0), ids[5])

        async def shortened() -> bool:
            return bool(await redis.xlen(keys.metrics(0)) <= len(ids) - 5)

        await until(shortened)
        assert (await stored(redis))[0][0] == ids[5]


async def test_an_absent_reader_costs_bounded_memory_and_its_loss_is_counted(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    assert VelocitySettings().retention_entries == 20_000
    writer = Writer()
    async with running(redis_server.url, retention_entries=1_000) as service, control(service) as stub:
        for _ in range(1_500):
            await send(redis, writer.tick(NOW))

        async def cut() -> list[str]:
            found = (await stub.GetStatus(control_pb2.GetStatusRequest())).status
            return [line for line in found.problems if "were cut before signals had them" in line]

        async def bounded() -> bool:
            return await redis.xlen(keys.metrics(0)) <= 1_100

        await until(lambda: counted(stub, 1_500))
        assert await until(cut)
        assert await until(bounded), "the next round of trimming took what came since the last"
        assert "foreshock_velocity_trimmed_unread_total" in await scraped(service.metrics_address)


@pytest.mark.parametrize("garbage", [b"\xff", b"[]", b'{"revision":"x"}'])
async def test_a_history_nobody_can_read_does_not_stop_the_service(
    redis: Redis, redis_server: EmbeddedServer, garbage: bytes
) -> None:
    await redis.hset(keys.config("velocity"), mapping={"revision": 1, "etag": "e", "document": b"{}"})
    await redis.lpush(keys.config_history("velocity"), garbage)
    async with running(redis_server.url) as service, control(service) as stub:
        await send(redis, Writer().batch(NOW, Row()))
        await answers(redis, 1)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetConfig(control_pb2.GetConfigRequest())
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_refused_answers_and_failures_of_redis_are_shown(redis: Redis, redis_server: EmbeddedServer) -> None:
    writer = Writer()
    async with running(redis_server.url) as service, control(service) as stub:
        await redis.xadd(keys.metrics(0), {"x": "y"}, id=f"{1 << 50}-0")
        await send(redis, writer.batch(NOW, Row()))

        async def told() -> list[str]:
            found = (await stub.GetStatus(control_pb2.GetStatusRequest())).status
            assert "redis_failures" in found.counters
            return [line for line in found.problems if "Redis refused" in line]

        assert await until(told)
        text = await scraped(service.metrics_address)
    assert 'foreshock_velocity_refused_total{partition="0"} 1.0' in text
    assert 'foreshock_velocity_interruptions_total{partition="0"}' in text
    assert "foreshock_velocity_redis_failures_total 0.0" in text


async def test_two_processes_share_the_partitions_without_a_double_answer(
    redis: Redis, redis_server: EmbeddedServer, tmp_path: Path
) -> None:
    story = entries()
    async with running(redis_server.url, instance="b", data_dir=tmp_path) as second:
        async with running(redis_server.url, instance="a"):
            for entry in story[:8]:
                await send(redis, entry)
            await answers(redis, 8)
            await until(lambda: truth(second.serving))
        for entry in story[8:]:
            await send(redis, entry)
        found = await answers(redis, len(story))
    state = VelocityState()
    state.warming = True
    assert list(found.values()) == [state.advance("1-0", entry) for entry in story]


def environment(**values: str) -> dict[str, str]:
    """Return an environment without settings but these."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FORESHOCK_")}
    return clean | values


async def test_the_process_answers_and_ends_in_order(redis: Redis, redis_server: EmbeddedServer) -> None:
    command = (sys.executable, "-m", "foreshock_velocity")
    process = await asyncio.create_subprocess_exec(*command, env=environment(REDIS_URL=redis_server.url))
    try:
        await send(redis, entries()[0])
        await answers(redis, 1)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == Exit.ORDERLY
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert await redis.exists(keys.state("velocity", 0))
    assert not await redis.exists(keys.lease("velocity", 0))


async def test_a_bad_setting_is_named_and_ends_the_process(tmp_path: Path) -> None:
    config = tmp_path / "foreshock.toml"
    config.write_text("[velocity]\nretention_entries = 5\n", encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "foreshock_velocity",
        env=environment(FORESHOCK_CONFIG=str(config)),
        stderr=asyncio.subprocess.PIPE,
    )
    _, complaint = await process.communicate()
    assert process.returncode == Exit.SETTINGS
    assert b"retention_entries" in complaint


async def test_settings_of_another_service_are_refused(redis_server: EmbeddedServer) -> None:
    settings = ServiceSettings(redis_url=redis_server.url, log_level="ERROR")
    assert await run_in_loop(serve, settings, "velocity") == Exit.SETTINGS


async def test_the_service_waits_for_redis(tmp_path: Path) -> None:
    """Without a server it is not SERVING, and still ends in order."""
    settings = VelocitySettings(redis_url=f"unix://{tmp_path}/none.sock", log_level="CRITICAL")
    stop = asyncio.Event()
    task = asyncio.create_task(run_in_loop(serve, settings, "velocity", stop=stop))
    await asyncio.sleep(0.3)
    assert not task.done()
    stop.set()
    assert await task == Exit.ORDERLY
