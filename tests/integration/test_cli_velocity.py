"""`foreshock velocity` against the service as it runs: once, and watched."""

from __future__ import annotations

import asyncio
import json

import pytest
from redis.asyncio import Redis
from tests.integration.test_velocity_control import watched
from tests.integration.test_velocity_service import answers, running, send, until
from tests.unit.velocity.entries_made import MS, NOW, Price, Row, Writer

from foreshock_cli.__main__ import main
from foreshock_cli.exits import Exit
from foreshock_runtime.alive import beat
from foreshock_runtime.embedded import EmbeddedServer


async def called(*words: str) -> int:
    """Run the command line beside this loop; return its exit code."""
    return await asyncio.to_thread(main, ["velocity", *words])


async def test_a_page_of_windows_and_a_line_of_json(
    redis: Redis, redis_server: EmbeddedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(redis_server.url) as service:
        rows = (Row(ts=NOW, usd=3_000.0), Row("ETHUSDT", ts=NOW, side=1))
        await send(redis, Writer().batch(NOW, *rows, Price(65_000.0, NOW)))
        await answers(redis, 1)
        await beat(redis, service.heartbeat())
        assert await called("BTCUSDT", "--redis", redis_server.url) == Exit.OK
        page = capsys.readouterr().out
        assert await called("BTCUSDT", "ETHUSDT", "--json", "--address", service.bound.control) == Exit.OK
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert await called("NOPEUSDT", "--redis", redis_server.url) == Exit.FAILED
        refused = capsys.readouterr().err
    assert "BTCUSDT" in page
    assert "mark 65,000" in page
    assert "binance 3,000" in page
    assert [line["symbol"] for line in lines] == ["BTCUSDT", "ETHUSDT"]
    assert lines[0]["windows"][0]["usd"] == 3_000
    assert "NOPEUSDT: nothing was seen of this symbol" in refused


async def test_new_rows_are_shown_as_they_come(
    redis: Redis, redis_server: EmbeddedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = Writer()
    async with running(redis_server.url) as service:
        await send(redis, writer.batch(NOW, Row(ts=NOW)))
        await answers(redis, 1)
        await beat(redis, service.heartbeat())
        call = asyncio.create_task(called("BTCUSDT", "--watch", "--count", "2", "--json", "--redis", redis_server.url))
        await until(lambda: watched(service))
        for number in (1, 2):
            await send(redis, writer.batch(NOW + number * MS, Row(ts=NOW + number * MS)))
        assert await call == Exit.OK
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["windows"][0]["count"] for line in lines] == [2, 3]


async def test_only_one_symbol_is_watched(capsys: pytest.CaptureFixture[str]) -> None:
    assert await called("BTCUSDT", "ETHUSDT", "--watch") == Exit.USAGE
    assert "--watch shows one symbol" in capsys.readouterr().err
