"""Partitions of a stateful service in one process: owned when possible, watched, and told to those who ask."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

import msgspec

from foreshock_model import keys
from foreshock_runtime.backoff import Backoff, wait_for_event
from foreshock_runtime.balance import BALANCE_SECONDS, Balance
from foreshock_runtime.clock import Clock, monotonic_ns
from foreshock_runtime.config_store import ConfigStore
from foreshock_runtime.connection import TROUBLE
from foreshock_runtime.latency import LatencyRecorder
from foreshock_runtime.lifecycle import Service
from foreshock_runtime.streams import OwnerOptions, OwnerStatus, PartitionOwner, Processor
from foreshock_runtime.streams.ids import as_text, id_key

READY_SECONDS = 0.2
SEED_SECONDS = 10.0
SILENT_SECONDS = 3.0
WAITING = 4_096
"""More entries than a read brings: what a recovery replays runs out at the other end."""
LONGEST_NS = 600 * 1_000_000_000
"""Times further apart were not told by the same clock: a recording is replayed."""

C = TypeVar("C")


class Journal:
    """What a partition's processors leave behind; outlives each of them.

    busy_ns       time spent on entries;  entries: worked on, replayed ones included
    acknowledged  words by how often they were in an acknowledged answer
    listener      is told of how many answers each commit acknowledged
    """

    def __init__(self, latency: LatencyRecorder, clock: Clock) -> None:
        self.busy_ns = 0
        self.entries = 0
        self.acknowledged: Counter[str] = Counter()
        self.listener: Callable[[int], None] | None = None
        self._latency = latency
        self._clock = clock
        self._waiting: deque[tuple[int, tuple[str, ...]]] = deque(maxlen=WAITING)

    def start(self) -> int:
        """Return what `advanced` needs."""
        return monotonic_ns()

    def advanced(self, started: int, received: int, words: tuple[str, ...] = ()) -> None:
        """Note an entry: when its work started, and receipt of its newest input (ns UTC, 0 for none)."""
        self.busy_ns += monotonic_ns() - started
        self.entries += 1
        self._waiting.append((received, words))

    def committed(self, entries: int, _cursor: str) -> None:
        """Measure the newest `entries`: their answers are acknowledged now. What lies before was replayed."""
        now = self._clock.now()
        for _ in range(min(entries, len(self._waiting))):
            received, words = self._waiting.pop()
            self.acknowledged.update(words)
            if received and now - received < LONGEST_NS:
                self._latency.record_ns(now - received)
        self._waiting.clear()
        if self.listener is not None:
            self.listener(entries)


class ConfiguredProcessor(Processor, Protocol):
    """A processor that runs a configuration."""

    @property
    def revision(self) -> int:
        """Revision of the configuration it runs."""
        ...


P = TypeVar("P", bound=ConfiguredProcessor)
P_co = TypeVar("P_co", bound=ConfiguredProcessor, covariant=True)
Seed = tuple[C, int]
"""Configuration and revision that a rebuilt state begins with."""


class Stage(Protocol[P_co, C]):
    """What a service does with its partitions: which stream it answers, and how."""

    name: str
    """Of the service."""

    def source(self, partition: int) -> str:
        """Return the stream of the partition's inputs."""
        ...

    def make(self, partition: int, journal: Journal, seed: Seed[C] | None) -> P_co:
        """Return a processor without state."""
        ...

    def decode(self, document: bytes) -> C:
        """Read a configuration. Raises ValueError."""
        ...


class Partition(Generic[P, C]):
    """Owns one partition whenever its lease is free."""

    def __init__(self, number: int, service: Service, stage: Stage[P, C], latency: LatencyRecorder) -> None:
        settings = service.settings
        self.number = number
        self.journal = Journal(latency, service.clock)
        self._redis = service.redis
        self._log = service.log
        self._stage = stage
        self._store = ConfigStore(service.redis, stage.name, settings.partitions, service.clock)
        self._seed: Seed[C] | None = None
        self._newest: P | None = None
        self._handover = asyncio.Event()
        self._owner = PartitionOwner(
            service.redis,
            service=stage.name,
            partition=number,
            source=stage.source(number),
            make_processor=self._make,
            options=OwnerOptions(lease_seconds=settings.lease_seconds, snapshot_seconds=settings.snapshot_seconds),
            on_commit=self.journal.committed,
            clock=service.clock,
        )

    @property
    def status(self) -> OwnerStatus:
        """What the owner has done."""
        return self._owner.status()

    @property
    def processor(self) -> P | None:
        """The processor at work, None unless this process owns the partition."""
        return self._newest if self.status.owned else None

    async def run(self, stop: asyncio.Event) -> None:
        """Learn the configuration a rebuild would begin with, then own the partition until `stop`."""
        backoff = Backoff()
        while not stop.is_set():
            try:
                await self.refresh_seed()
                break
            except TROUBLE as error:
                self._log.warning("redis_unreachable", reason=str(error), failures=backoff.failures)
                await backoff.wait(stop)
        while not stop.is_set():
            self._handover.clear()
            await self._own(stop)

    async def _own(self, stop: asyncio.Event) -> None:
        """Own the partition until the process stops, or hands it over."""
        end = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            watchers = [tasks.create_task(_pass_on(each, end)) for each in (stop, self._handover)]
            await self._owner.run(end)
            for watcher in watchers:
                watcher.cancel()
        if not stop.is_set():
            self._newest = None
            self._owner.forget()

    def hand_over(self) -> None:
        """Answer what is in hand, leave a snapshot, and let another process own the partition."""
        self._handover.set()

    def be_patient(self, seconds: float) -> None:
        """Leave the partition to others for so long when nobody owns it."""
        self._owner.be_patient(seconds)

    async def settled(self) -> bool:
        """Return True when somebody works on this partition: this process, or the holder of its lease."""
        status = self.status
        if status.owned:
            return status.recoveries > 0
        return bool(await self._redis.exists(keys.lease(self._stage.name, self.number)))

    async def refresh_seed(self) -> None:
        """Learn the configuration a rebuilt state begins with. Raises what redis-py raises.

        The stream itself carries it, unless the entry that did was trimmed away since, or never came this far.
        """
        self._seed = None
        oldest_ms = await self._oldest_ms()
        try:
            stored = await self._store.load()
            newest = await self._store.history(1)
            if stored is None or not newest or 0 < oldest_ms <= newest[0].ts // 1_000_000:
                return
            self._seed = self._stage.decode(stored.document), stored.revision
        except (ValueError, msgspec.DecodeError) as error:
            # Of a later version, or of somebody else: the built-in one is as good as any.
            self._log.warning("config_unreadable", reason=str(error))

    async def _oldest_ms(self) -> int:
        """Return the time of the oldest entry, 0 when there is none."""
        first = await self._redis.xrange(self._stage.source(self.number), count=1)
        return id_key(as_text(first[0][0]))[0] if first else 0

    def _make(self) -> P:
        self._newest = self._stage.make(self.number, self.journal, self._seed)
        return self._newest


async def own_all(service: Service, partitions: Sequence[Partition[P, C]]) -> None:
    """Own what can be owned, and say SERVING while it goes well, until the service's stop."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_watch(service, partitions), name="readiness")
        tasks.create_task(_keep_seeds(service, partitions), name="seeds")
        tasks.create_task(_keep_balance(service, partitions), name="balance")
        for partition in partitions:
            tasks.create_task(partition.run(service.stop), name=f"partition-{partition.number}")


async def _watch(service: Service, partitions: Sequence[Partition[P, C]]) -> None:
    """Say SERVING while Redis answers and every partition has an owner, here or elsewhere."""
    while not service.stop.is_set():
        try:
            ready = service.health.seconds_since_good() < SILENT_SECONDS
            ready = ready and all([await each.settled() for each in partitions])
        except TROUBLE:
            ready = False
        if ready != service.serving and not service.stop.is_set():
            await service.set_serving(ready)
        running = [each.processor.revision for each in partitions if each.processor is not None]
        service.config_revision = min(running, default=service.config_revision)
        await wait_for_event(service.stop, READY_SECONDS)


async def _keep_seeds(service: Service, partitions: Sequence[Partition[P, C]]) -> None:
    while not await wait_for_event(service.stop, SEED_SECONDS):
        try:
            for partition in partitions:
                await partition.refresh_seed()
        except TROUBLE as error:
            service.log.warning("seed_not_refreshed", reason=str(error))


async def _keep_balance(service: Service, partitions: Sequence[Partition[P, C]]) -> None:
    balance = Balance(service.redis, service.name, service.settings.instance, partitions)
    while not await wait_for_event(service.stop, BALANCE_SECONDS):
        try:
            await balance.look()
        except TROUBLE as error:
            service.log.warning("balance_not_kept", reason=str(error))


async def _pass_on(event: asyncio.Event, end: asyncio.Event) -> None:
    await event.wait()
    end.set()
