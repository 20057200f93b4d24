"""All venues of one process with what they share."""

from __future__ import annotations

import asyncio
from collections import deque

from foreshock_feeds.config import FeedsConfig
from foreshock_feeds.domain.assemble import Assembler
from foreshock_feeds.domain.dedupe import Dedupe
from foreshock_feeds.flow import Flow
from foreshock_feeds.health import Command, RouteHealth, delay_ms
from foreshock_feeds.metrics import FeedsMetrics
from foreshock_feeds.output import Output
from foreshock_feeds.parts import Parts
from foreshock_feeds.quarantine import Quarantine
from foreshock_feeds.resume import Earlier, look_back
from foreshock_feeds.session import RouteSession
from foreshock_feeds.venue import Venue
from foreshock_model import keys
from foreshock_runtime.clock import FrameClock
from foreshock_runtime.connection import TROUBLE
from foreshock_runtime.control import ConfigControl
from foreshock_runtime.lifecycle import Service
from foreshock_runtime.streams.trim import trim
from foreshock_runtime.streams.writer import PartitionWriter, next_epoch
from foreshock_sdk.connector import Connector, Endpoints


class Feeds:
    """Venues, the way out, and what is known of both. Made by `begin`."""

    def __init__(
        self,
        service: Service,
        parts: Parts,
        config: ConfigControl[FeedsConfig],
        *,
        writer: PartitionWriter,
        earlier: Earlier,
    ) -> None:
        settings = parts.settings
        self.revision = -1
        self.plugins = parts.plugins
        self._clock = service.clock if settings.clock == "system" else FrameClock()
        delays = {connector.venue: delay_ms(connector.throttle) for connector in parts.connectors}
        self.health = RouteHealth(self._clock, earlier.last_clock, delays)
        self.quarantine = Quarantine(self._clock)
        self.metrics = FeedsMetrics(service.metrics)
        self._flow = Flow()
        self.output = Output(
            writer,
            Assembler(settings.partitions),
            self.health,
            clock=self._clock,
            metrics=self.metrics,
            flow=self._flow,
            gather_ms=settings.gather_ms,
            buffer_rows=settings.buffer_rows,
        )
        self._service = service
        self._parts = parts
        self._config = config
        self._applying = asyncio.Lock()
        self._stopped = False
        self.venues = [self._venue(connector, earlier) for connector in parts.connectors]

    @classmethod
    async def begin(cls, service: Service, parts: Parts, config: ConfigControl[FeedsConfig]) -> Feeds:
        """Look at what an earlier run left and take a new epoch. Raises what redis-py raises."""
        settings = parts.settings
        writer = f"feeds:{settings.instance}"
        earlier = await look_back(service.redis, writer, settings.partitions)
        epoch = await next_epoch(service.redis, writer)
        out = PartitionWriter(service.redis, partitions=settings.partitions, writer=writer, epoch=epoch)
        return cls(service, parts, config, writer=out, earlier=earlier)

    @property
    def sessions(self) -> list[RouteSession]:
        """The routes' sessions."""
        return [socket.session for venue in self.venues for socket in venue.sockets]

    async def apply(self) -> None:
        """Follow the configuration in force, the first time by starting every venue; one that fails is reported.

        Raises what redis-py raises, ValidationError when what is stored there is none of ours.
        """
        async with self._applying:
            present = await self._config.present()
            if self._stopped or present.revision == self.revision:
                return
            symbols = present.config.symbols
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
            await asyncio.gather(*(venue.stop() for venue in self.venues))

    async def maintain(self) -> None:
        """Write what was noticed, trim the streams. Raises what redis-py raises, and loses nothing."""
        self.health.keep(session.name for session in self.sessions)
        await self._write(self.health.waiting)
        await self._write(self.quarantine.waiting)
        await self._trim()

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
            deliver=self.output.deliver,
            health=self.health,
            partitions=settings.partitions,
            retry_seconds=settings.rest_retry_seconds,
        )
