"""The client: limits, passwords, health, and cancellations that are not lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from tests.integration.runtime_toys import until

from foreshock_runtime.connection import RedisHealth, connect, connect_url
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_runtime.settings import ServiceSettings, SettingsError, load_settings


async def test_the_password_comes_from_a_file(redis_server: EmbeddedServer) -> None:
    client = connect(password_from(redis_server.password_file, redis_server.plain_url))
    assert await client.ping()
    await client.aclose()


def test_a_missing_password_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="redis_password_file"):
        password_from(tmp_path / "absent", "redis://127.0.0.1")


def password_from(path: Path, url: str) -> ServiceSettings:
    return load_settings(ServiceSettings, env={"REDIS_URL": url, "FORESHOCK_REDIS_PASSWORD_FILE": str(path)})


async def test_replies_are_bytes_and_errors_come_through(redis: Redis) -> None:
    await redis.set("k", "v")
    assert await redis.get("k") == b"v"
    with pytest.raises(ResponseError):
        await redis.execute_command("NO SUCH COMMAND")


async def test_nothing_is_sent_twice_behind_ones_back(redis_server: EmbeddedServer, redis: Redis) -> None:
    """A stall longer than the socket's limit: one call is one entry at most."""
    client = connect_url(redis_server.url)
    client.connection_pool.connection_kwargs["socket_timeout"] = 0.2
    await client.ping()
    await redis.execute_command("CLIENT", "PAUSE", 500, "WRITE")
    with pytest.raises(RedisTimeoutError):
        await client.execute_command("XADD", "once", "*", "a", "b")
    await client.aclose()

    await redis.execute_command("XADD", "after", "*", "a", "b")  # waits for the end of the pause
    assert await redis.xlen("once") <= 1


async def test_a_server_that_is_not_there_is_told_at_once() -> None:
    client = connect_url("redis://127.0.0.1:1")
    with pytest.raises(RedisConnectionError):
        await client.ping()
    await client.aclose()


async def test_health_counts_the_seconds_since_the_last_answer(redis: Redis) -> None:
    health = RedisHealth(redis, every_seconds=0.01)
    task = asyncio.create_task(health.run())
    await redis.execute_command("CLIENT", "PAUSE", 300, "ALL")
    await until(lambda: health.seconds_since_good() > 0.2)
    await until(lambda: health.seconds_since_good() < 0.1)
    task.cancel()
    await asyncio.wait([task])
    health.note_good()
    assert health.seconds_since_good() < 0.1


async def test_a_cancelled_task_ends_whenever_the_cancellation_comes(redis: Redis) -> None:
    """redis-py alone loses some of these on Python 3.11."""

    async def work() -> None:
        while True:
            await redis.ping()

    for turn in range(200):
        task = asyncio.create_task(work())
        for _ in range(turn % 40):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=2)
        assert done
        assert task.cancelled()
