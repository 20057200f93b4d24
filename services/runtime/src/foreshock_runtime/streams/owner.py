"""The owner of one partition of a stateful service: it answers each entry once and recovers by itself."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis

from foreshock_runtime.backoff import Backoff
from foreshock_runtime.clock import Clock, SystemClock, monotonic_ns
from foreshock_runtime.connection import TROUBLE
from foreshock_runtime.log import get_logger
from foreshock_runtime.streams.answers import Answers, Entry, Work, entries_of
from foreshock_runtime.streams.ids import ZERO, as_text, id_key
from foreshock_runtime.streams.lease import Lease
from foreshock_runtime.streams.line import Line
from foreshock_runtime.streams.recovery import (
    Names,
    Processor,
    other_slot,
    read_cursor,
    recover,
    snapshot_command,
)
from foreshock_runtime.streams.scripts import ADOPT, COMMIT, FENCED_READ, Argument
from foreshock_runtime.streams.status import OwnerOptions, OwnerStatus, kind_of

# One stable name: whoever owns the partition takes over what the owner before had in hand.
CONSUMER = "owner"
BAD_ENTRY = "entry"
NEW = ">"
_LAG_EVERY_NS = 1_000_000_000

_log = get_logger(__name__)


class _Interrupted(Exception):  # noqa: N818 - a turn of events, not an error
    """The owner must begin again from what is stored. Holds the kind."""


class PartitionOwner:
    """Runs a Processor over one partition's source stream; see `run`.

    on_commit(entries, cursor) is called after each acknowledged commit that answered entries.
    """

    def __init__(  # noqa: PLR0913 - a partition is named by all of these
        self,
        redis: Redis,
        *,
        service: str,
        partition: int,
        source: str,
        make_processor: Callable[[], Processor],
        options: OwnerOptions | None = None,
        on_commit: Callable[[int, str], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._redis = redis
        self._line = Line(redis)
        self._names = Names.of(service, partition, source)
        self._make = make_processor
        self._options = options or OwnerOptions()
        self._on_commit = on_commit
        self._clock = clock or SystemClock()
        self._lease = Lease(redis, self._names.lease, self._options.lease_seconds)
        self._backoff = Backoff()
        self._log = _log.bind(service=service, partition=partition)
        self._answers = Answers(self._names, self._options.deliveries, self._log)
        self._errors: Counter[str] = Counter()
        self._status = OwnerStatus()
        # The processor, the last id it has taken in, and the commit whose reply is awaited.
        self._processor: Processor | None = None
        self._advanced_to = ZERO
        self._in_flight: Work | None = None
        # What the last commit read on; None: it was not asked to.
        self._read_on: list[Entry] | None = None
        self._slot = "a"
        self._snapshot_ns = 0
        self._snapshot_at = ""
        self._lag_ns = 0

    @property
    def processor(self) -> Processor | None:
        """The processor in use; another object after a recovery, None while there is none."""
        return self._processor

    def forget(self) -> None:
        """Let go of the state after a run: somebody else moves it on."""
        self._processor = None

    def be_patient(self, seconds: float) -> None:
        """Leave the lease to others for so long when it is free."""
        self._lease.patience = seconds

    def status(self) -> OwnerStatus:
        """Return what has been done so far."""
        self._status.owned = self._lease.held
        self._status.errors = dict(self._errors)
        return self._status

    async def run(self, stop: asyncio.Event) -> None:
        """Own the partition whenever its lease is free, until `stop`.

        Lost leases, lost groups, restarts and refusals of the server are counted and lead back to recovery,
        with backoff; they never end the run. On stop the read in hand is answered, a snapshot is committed
        and the lease released.
        """
        try:
            while not stop.is_set():
                await self._turn(stop)
            await self._lease.release()
        finally:
            await self._line.close()

    async def _turn(self, stop: asyncio.Event) -> None:
        """Own the partition once, from the lease on until something interrupts."""
        try:
            if await self._lease.wait(stop):
                async with self._lease.kept():
                    await self._own(stop)
        except _Interrupted as turn:
            await self._begin_again(str(turn), "", stop)
        except TROUBLE as error:
            await self._begin_again(kind_of(error), str(error), stop)

    async def _begin_again(self, kind: str, reason: str, stop: asyncio.Event) -> None:
        self._errors[kind] += 1
        self._log.warning("partition_interrupted", kind=kind, reason=reason, failures=self._backoff.failures)
        # A bad entry fails at once and a counted number of times: waiting would only hold up the others.
        if kind != BAD_ENTRY:
            await self._backoff.wait(stop)

    async def _own(self, stop: asyncio.Event) -> None:
        unsent = await self._recover()
        if unsent is not None:
            await self._commit(unsent)
        # What the owner before had in hand comes first, from the oldest on; then new entries.
        after = ZERO
        while after != NEW and not stop.is_set():
            entries = await self._read(after)
            after = entries[-1][0] if entries else NEW
            if entries:
                await self._answer(entries, read_on=False)
            self._backoff.reset()
        while not stop.is_set():
            entries, self._read_on = self._read_on or [], None
            if entries:
                await self._answer(entries, read_on=True)
            elif entries := await self._wait():
                await self._answer(entries, read_on=True, taken=False)
            self._backoff.reset()
            await self._measure_lag()
        await self._farewell()

    async def _recover(self) -> Work | None:
        """Bring the processor to the cursor. Returns answers that it has made beyond that, when they never arrived."""
        self._read_on = None
        cursor = await read_cursor(self._redis, self._names)
        resumed = await self._adopt(cursor)
        unsent = self._settle_in_flight(cursor)
        self._status.cursor = cursor
        if self._processor is not None and self._advanced_to == cursor:
            return None
        if self._processor is not None and unsent is not None and self._advanced_to == unsent.cursor:
            unsent.taken = unsent.taken and resumed
            return unsent
        self._processor = None
        recovered = await recover(self._redis, self._names, self._make, cursor)
        self._processor = recovered.processor
        self._advanced_to = self._snapshot_at = cursor
        self._slot = recovered.next_slot
        self._snapshot_ns = monotonic_ns()
        self._status.recoveries += 1
        self._status.replayed += recovered.replayed
        warming = recovered.processor.warming
        self._log.info("partition_recovered", cursor=cursor, replayed=recovered.replayed, warming=warming)
        return None

    def _settle_in_flight(self, cursor: str) -> Work | None:
        """Count a commit whose reply was lost, if the cursor says that it was carried out; return it if it was not."""
        work, self._in_flight = self._in_flight, None
        if work is None or work.expected == work.cursor:
            return None
        if work.cursor == cursor and not work.denied:
            self._committed(work)
        return work if work.expected == cursor else None

    async def _adopt(self, cursor: str) -> bool:
        """Make or take over the group. Returns True where it stood as it was left."""
        names = self._names
        keys = [names.lease, names.source]
        reply = await ADOPT(self._redis, keys, [self._lease.token, names.service, cursor, self._options.read_count])
        how, trimmed = as_text(self._unless_lost(reply)[1]), int(reply[2])
        self._status.trimmed += trimmed
        if how != "resumed":
            self._log.info("group_adopted", how=how, cursor=cursor, trimmed=trimmed)
        return how == "resumed"

    def _unless_lost(self, reply: list[Any]) -> list[Any]:
        """Return a fenced script's reply. Raises _Interrupted when the lease is another's."""
        if reply[0] == b"LOST":
            self._lease.lost.set()
            raise _Interrupted("lease_lost")
        return reply

    async def _read(self, after: str) -> list[Entry]:
        self._check_lease()
        names = self._names
        cursor = self._status.cursor
        args: list[Argument] = [self._lease.token, names.service, CONSUMER, self._options.read_count, after, cursor]
        reply = await FENCED_READ(self._line, [names.lease, names.source], args)
        return self._without_gap(reply, after, cursor)

    def _check_lease(self) -> None:
        if not self._lease.held:
            raise _Interrupted("lease_lost")

    def _without_gap(self, reply: list[Any], after: str, cursor: str) -> list[Entry]:
        """Return the entries of a fenced read. Raises _Interrupted when they do not follow the cursor."""
        self._unless_lost(reply)
        entries = entries_of(reply[1])
        fresh = [i for i, fields in entries if fields is not None and id_key(i) > id_key(cursor)]
        following = [as_text(i) for i in reply[2]]
        if fresh[: len(following)] != following[: len(fresh)] or (after == NEW and following and not entries):
            # Somebody moved the group or took away what is pending: recovery puts it back to the cursor.
            raise _Interrupted("gap")
        return entries

    async def _answer(self, entries: list[Entry], *, read_on: bool, taken: bool = True) -> None:
        """Answer the entries of one read by one commit, which reads on; where one fails, those before it.

        taken: they are in the group's hand; else the commit takes them.
        """
        processor = self._processor
        if processor is None:
            raise _Interrupted("no_processor")
        # Until all is taken in, the processor stands nowhere in particular.
        self._processor = None
        work = await self._answers.take_all(processor, entries, self._status.cursor, taken=taken)
        if not work.failed:
            self._processor, self._advanced_to = processor, work.cursor
        if work.ids:
            await self._commit(work, read_on=read_on and not work.failed)
        if work.failed:
            raise _Interrupted(BAD_ENTRY)

    async def _commit(self, work: Work, *, read_on: bool = False, snapshot: bool = False) -> None:
        if snapshot or monotonic_ns() - self._snapshot_ns >= self._options.snapshot_seconds * 1e9:
            self._add_snapshot(work)
        self._in_flight = work
        names, count = self._names, self._options.read_count if read_on else 0
        args = work.arguments(names, token=self._lease.token, consumer=CONSUMER, read=count)
        reply = await COMMIT(self._line, [names.cursor, names.lease, names.source], args)
        work.denied = reply[0] == b"LOST"
        self._unless_lost(reply)  # nobody may have answered them meanwhile: they are kept
        self._in_flight = None
        if reply[0] == b"STALE":
            self._status.stale += 1
            self._processor = None
            raise _Interrupted("stale")
        self._status.repeated += reply[3]
        if reply[1]:
            self._status.refused += reply[1]
            self._log.error("outputs_refused", number=reply[1], first=as_text(reply[2]), cursor=work.cursor)
        self._committed(work)
        if reply[5]:
            raise _Interrupted(as_text(reply[5]))
        if reply[4]:
            self._read_on = self._without_gap(reply[4], NEW, work.cursor)

    def _add_snapshot(self, work: Work) -> None:
        if self._processor is None or work.snapshot:
            return
        self._snapshot_ns = monotonic_ns()
        try:
            payload = self._processor.snapshot()
        except Exception:  # noqa: BLE001 - it is logged with its traceback
            # Going on without one only makes the next recovery longer.
            self._errors["snapshot"] += 1
            self._log.exception("snapshot_failed")
            return
        work.commands.append(snapshot_command(self._names, self._slot, work.cursor, payload))
        work.snapshot = True

    def _committed(self, work: Work) -> None:
        status = self._status
        status.cursor = work.cursor
        status.entries += work.answered
        status.commits += 1
        status.dead += len(work.dead)
        status.trimmed += work.trimmed
        if work.snapshot:
            status.snapshots += 1
            self._slot = other_slot(self._slot)
            self._snapshot_at = work.cursor
        self._answers.settle(work)
        if self._on_commit is not None and work.answered:
            self._on_commit(work.answered, work.cursor)

    async def _wait(self) -> list[Entry]:
        """Return what comes after the cursor, without taking it: whoever lost the lease takes nothing by looking."""
        self._check_lease()
        options = self._options
        how = ("COUNT", options.read_count, "BLOCK", options.block_ms)
        return entries_of(
            await self._line.execute_command("XREAD", *how, "STREAMS", self._names.source, self._status.cursor)
        )

    async def _measure_lag(self) -> None:
        now = monotonic_ns()
        if now - self._lag_ns < _LAG_EVERY_NS:
            return
        self._lag_ns = now
        for group in await self._redis.xinfo_groups(self._names.source):
            if as_text(group["name"]) == self._names.service:
                lag = group.get("lag")
                self._status.lag_entries = None if lag is None else int(lag)
        self._status.lag_seconds = await self._oldest_age() if self._status.lag_entries else 0.0

    async def _oldest_age(self) -> float:
        """Return the age in seconds of the oldest entry that is not answered yet, 0 when there is none."""
        oldest = await self._redis.xrange(self._names.source, f"({self._status.cursor}", count=1)
        if not oldest:
            return 0.0
        return max(0.0, self._clock.now() / 1e9 - id_key(as_text(oldest[0][0]))[0] / 1e3)

    async def _farewell(self) -> None:
        """Leave a snapshot, so that the next owner takes over at once."""
        if self._processor is None or self._snapshot_at == self._advanced_to or not self._lease.held:
            return
        await self._commit(Work(self._status.cursor, self._status.cursor), snapshot=True)
