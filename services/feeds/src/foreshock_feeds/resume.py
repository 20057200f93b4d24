"""What an earlier run left in the streams: when it last wrote, and which events it had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from redis.asyncio import Redis

from foreshock_feeds.spill import Spill
from foreshock_model import batch, keys
from foreshock_model.entries import InputEntry
from foreshock_model.errors import CodecError

PAGE = 100
ENTRIES = 1_000_000
"""Entries a partition that are looked at, whatever their clocks say: several times what a partition usually keeps."""
REMEMBER_NS = 120_000_000_000
"""Venues repeat what is younger than this when a client comes back; older repeats were dropped already."""
ANY = "feeds:"
"""How the names of feeds processes begin."""

Array = npt.NDArray[Any]


class Earlier:
    """last_clock: ns UTC up to which every partition has what this writer saw, 0 when it never wrote.

    shares: what was known of the venues' shares, JSON by venue.
    """

    def __init__(self) -> None:
        self.last_clock = 0
        self.shares: dict[str, bytes] = {}
        self._keys: dict[str, list[Array]] = {}

    def keys(self, venue: str) -> Array:
        """Return the keys of the events a venue had lately, (n,) uint64, oldest first."""
        newest_first = self._keys.get(venue, [])
        return np.concatenate([np.empty(0, np.uint64), *reversed(newest_first)])

    def add(self, events: batch.EventBatch) -> None:
        """Take a batch that is older than those taken before."""
        instrument, ids = events.liquidations["instrument"], events.liquidations["event_id"]
        venues = np.array([ref.venue for ref in events.instruments], object)[instrument]
        for venue in set(venues.tolist()):
            self._keys.setdefault(venue, []).append(ids[venues == venue])


async def look_back(redis: Redis, writer: str | None, partitions: int) -> Earlier:
    """Read the newest entries of all partitions. Raises what redis-py raises.

    writer: whose clock counts; that of any feeds process if None.
    A process that dies may have written some partitions and not yet the others: the earliest end counts.
    """
    earlier = Earlier()
    ends = [await _look_back(redis, writer, partition, earlier) for partition in range(partitions)]
    earlier.last_clock = min(filter(None, ends), default=0)
    kept: dict[bytes, bytes] = await redis.execute_command("HGETALL", keys.FEEDS_SHARES)
    earlier.shares = {venue.decode("utf-8", "replace"): tallies for venue, tallies in kept.items()}
    return earlier


def look_into(spill: Spill, partitions: int, earlier: Earlier) -> None:
    """Take up what an earlier run left to be written: its events are known, and it ended later than the streams say."""
    for partition in range(partitions):
        newest = 0
        for entry in spill.newest_first(partition):
            newest = max(newest, entry.clock)
            if entry.clock < newest - REMEMBER_NS:
                break
            if entry.kind == "batch":
                earlier.add(batch.decode(entry.data))
    earlier.last_clock = max(earlier.last_clock, spill.last_clock)


async def _look_back(redis: Redis, writer: str | None, partition: int, earlier: Earlier) -> int:
    end, seen, newest = "+", 0, 0
    while seen < ENTRIES:
        page: list[tuple[bytes, dict[bytes, bytes]]] = await redis.execute_command(
            "XREVRANGE", keys.events(partition), end, "-", "COUNT", PAGE
        )
        for _, fields in page:
            clock = _take(fields, writer, earlier)
            newest = max(newest, clock)
            if clock and clock < newest - REMEMBER_NS:
                return newest
        if len(page) < PAGE:
            break
        seen += len(page)
        end = f"({page[-1][0].decode()}"
    return newest


def _take(fields: Mapping[bytes, bytes], writer: str | None, earlier: Earlier) -> int:
    """Remember an entry's events; return its clock, 0 when another wrote it: clocks of two hosts may differ."""
    try:
        entry = InputEntry.from_fields(fields)
        if entry.kind == "batch":
            earlier.add(batch.decode(entry.data))
    except CodecError:
        return 0  # another program's entry: nothing of ours
    mine = entry.writer.startswith(ANY) if writer is None else entry.writer == writer
    return entry.clock if mine else 0
