"""All venues of one process with what they share."""

from __future__ import annotations

import asyncio
from collections import deque

from foreshock_feeds.config import FeedsConfig
from foreshock_feeds.domain.assemble import Assembler
from foreshock_feeds.domain.coverage import Shares
from foreshock_feeds.domain.ingest import Ingest, Ingested
from foreshock_feeds.domain.silence import SilenceRule
from foreshock_feeds.flow import Flow
from foreshock_feeds.health import Command, RouteHealth, caps_of, delay_ms
from foreshock_feeds.life import Life, venue_of
from foreshock_feeds.metrics import FeedsMetrics
from foreshock_feeds.output import Output
from foreshock_feeds.pair import Pair
from foreshock_feeds.parts import Parts
from foreshock_feeds.quarantine import Quarantine
from foreshock_feeds.recorder import Recorder, segments_of
from foreshock_feeds.resume import Earlier, look_back, look_into
from foreshock_feeds.session import RouteSession
from foreshock_feeds.settings import FeedsSettings
from foreshock_feeds.socket import RouteSocket
from foreshock_feeds.spill import Spill
from foreshock_feeds.venue import Tuning, Venue
from foreshock_model import keys
from foreshock_model.dedupe import Dedupe
from foreshock_runtime.clock import Clock, FrameClock
from foreshock_runtime.connection import TROUBLE
from foreshock_runtime.control import ConfigControl
from foreshock_runtime.lifecycle import Service
from foreshock_runtime.streams.leases import Leases
from foreshock_runtime.streams.trim import trim
from foreshock_runtime.streams.writer import PartitionWriter, next_epoch
from foreshock_sdk.connector import Connector, Endpoints

NS = 1_000_000_000
REPEATED_SECONDS = 3_600.0
"""Events are known for so long at least, unless there are too many: gaps are filled from no older history."""


class Feeds:
    """Venues, the way out, and what is known of both. Made by `begin`."""

    def __init__(  # noqa: PLR0913 - its parts, by name
        self,
        service: Service,
        parts: Parts,
        config: ConfigControl[FeedsConfig],
        *,
        writer: PartitionWriter,
        earlier: Earlier,
        spill: Spill | None = None,
    ) -> None:
        settings = parts.settings
        self.revision = -1
        self.plugins = parts.plugins
        self._clock = service.clock if settings.clock == "system" else FrameClock()
        delays = {connector.venue: delay_ms(connector.throttle) for connector in parts.connectors}
        shares = Shares(delays, [each.venue for each in parts.connectors if each.throttle.partial])
        shares.load(earlier.shares)
        self.life = Life(self._clock, shares)
        caps = caps_of({each.venue: each.throttle for each in parts.connectors})
        self.health = RouteHealth(
            self._clock, earlier.last_clock, delays, self.life, instance=settings.instance, caps=caps
        )
        self.quarantine = Quarantine(self._clock)
        self.metrics = FeedsMetrics(service.metrics)
        self._flow = Flow()
        self.recorder = _recorder(settings, self._clock, self.metrics)
        if self.recorder is not None:
            self.recorder.options = settings.options
        self.output = Output(
            writer,
            Assembler(settings.partitions),
            self.health,
            clock=self._clock,
            metrics=self.metrics,
            flow=self._flow,
            gather_ms=settings.gather_ms,
            buffer_rows=settings.buffer_rows,
            spill=spill,
            recorder=self.recorder,
        )
        self.life.changed = self._life_changed
        self._service = service
        self._parts = parts
        self.pair = self._new_pair() if settings.redundant else None
        self._config = config
        self._silence = SilenceRule()
        self._applying = asyncio.Lock()
        self._stopped = False
        self._turned = self._clock.now()
        self.venues = [self._venue(connector, earlier) for connector in parts.connectors]

    @classmethod
    async def begin(
        cls, service: Service, parts: Parts, config: ConfigControl[FeedsConfig], spill: Spill | None = None
    ) -> Feeds:
        """Look at what an earlier run left and take a new epoch. Raises what redis-py raises."""
        settings = parts.settings
        writer = f"feeds:{settings.instance}"
        # Of a pair the other one wrote while this one was away: nothing was missed.
        whose = None if settings.redundant else writer
        earlier = await look_back(service.redis, whose, settings.partitions)
        if spill is not None:
            look_into(spill, settings.partitions, earlier)
        epoch = await next_epoch(service.redis, writer, spill.epoch if spill else 0)
        out = PartitionWriter(service.redis, partitions=settings.partitions, writer=writer, epoch=epoch, shelf=spill)
        return cls(service, parts, config, writer=out, earlier=earlier, spill=spill)

    @property
    def sessions(self) -> list[RouteSession]:
        """The routes' sessions."""
        return [socket.session for socket in self.sockets]

    @property
    def sockets(self) -> list[RouteSocket]:
        """The routes' sockets."""
        return [socket for venue in self.venues for socket in venue.sockets]

    async def apply(self) -> None:
        """Follow the configuration in force, the first time by starting every venue; one that fails is reported.

        Raises what redis-py raises, ValidationError when what is stored there is none of ours.
        """
        async with self._applying:
            present = await self._config.present()
            if self._stopped or present.revision == self.revision:
                return
            symbols = present.config.symbols
            self._silence = present.config.silence
            if self.revision < 0:
                await asyncio.gather(*(venue.start(symbols) for venue in self.venues))
                self.health.started()
            else:
                await asyncio.gather(*(venue.follow(symbols) for venue in self.venues))
            self.revision = self._service.config_revision = present.revision
            self._service.log.info("config_applied", revision=self.revision, symbols=list(symbols))

    async def stop(self) -> None:
        """Close all sockets, for good."""
        async with self._applying:
            self._stopped = True
            if self.pair is not None:
                self.pair.tell_gaps()
            await asyncio.gather(*(venue.stop() for venue in self.venues))
            if self.pair is not None:
                await self.pair.settle()

    async def release(self) -> None:
        """Let another process write the routes at once. Raises what redis-py raises."""
        if self.pair is not None:
            await self.pair.release()

    async def close(self) -> None:
        """Say what is lost, end the recording. The last thing to call."""
        self.output.close()
        if self.recorder is not None:
            await asyncio.to_thread(self.recorder.close)

    async def maintain(self) -> None:
        """Write what was noticed, trim the streams. Raises what redis-py raises, and loses nothing."""
        self.look()
        await self._write(self.health.waiting)
        for command in self.life.commands(at_once=self._stopped):
            await self._service.redis.execute_command(*command)
        await self._write(self.quarantine.waiting)
        await self._trim()

    def look(self) -> None:
        """Forget the routes that are no longer read, hold the venues against each other."""
        routes = [session.name for session in self.sessions]
        self.health.keep(routes)
        if self.pair is not None:
            self.pair.keep(routes)
        silent = self.life.look(self._silence)
        for session in self.sessions:
            session.suspect(silent.get(venue_of(session.name)))
        self._forget()

    def _forget(self) -> None:
        """Forget events so old that no venue tells them again: memory is bounded by time as well as by number."""
        now, seconds = self._clock.now(), max(REPEATED_SECONDS, self._parts.settings.backfill_seconds)
        if now - self._turned > seconds * NS:
            self._turned = now
            for venue in self.venues:
                venue.dedupe.turn()

    def _deliver(self, ingest: Ingest, found: Ingested) -> None:
        self._heard(ingest, found)
        self.output.deliver(ingest, found)

    def _heard(self, ingest: Ingest, found: Ingested) -> None:
        self.life.heard(ingest.instruments.venue, found.liquidations)

    def _life_changed(self) -> None:
        self.output.tick_soon()
        if self.pair is not None:
            self.pair.moved()

    def _new_pair(self) -> Pair:
        leases = Leases(self._service.redis, self._parts.settings.lease_seconds)
        return Pair(leases, self._clock, self.health.states, deliver=self.output.deliver, heard=self._heard)

    async def _write(self, waiting: deque[Command]) -> None:
        while waiting:
            command = waiting.popleft()
            try:
                await self._service.redis.execute_command(*command)
            except TROUBLE:
                waiting.appendleft(command)
                raise

    async def _trim(self) -> None:
        settings = self._parts.settings
        for partition in range(settings.partitions):
            trimmed = await trim(
                self._service.redis,
                keys.events(partition),
                now_ns=self._service.clock.now(),
                retention_ms=int(settings.retention_seconds * 1_000),
                guards=(keys.cursor("velocity", partition), keys.state("velocity", partition)),
                hard_cap=settings.retention_entries,
            )
            self.metrics.trimmed(trimmed.lost)

    def _venue(self, connector: Connector, earlier: Earlier) -> Venue:
        settings = self._parts.settings
        other = settings.endpoints.get(connector.venue)
        dedupe = Dedupe()
        dedupe.remember(earlier.keys(connector.venue))
        return Venue(
            connector,
            connector.endpoints if other is None else Endpoints(other.websocket, other.rest),
            clock=self._clock,
            open_socket=self._parts.reader(self._clock, self._flow),
            dedupe=dedupe,
            quarantine=self.quarantine,
            deliver=self._deliver,
            health=self.health,
            partitions=settings.partitions,
            tuning=Tuning(
                settings.rest_retry_seconds,
                settings.specs_refresh_seconds,
                settings.backfill_seconds,
                settings.decode_budget_ms_per_frame,
            ),
            recorder=self.recorder,
            pair=self.pair,
        )


def _recorder(settings: FeedsSettings, clock: Clock, metrics: FeedsMetrics) -> Recorder | None:
    if settings.record_dir is None:
        return None
    return Recorder(segments_of(settings, settings.record_dir), f"feeds:{settings.instance}", clock, metrics.recorded)
