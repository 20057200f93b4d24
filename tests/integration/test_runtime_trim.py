"""Trimming against a real server."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis

from foreshock_runtime.streams import Trimmed, trim

STREAM = "events:{p0}"
CURSOR = "cursor:velocity:{p0}"
STATE = "state:velocity:{p0}"


@pytest.fixture
async def stream(redis: Redis) -> str:
    """Entries 1000-0 ... 1099-0, one a millisecond."""
    for ms in range(1000, 1100):
        await redis.execute_command("XADD", STREAM, f"{ms}-0", "a", "b")
    return STREAM


async def first_of(redis: Redis) -> str:
    entries = await redis.execute_command("XRANGE", STREAM, "-", "+", "COUNT", 1)
    return str(entries[0][0].decode())


async def test_age_alone(redis: Redis, stream: str) -> None:
    done = await trim(redis, stream, now_ns=1_100 * 10**6, retention_ms=40, guards=[])
    assert done == Trimmed(60, 0)
    assert await first_of(redis) == "1060-0"


async def test_never_past_the_slowest_guard(redis: Redis, stream: str) -> None:
    await redis.set(CURSOR, "1050-0")
    await redis.hset(STATE, mapping={"a": "blob", "a.cursor": "1030-0", "b": "blob", "b.cursor": "1020-0"})
    done = await trim(redis, stream, now_ns=1_100 * 10**6, retention_ms=1, guards=[CURSOR, STATE])
    assert done == Trimmed(20, 0)
    assert await first_of(redis) == "1020-0"


@pytest.mark.parametrize("guard", ["absent", "empty hash"])
async def test_a_guard_that_is_not_there_yet_guards_all(redis: Redis, stream: str, guard: str) -> None:
    if guard == "empty hash":
        await redis.hset(STATE, "a", "blob without a cursor")
    done = await trim(redis, stream, now_ns=1_100 * 10**6, retention_ms=1, guards=[STATE])
    assert done == Trimmed(0, 0)


async def test_over_the_cap_what_is_read_goes_first(redis: Redis, stream: str) -> None:
    await redis.set(CURSOR, "1089-0")
    done = await trim(redis, stream, now_ns=1_100 * 10**6, retention_ms=10_000, guards=[CURSOR], hard_cap=20)
    assert done == Trimmed(80, 0)
    assert await redis.xlen(stream) == 20


async def test_over_the_cap_what_is_lost_is_counted(redis: Redis, stream: str) -> None:
    await redis.set(CURSOR, "1029-0")
    done = await trim(redis, stream, now_ns=1_100 * 10**6, retention_ms=10_000, guards=[CURSOR], hard_cap=20)
    assert done == Trimmed(80, 50)
    assert await first_of(redis) == "1080-0"


async def test_a_cap_without_guards_loses_nothing_that_is_needed(redis: Redis, stream: str) -> None:
    done = await trim(redis, stream, now_ns=1_100 * 10**6, retention_ms=10_000, guards=[], hard_cap=20)
    assert done == Trimmed(80, 0)


async def test_an_absent_stream_is_nothing_to_trim(redis: Redis) -> None:
    done = await trim(redis, "events:{p9}", now_ns=10**18, retention_ms=1, guards=[], hard_cap=1)
    assert done == Trimmed(0, 0)


async def read_by_group(redis: Redis, entries: int, start: str = "0-0") -> list[str]:
    """Read so many entries for a group that begins there. Returns their ids."""
    await redis.execute_command("XGROUP", "CREATE", STREAM, "archive", start)
    found: Any = await redis.xreadgroup("archive", "one", {STREAM: ">"}, count=entries) if entries else []
    return [entry_id.decode() for _, read in found for entry_id, _ in read]


async def test_never_past_what_a_group_has_not_acknowledged(redis: Redis, stream: str) -> None:
    ids = await read_by_group(redis, 60)
    await redis.xack(STREAM, "archive", *ids[:30])
    done = await trim(redis, stream, now_ns=1_100 * 10**6, retention_ms=1, guards=[])
    assert done.lost == 0
    assert "1029-0" <= await first_of(redis) <= "1030-0"


async def test_never_past_what_a_group_was_not_given(redis: Redis, stream: str) -> None:
    await redis.xack(STREAM, "archive", *await read_by_group(redis, 40))
    await trim(redis, stream, now_ns=1_100 * 10**6, retention_ms=1, guards=[])
    assert await first_of(redis) == "1039-0"


async def test_an_entry_that_is_gone_and_still_pending_holds_nothing(redis: Redis, stream: str) -> None:
    await read_by_group(redis, 60)
    await redis.xtrim(STREAM, minid="1050-0", approximate=False)
    await redis.xack(STREAM, "archive", *[f"{ms}-0" for ms in range(1050, 1060)])
    await trim(redis, stream, now_ns=1_100 * 10**6, retention_ms=1, guards=[])
    assert await first_of(redis) == "1059-0"


async def test_over_the_cap_what_a_group_loses_is_counted(redis: Redis, stream: str) -> None:
    await redis.xack(STREAM, "archive", *await read_by_group(redis, 30))
    done = await trim(redis, stream, now_ns=1_100 * 10**6, retention_ms=10_000, guards=[], hard_cap=20)
    assert done == Trimmed(80, 50)


async def test_over_the_cap_what_is_pending_counts_as_lost(redis: Redis, stream: str) -> None:
    await redis.xack(STREAM, "archive", *(await read_by_group(redis, 90))[:30])
    done = await trim(redis, stream, now_ns=1_100 * 10**6, retention_ms=10_000, guards=[], hard_cap=20)
    assert done == Trimmed(80, 50)
