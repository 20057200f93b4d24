"""Trimming: by age, never past a reader, and if memory demands it, with the loss counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from redis.asyncio import Redis

from foreshock_runtime.log import get_logger
from foreshock_runtime.streams.scripts import TRIM

_log = get_logger(__name__)


class Trimmed(NamedTuple):
    """Entries taken away, and how many of them a guard still needed."""

    removed: int
    lost: int


async def trim(  # noqa: PLR0913 - what to keep has this many sides
    redis: Redis, stream: str, *, now_ns: int, retention_ms: int, guards: Sequence[str], hard_cap: int = 0
) -> Trimmed:
    """Take away what is older than the retention and behind every guard and consumer group.

    guards are key names: a string holds a reader's cursor, a hash the cursors of its snapshots (`a.cursor`,
    `b.cursor`); a missing key guards everything. A group guards what is pending or not yet delivered. Above hard_cap
    entries (0: no cap) the oldest go, first those behind the guards.

    Raises what redis-py raises.
    """
    oldest_ms = max(0, now_ns // 1_000_000 - retention_ms)
    removed, lost = await TRIM(redis, [stream, *guards], [oldest_ms, hard_cap])
    if lost:
        _log.error("stream_cut", stream=stream, lost=lost, hard_cap=hard_cap)
    return Trimmed(removed, lost)
