"""Reading streams through a consumer group that starts where the sink stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from redis.asyncio import Redis

from foreshock_archive.domain.columns import Origin
from foreshock_archive.domain.intake import Source
from foreshock_model import keys
from foreshock_runtime.connection import BLOCK_MS
from foreshock_runtime.streams.ids import ZERO, as_text, id_key
from foreshock_runtime.streams.scripts import Script

CONSUMER = "archive"
READ_COUNT = 256
ACKED_AT_ONCE = 1_000

NAMES = {Source.EVENTS: keys.events, Source.METRICS: keys.metrics, Source.SIGNALS: keys.signals}

# The sink knows how far it is, so the group is made anew there: what was pending, or read by nobody knows whom, comes
# again. In one step, because between two the stream could be trimmed as if nobody waited.
# KEYS stream; ARGV group, cursor.
_PLACE = Script("""
redis.pcall('XGROUP', 'DESTROY', KEYS[1], ARGV[1])
return redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], ARGV[2], 'MKSTREAM')
""")


class Entry(NamedTuple):
    """An entry as read; fields as Redis has them."""

    source: Source
    origin: Origin
    fields: Mapping[bytes, bytes]


class GroupReader:
    """Streams of all partitions, read by one consumer.

    Whatever was read is pending, and holds back trimming, until `acknowledge`.
    """

    def __init__(self, redis: Redis, group: str, sources: Iterable[Source], partitions: int) -> None:
        self._redis = redis
        self._group = group
        kinds = tuple(dict.fromkeys(sources))
        self._streams = {
            NAMES[source](partition): (source, partition) for partition in range(partitions) for source in kinds
        }
        self._pending: dict[str, list[str]] = {}
        self.cursors: dict[str, str] = {}

    @property
    def pending(self) -> int:
        """Entries of the stream with the most that are read and not acknowledged."""
        return max(map(len, self._pending.values()), default=0)

    @property
    def oldest_ms(self) -> int:
        """Time in the id of the oldest entry not acknowledged, 0 when there is none."""
        return min((id_key(ids[0])[0] for ids in self._pending.values() if ids), default=0)

    async def begin(self, cursors: Mapping[str, str]) -> None:
        """Go to these ids, to the first entry where there is none. Raises what redis-py raises."""
        self.cursors = {stream: cursors.get(stream, ZERO) for stream in self._streams}
        self._pending = {stream: [] for stream in self._streams}
        for stream, cursor in self.cursors.items():
            await _PLACE(self._redis, [stream], [self._group, cursor])

    async def read(self) -> list[Entry]:
        """Wait for entries for at most BLOCK_MS. Raises what redis-py raises."""
        streams: dict[Any, Any] = dict.fromkeys(self._streams, ">")
        found: Any = await self._redis.xreadgroup(self._group, CONSUMER, streams, count=READ_COUNT, block=BLOCK_MS)
        entries: list[Entry] = []
        for raw_stream, read in found or ():
            stream = as_text(raw_stream)
            source, partition = self._streams[stream]
            ids = [as_text(raw_id) for raw_id, _ in read]
            self._pending[stream] += ids
            self.cursors[stream] = ids[-1]
            entries += [
                Entry(source, Origin(partition, each), fields) for each, (_, fields) in zip(ids, read, strict=True)
            ]
        return entries

    async def acknowledge(self) -> None:
        """Acknowledge all that was read. Raises what redis-py raises."""
        for stream, ids in self._pending.items():
            for at in range(0, len(ids), ACKED_AT_ONCE):
                await self._redis.xack(stream, self._group, *ids[at : at + ACKED_AT_ONCE])
            ids.clear()

    async def ends(self) -> dict[str, str]:
        """Return the id of each stream's newest entry. Raises what redis-py raises."""
        found: dict[str, str] = {}
        for stream in self._streams:
            newest: Any = await self._redis.xrevrange(stream, count=1)
            found[stream] = as_text(newest[0][0]) if newest else ZERO
        return found

    def reached(self, ends: Mapping[str, str]) -> bool:
        """Tell whether everything up to these ids was read."""
        return all(id_key(self.cursors[stream]) >= id_key(end) for stream, end in ends.items())

    async def behind(self) -> int:
        """Return how many entries were not read yet. Raises what redis-py raises."""
        total = 0
        for stream in self._streams:
            for group in await self._redis.xinfo_groups(stream):
                if as_text(group["name"]) == self._group:
                    total += int(group.get("lag") or 0)
        return total

    async def leave(self) -> None:
        """Take the group away, so that trimming no longer waits for it. Raises what redis-py raises."""
        for stream in self._streams:
            await self._redis.xgroup_destroy(stream, self._group)
