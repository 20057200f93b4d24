"""A connection of one's own: replies as they come, errors that keep it, and trouble after which it connects again."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError, ResponseError

from foreshock_runtime.streams.line import Line


async def test_replies_come_as_they_are_and_refusals_keep_the_connection(redis: Redis) -> None:
    line = Line(redis)
    await line.execute_command("XADD", "s", "1-0", "a", "b")
    number = await line.execute_command("CLIENT", "ID")
    assert await line.execute_command("XREAD", "STREAMS", "s", "0-0") == [[b"s", [[b"1-0", [b"a", b"b"]]]]]
    assert await line.execute_command("XREAD", "BLOCK", 1, "STREAMS", "s", "1-0") is None
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await line.execute_command("GET", "s")
    with pytest.raises(NoScriptError):
        await line.execute_command("EVALSHA", "0" * 40, 0)
    assert await line.execute_command("CLIENT", "ID") == number
    await line.close()


async def test_it_connects_again_after_the_server_hung_up(redis: Redis) -> None:
    line = Line(redis)
    number = await line.execute_command("CLIENT", "ID")
    await redis.execute_command("CLIENT", "KILL", "ID", number)
    with pytest.raises((RedisError, OSError)):
        await line.execute_command("PING")
    assert await line.execute_command("PING") == b"PONG"
    await line.close()


async def test_a_reply_nobody_waited_for_answers_no_other_command(redis: Redis) -> None:
    line = Line(redis)
    await line.execute_command("PING")
    waiting = asyncio.create_task(line.execute_command("XREAD", "BLOCK", 10_000, "STREAMS", "s", "$"))
    while not await redis.execute_command("CLIENT", "LIST", "TYPE", "normal"):  # noqa: ASYNC110 - the server knows
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await redis.execute_command("XADD", "s", "*", "a", "b")
    assert await line.execute_command("PING") == b"PONG"
    await line.close()
