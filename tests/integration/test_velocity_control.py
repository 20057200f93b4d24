"""Metrics of symbols over a real gRPC connection: asked for once, and watched as they come."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import grpc.aio
import pytest
from redis.asyncio import Redis
from tests.integration.test_velocity_service import answers, control, running, scraped, send, truth, until
from tests.unit.velocity.entries_made import MS, NOW, SECOND, Price, Row, Writer

from foreshock_model import keys
from foreshock_protos.velocity.v1 import control_pb2
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_velocity import watching


def figures(metrics: Any, window_ms: int, side: str = "LONG") -> Any:
    """Return one window of one side."""
    return next(each for each in metrics.windows if (each.window_ms, each.side) == (window_ms, side))


async def ask(stub: Any, *symbols: str) -> list[Any]:
    """Return the metrics of symbols."""
    return list((await stub.GetMetrics(control_pb2.GetMetricsRequest(symbols=symbols))).metrics)


async def test_metrics_of_a_symbol_are_those_last_told(redis: Redis, redis_server: EmbeddedServer) -> None:
    writer = Writer()
    rows = [Row(ts=NOW, usd=3_000.0), Row(ts=NOW, usd=1_000.0, venue="okx"), Row("ETHUSDT", ts=NOW, side=1)]
    async with running(redis_server.url) as service, control(service) as stub:
        await send(redis, writer.batch(NOW, *rows, Price(65_000.0, NOW)))
        await answers(redis, 1)
        bitcoin, ether = await ask(stub, "BTCUSDT", "ETHUSDT")
    found = figures(bitcoin, 2_000)
    assert (bitcoin.symbol, bitcoin.partition, bitcoin.as_of, bitcoin.mark) == ("BTCUSDT", 0, NOW, 65_000.0)
    assert (found.count, found.usd, found.largest, found.mean) == (2, 4_000, 3_000, 2_000)
    assert (found.count_rate, found.usd_rate) == (1, 2_000)
    assert {each.venue: each.usd for each in found.venues} == {"binance": 3_000, "okx": 1_000}
    assert {(each.venue, each.side): each.count for each in bitcoin.totals}["okx", "LONG"] == 1
    assert math.isnan(bitcoin.coverage)
    assert math.isnan(figures(bitcoin, 2_000, "SHORT").mean)
    assert figures(ether, 300_000, "SHORT").count == 1
    assert len(ether.windows) == 14


async def test_asking_changes_no_answer(redis: Redis, redis_server: EmbeddedServer) -> None:
    writer = Writer()
    story = [writer.batch(NOW, Row(ts=NOW)), *(writer.tick(NOW + at * 70 * MS) for at in range(1, 30))]
    async with running(redis_server.url) as service, control(service) as stub:
        for number, entry in enumerate(story, 1):
            await send(redis, entry)
            await answers(redis, number)
            await ask(stub, "BTCUSDT")
        asked = list((await answers(redis, len(story))).values())
    await redis.flushall()
    async with running(redis_server.url):
        for entry in story:
            await send(redis, entry)
        assert list((await answers(redis, len(story))).values()) == asked


@pytest.mark.parametrize("method", ["GetMetrics", "WatchMetrics"])
async def test_an_unknown_symbol_is_named(redis: Redis, redis_server: EmbeddedServer, method: str) -> None:
    async with running(redis_server.url) as service, control(service) as stub:
        await send(redis, Writer().batch(NOW, Row()))
        await answers(redis, 1)
        refused = await refusal(stub, method, "BTCUSDT", "NOPEUSDT")
        empty = await refusal(stub, method)
    assert refused.code() is grpc.StatusCode.NOT_FOUND
    assert (refused.details() or "").startswith("NOPEUSDT: ")
    assert empty.code() is grpc.StatusCode.INVALID_ARGUMENT


async def refusal(stub: Any, method: str, *symbols: str) -> grpc.aio.AioRpcError:
    """Return the error that a call for symbols ends with."""
    call = getattr(stub, method)(getattr(control_pb2, f"{method}Request")(symbols=symbols))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await (call if method == "GetMetrics" else call.read())
    return refused.value


async def test_a_symbol_of_another_process_is_not_found_here(redis: Redis, redis_server: EmbeddedServer) -> None:
    async with running(redis_server.url) as service, control(service) as stub:
        await redis.set(keys.lease("velocity", 0), "another's token", px=60_000)

        async def refused() -> str:
            try:
                await ask(stub, "BTCUSDT")
            except grpc.aio.AioRpcError as error:
                return error.details() or ""
            return ""

        await until(lambda: lost(refused))
        await redis.delete(keys.lease("velocity", 0))


async def lost(refused: Any) -> bool:
    """Tell whether the process says that the partition is another's."""
    return "another process owns its partition 0" in await refused()


async def test_rows_are_told_as_they_are_committed(redis: Redis, redis_server: EmbeddedServer) -> None:
    writer = Writer()
    async with running(redis_server.url) as service, control(service) as stub:
        await send(redis, writer.batch(NOW, Row(ts=NOW)))
        await answers(redis, 1)
        call = stub.WatchMetrics(control_pb2.WatchMetricsRequest(symbols=["BTCUSDT"]), timeout=30)
        await until(lambda: watched(service))
        for number in range(1, 6):
            await send(redis, writer.batch(NOW + number * MS, Row(ts=NOW), Row("ETHUSDT", ts=NOW)))
        told = [await call.read() for _ in range(5)]
        call.cancel()
        await until(lambda: watched(service, 0))
    assert [each.dropped for each in told] == [0] * 5
    assert [[row.symbol for row in each.metrics] for each in told] == [["BTCUSDT"]] * 5
    assert [figures(each.metrics[0], 60_000).count for each in told] == [2, 3, 4, 5, 6]
    assert [each.metrics[0].as_of - NOW for each in told] == [number * MS for number in range(1, 6)]


async def watched(service: Any, number: int = 1) -> bool:
    """Tell whether so many watch, as the metrics say."""
    return f"foreshock_velocity_watchers {number:.1f}" in await scraped(service.metrics_address)


async def test_watching_ends_with_the_deadline_and_with_the_process(redis: Redis, redis_server: EmbeddedServer) -> None:
    async with running(redis_server.url) as service, control(service) as stub:
        await send(redis, Writer().batch(NOW, Row(ts=NOW)))
        await answers(redis, 1)
        request = control_pb2.WatchMetricsRequest(symbols=["BTCUSDT"])
        with pytest.raises(grpc.aio.AioRpcError) as late:
            await stub.WatchMetrics(request, timeout=0.2).read()
        assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await until(lambda: watched(service, 0))
        call = stub.WatchMetrics(request, timeout=60)
        await until(lambda: watched(service))
        begun = asyncio.get_running_loop().time()
        service.stop.set()
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await call.read()
        assert ended.value.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
        assert asyncio.get_running_loop().time() - begun < 5


async def test_too_many_who_watch_are_refused(
    redis: Redis, redis_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "MOST_WATCHERS", 1)
    async with running(redis_server.url) as service, control(service) as stub:
        await send(redis, Writer().batch(NOW, Row(ts=NOW)))
        await answers(redis, 1)
        request = control_pb2.WatchMetricsRequest(symbols=["BTCUSDT"])
        first = stub.WatchMetrics(request, timeout=60)
        await until(lambda: watched(service))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.WatchMetrics(request, timeout=60).read()
        first.cancel()
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_lag_memory_and_time_of_evaluation_are_metrics(redis: Redis, redis_server: EmbeddedServer) -> None:
    async with running(redis_server.url) as service, control(service) as stub:
        await send(redis, Writer().batch(NOW + SECOND, Row(ts=NOW)))
        await answers(redis, 1)
        await until(lambda: truth(service.serving))
        status = (await stub.GetStatus(control_pb2.GetStatusRequest())).status
        text = await scraped(service.metrics_address)
    assert status.latencies["evaluation"].n == 1
    for name in ("lag_entries", "lag_seconds", "bytes_per_symbol", "censored_share", "evaluate_seconds_total"):
        assert f'foreshock_velocity_{name}{{partition="0"}}' in text
    assert 'foreshock_velocity_pairs_held{partition="0"} 1.0' in text
    assert 'foreshock_velocity_evaluation_seconds{quantile="0.99"}' in text
