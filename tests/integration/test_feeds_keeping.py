"""What feeds keeps and gives up: streams without a reader, a silent server, an end that comes too early."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import pytest
from redis.asyncio import Redis
from tests.integration.feeds_house import all_live, feeding, market, until
from tests.integration.test_velocity_service import scraped

from foreshock_feeds.app import serve
from foreshock_feeds.settings import FeedsSettings
from foreshock_model import keys
from foreshock_model.dedupe import Dedupe
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_runtime.lifecycle import Exit, Service, run_in_loop

STREAM = keys.events(0)


def counted(text: str, name: str) -> float:
    """Return the sum of a metric's samples."""
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))


async def test_a_reader_that_is_away_does_not_fill_the_store_and_the_loss_is_counted(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    assert FeedsSettings().retention_entries == 200_000
    async with redis.pipeline(transaction=False) as pipe:
        for _ in range(20_000):
            pipe.execute_command("XADD", STREAM, "*", "kind", "tick", "data", "x" * 200)
        await pipe.execute()

    async with market("okx") as place, feeding(redis_server.url, place, retention_entries=1_000) as service:
        await until(lambda: small(redis))
        size: Any = await redis.memory_usage(STREAM, samples=0)
        assert size < 1_000_000
        text = await scraped(service.metrics_address)
    assert counted(text, "foreshock_feeds_trimmed_unread_total") >= 19_000


async def small(redis: Redis) -> bool:
    return int(await redis.xlen(STREAM)) < 1_100


async def test_what_venues_and_routes_count_are_counters(redis: Redis, redis_server: EmbeddedServer) -> None:
    async with market("okx") as place, feeding(redis_server.url, place) as service:
        await until(lambda: all_live(service.bound.control))
        await place.play()
        text = await scraped(service.metrics_address)
    for name in ("duplicates", "unpriced", "refused_books", "frames", "bad", "conflated"):
        assert f"# TYPE foreshock_feeds_{name}_total counter" in text
    assert 'foreshock_feeds_duplicates_total{venue="okx"} 0.0' in text
    assert counted(text, 'foreshock_feeds_frames_total{route="okx/public-0"}') > 10
    assert 'foreshock_feeds_route_live{route="okx/public-0"} 1.0' in text
    assert "foreshock_feeds_waiting_rows 0.0" in text
    assert "foreshock_feeds_spilled_bytes 0.0" in text
    assert counted(text, "foreshock_feeds_conflated_total") >= 0
    for kind in ("health", "bad_frame"):
        assert f'foreshock_feeds_unreported_total{{kind="{kind}"}} 0.0' in text


async def test_it_is_not_serving_while_redis_is_silent_and_again_when_it_answers() -> None:
    server = EmbeddedServer()
    await server.start()
    try:
        async with market("okx") as place, feeding(server.url, place) as service:
            os.kill(server.pid, signal.SIGSTOP)
            try:
                await until(lambda: not service.serving)
                assert service.health.seconds_since_good() >= 3.0
            finally:
                os.kill(server.pid, signal.SIGCONT)
            await until(lambda: service.serving)
    finally:
        await server.stop()


async def test_what_could_not_be_written_before_the_grace_was_over_is_counted(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    services: list[Service] = []

    async def main(service: Service) -> None:
        services.append(service)
        await serve(service)

    async with market("okx") as place:
        settings = FeedsSettings(
            redis_url=redis_server.url,
            log_level="CRITICAL",
            venues=("okx",),
            endpoints=place.endpoints,
            grace_seconds=1.0,
        )
        stop = asyncio.Event()
        task = asyncio.create_task(run_in_loop(main, settings, "feeds", stop=stop))
        await until(lambda: services and services[0].serving)
        await until(lambda: all_live(services[0].bound.control))
        await redis.delete(STREAM)
        await redis.set(STREAM, "in the way")
        await place.play()
        stop.set()
        assert await task == Exit.GRACE_EXCEEDED
    assert (services[0].registry.get_sample_value("foreshock_feeds_unwritten_total") or 0) > 0


async def test_known_events_are_forgotten_in_time(
    redis: Redis, redis_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came lately is known through one turn, and no longer through two."""
    turns: list[int] = []
    turn = Dedupe.turn

    def counted_turn(dedupe: Dedupe) -> None:
        turn(dedupe)
        turns.append(len(dedupe))

    monkeypatch.setattr(Dedupe, "turn", counted_turn)
    monkeypatch.setattr("foreshock_feeds.feeds.REPEATED_SECONDS", 0.0)
    async with market("bybit") as place, feeding(redis_server.url, place, backfill_seconds=1.0) as service:
        await until(lambda: all_live(service.bound.control))
        await place.play()
        at = len(turns)
        await until(lambda: len(turns) >= at + 3)
    assert max(turns) > 0
    assert turns[-1] == 0
