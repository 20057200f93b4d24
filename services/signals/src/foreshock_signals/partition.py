"""One partition in this process: its owner, and what the edges want to know of it."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from redis.asyncio import Redis

from foreshock_model import keys
from foreshock_runtime.clock import Clock
from foreshock_runtime.config_store import ConfigStore
from foreshock_runtime.latency import LatencyRecorder
from foreshock_runtime.log import get_logger
from foreshock_runtime.streams import OwnerOptions, OwnerStatus, PartitionOwner
from foreshock_runtime.streams.ids import as_text, id_key
from foreshock_signals.commands import Retention
from foreshock_signals.domain.config import SignalsConfig, decode
from foreshock_signals.domain.state import SERVICE, SignalsState
from foreshock_signals.journal import Journal
from foreshock_signals.processor import Place, SignalsProcessor
from foreshock_signals.settings import SignalsSettings

_log = get_logger(__name__)


class Tools(NamedTuple):
    """What all partitions of a process share."""

    redis: Redis
    settings: SignalsSettings
    store: ConfigStore
    clock: Clock
    latency: LatencyRecorder


class Partition:
    """Owns `metrics:{pN}` whenever it can."""

    def __init__(self, number: int, tools: Tools) -> None:
        self.number = number
        self.journal = Journal(tools.latency, tools.clock)
        self._tools = tools
        self._seed: tuple[SignalsConfig, int] | None = None
        self._newest: SignalsProcessor | None = None
        self._owner = PartitionOwner(
            tools.redis,
            service=SERVICE,
            partition=number,
            source=keys.metrics(number),
            make_processor=self._make,
            options=OwnerOptions(
                lease_seconds=tools.settings.lease_seconds,
                snapshot_seconds=tools.settings.snapshot_seconds,
            ),
            on_commit=self.journal.committed,
            clock=tools.clock,
        )

    @property
    def status(self) -> OwnerStatus:
        """What the owner has done."""
        return self._owner.status()

    @property
    def state(self) -> SignalsState | None:
        """The state, None unless this process owns the partition."""
        return self._newest.state if self._newest is not None and self.status.owned else None

    async def run(self, stop: asyncio.Event) -> None:
        """Own the partition whenever its lease is free, until `stop`."""
        await self._owner.run(stop)

    async def settled(self) -> bool:
        """Return True when somebody works on this partition: this process, or the holder of its lease."""
        status = self.status
        if status.owned:
            return status.recoveries > 0
        return bool(await self._tools.redis.exists(keys.lease(SERVICE, self.number)))

    async def refresh_seed(self) -> None:
        """Learn the configuration a rebuilt state begins with. Raises what redis-py raises.

        The stream itself carries it, unless the entry that did was trimmed away since, or never came this far.
        """
        self._seed = None
        stored = await self._tools.store.load()
        newest = await self._tools.store.history(1)
        oldest_ms = await self._oldest_ms()
        if stored is None or not newest or 0 < oldest_ms <= newest[0].ts // 1_000_000:
            return
        try:
            self._seed = decode(stored.document), stored.revision
        except ValueError as error:
            # Of a later version: the built-in one is as good as any.
            _log.warning("config_unreadable", revision=stored.revision, reason=str(error))

    async def _oldest_ms(self) -> int:
        """Return the time of the oldest entry, 0 when there is none."""
        first = await self._tools.redis.xrange(keys.metrics(self.number), count=1)
        return id_key(as_text(first[0][0]))[0] if first else 0

    def _make(self) -> SignalsProcessor:
        settings = self._tools.settings
        kept = Retention(
            settings.retention_entries,
            settings.subscriber_entries,
            settings.history_entries,
            settings.history_seconds,
        )
        place = Place(self.number, settings.partitions, settings.tracked_symbols, kept)
        self._newest = SignalsProcessor(place, self.journal, self._seed)
        return self._newest
