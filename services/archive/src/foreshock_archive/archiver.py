"""One sink and the group that feeds it: read, gather, write a step, acknowledge."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from typing import NamedTuple

import msgspec
import pyarrow as pa
from redis.asyncio import Redis

from foreshock_archive.domain.intake import SOURCES, Intake
from foreshock_archive.domain.position import Position
from foreshock_archive.domain.schemas import IDENTITY
from foreshock_archive.domain.seen import MOST, Seen
from foreshock_archive.reading import Entry, GroupReader
from foreshock_archive.sink import Sink, SinkError
from foreshock_model import keys
from foreshock_model.errors import CodecError
from foreshock_runtime.backoff import Backoff
from foreshock_runtime.clock import Clock, SystemClock, monotonic_ns
from foreshock_runtime.connection import TROUBLE
from foreshock_runtime.log import get_logger
from foreshock_runtime.scrubbing import scrub
from foreshock_runtime.streams.lease import Lease
from foreshock_sdk.errors import ForeshockError

MOST_PENDING = 8_192
"""Entries of a stream that wait for a file at most: velocity keeps 20,000 of its own for readers."""
MOST_BYTES = 32 << 20
"""Bytes of entries that wait likewise: Redis keeps them until then."""
LOOK_SECONDS = 2.0
TURN = 16
"""Entries between two turns of others: the lease is renewed and health answered while much is read."""

_log = get_logger(__name__)


class Rolling(NamedTuple):
    """What is kept, and when a step is due: after so many seconds, or with so many rows."""

    tables: tuple[str, ...]
    seconds: float
    rows: int


class Told(msgspec.Struct):
    """What an archiver has done in this process.

    state         WAITING (for Redis, the sink or another archive's lease), WORKING or ENDED
    rows          by table
    files         files or tables written;  steps: rolls
    unreadable    entries that could not be read
    missing       entries of events that never came;  repeated: rows and entries left out as doubles
    lag_seconds   age of the oldest entry that is read and not durable
    behind        entries not read yet, at the last look
    waiting_rows  rows not durable yet
    failures      times it began again;  reason: why, the last time
    """

    state: str = "WAITING"
    rows: Counter[str] = msgspec.field(default_factory=Counter)
    files: int = 0
    steps: int = 0
    unreadable: int = 0
    missing: int = 0
    repeated: int = 0
    lag_seconds: float = 0.0
    behind: int = 0
    waiting_rows: int = 0
    failures: int = 0
    reason: str = ""


class LeaseLostError(ForeshockError):
    """Another archive has taken over."""


class Archiver:
    """Feeds one sink from one consumer group, one process at a time."""

    def __init__(  # noqa: PLR0913 - what it stands between
        self,
        redis: Redis,
        sink: Sink,
        rolling: Rolling,
        *,
        group: str,
        partitions: int,
        lease_seconds: float = 2.0,
        clock: Clock | None = None,
    ) -> None:
        self.told = Told()
        self.sink = sink
        self._rolling = rolling
        self._clock = clock or SystemClock()
        self._reader = GroupReader(redis, group, (SOURCES[table] for table in rolling.tables), partitions)
        self._lease = Lease(redis, keys.group_lease(group), lease_seconds)
        self._position = Position()
        self._intake = Intake(rolling.tables, self._position, {})
        self._before = self._durable = (0, 0)
        self._bytes = 0
        self._started = 0

    async def run(self, stop: asyncio.Event, *, once: bool = False) -> None:
        """Archive until `stop`, or `once` up to what is there now. Trouble is waited out, and nothing lost by it."""
        backoff = Backoff(cap=10.0)
        try:
            while not stop.is_set():
                try:
                    await self._hold(stop, backoff, once=once)
                    break
                except (*TROUBLE, SinkError, LeaseLostError) as error:
                    self._failed(error)
                    await backoff.wait(stop)
        finally:
            self.told.state = "ENDED"
            await self._lease.release()
            await self.sink.close()

    async def leave(self) -> None:
        """Take the group away: trimming waits no longer, and the next start goes on from what the sink has.

        It stays when the end was none in order: what it had read and not written must not be trimmed.
        """
        if not self.told.reason:
            with suppress(*TROUBLE):
                await self._reader.leave()

    def look(self) -> Told:
        """Return what was done, as of now."""
        told, oldest = self.told, self._reader.oldest_ms
        told.lag_seconds = max(0.0, self._clock.now() / 1e9 - oldest / 1e3) if oldest else 0.0
        told.waiting_rows = self._intake.rows
        told.missing, told.repeated = self._missed_and_repeated()
        return told

    def _missed_and_repeated(self) -> tuple[int, int]:
        missing, repeated = self._before
        return missing + self._intake.missing, repeated + self._intake.repeated

    def _failed(self, error: BaseException) -> None:
        self.told.state = "WAITING"
        self.told.failures += 1
        self.told.reason = scrub(f"{type(error).__name__}: {error}")
        _log.warning("archive_interrupted", sink=self.sink.name, reason=self.told.reason)

    async def _hold(self, stop: asyncio.Event, backoff: Backoff, *, once: bool) -> None:
        if not await self._lease.wait(stop):
            return
        async with self._lease.kept():
            await self._begin()
            backoff.reset()
            await self._work(stop, once=once)

    async def _begin(self) -> None:
        position = await self.sink.begin()
        seen = {table: Seen() for table in IDENTITY if table in self._rolling.tables}
        for table, each in seen.items():
            each.remember(await self.sink.recent(table, MOST))
        self._before = self._durable
        self._position = position
        self._intake = Intake(self._rolling.tables, position, seen)
        await self._reader.begin(position.cursors)
        self._restart()
        self.told.state = "WORKING"
        self.told.reason = ""
        _log.info("archive_began", sink=self.sink.name, step=self._position.roll)

    async def _work(self, stop: asyncio.Event, *, once: bool) -> None:
        ends = await self._reader.ends() if once else None
        looked = monotonic_ns()
        while not stop.is_set() and not (ends is not None and self._reader.reached(ends)):
            for number, entry in enumerate(await self._reader.read()):
                self._take(entry)
                if number % TURN == 0:
                    await asyncio.sleep(0)
            if not self._lease.held:
                raise LeaseLostError(self._lease.key)
            if self._due():
                await self._roll()
            if monotonic_ns() - looked > LOOK_SECONDS * 1e9:
                looked = monotonic_ns()
                self.told.behind = await self._reader.behind()
        await self._roll()

    def _take(self, entry: Entry) -> None:
        self._bytes += sum(map(len, entry.fields.values()))
        try:
            self._intake.take(entry.source, entry.origin, entry.fields, self._clock.now())
        except CodecError as error:
            self.told.unreadable += 1
            _log.warning("entry_unreadable", stream=entry.source, entry=entry.origin.entry_id, reason=scrub(str(error)))

    def _due(self) -> bool:
        rolling = self._rolling
        aged = monotonic_ns() - self._started >= rolling.seconds * 1e9
        full = self._intake.rows >= rolling.rows or self._bytes >= MOST_BYTES
        return self._reader.pending > 0 and (aged or full or self._reader.pending >= MOST_PENDING)

    async def _roll(self) -> None:
        """Write what was gathered, then acknowledge it."""
        if not self._reader.pending:
            return
        tables = await asyncio.to_thread(self._intake.drain)  # the lease is renewed meanwhile
        before = self._position
        after = self._intake.position(before.roll + 1, {**before.cursors, **self._reader.cursors})
        files = await self.sink.write(tables, before, after)
        self._position = after
        self._durable = self._missed_and_repeated()
        await self._reader.acknowledge()
        self._count(tables, files)
        self._restart()

    def _count(self, tables: dict[str, pa.Table], files: int) -> None:
        told = self.told
        told.rows.update({name: table.num_rows for name, table in tables.items()})
        told.files += files
        told.steps += 1
        _log.debug("archive_step", sink=self.sink.name, step=self._position.roll, files=files)

    def _restart(self) -> None:
        self._bytes = 0
        self._started = monotonic_ns()
