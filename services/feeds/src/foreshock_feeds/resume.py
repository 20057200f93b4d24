"""What an earlier run left in the streams: when it last wrote, and which events it had."""

from __future__ import annotations

import msgspec
from redis.asyncio import Redis

from foreshock_model import batch, keys
from foreshock_model.entries import InputEntry
from foreshock_model.errors import CodecError

PAGE = 500
ENTRIES = 20_000
"""Entries a partition that are looked at."""
REMEMBER_NS = 120_000_000_000
"""Venues repeat what is younger than this when a client comes back; older repeats were dropped already."""


class Earlier(msgspec.Struct):
    """last_clock: ns UTC of the newest entry of this writer, 0 when there is none; keys: events it wrote lately."""

    last_clock: int = 0
    keys: set[int] = msgspec.field(default_factory=set)


async def look_back(redis: Redis, writer: str, partitions: int) -> Earlier:
    """Read the newest entries of all partitions. Raises what redis-py raises."""
    earlier = Earlier()
    for partition in range(partitions):
        await _look_back(redis, writer, partition, earlier)
    return earlier


async def _look_back(redis: Redis, writer: str, partition: int, earlier: Earlier) -> None:
    end, seen, newest = "+", 0, 0
    while seen < ENTRIES:
        page: list[tuple[bytes, dict[bytes, bytes]]] = await redis.execute_command(
            "XREVRANGE", keys.events(partition), end, "-", "COUNT", PAGE
        )
        for _, fields in page:
            try:
                entry = InputEntry.from_fields(fields)
            except CodecError:
                continue  # another program's entry: nothing of ours
            newest = max(newest, entry.clock)
            if entry.clock < newest - REMEMBER_NS:
                return
            _remember(entry, writer, earlier)
        if len(page) < PAGE:
            return
        seen += len(page)
        end = f"({page[-1][0].decode()}"


def _remember(entry: InputEntry, writer: str, earlier: Earlier) -> None:
    if entry.writer == writer:
        earlier.last_clock = max(earlier.last_clock, entry.clock)
    if entry.kind == "batch":
        earlier.keys.update(batch.decode(entry.data).liquidations["event_id"].tolist())
