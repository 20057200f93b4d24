"""All venues of one process with what they share."""

from __future__ import annotations

import asyncio

from foreshock_feeds.config import FeedsConfig
from foreshock_feeds.domain.assemble import Assembler
from foreshock_feeds.domain.dedupe import Dedupe
from foreshock_feeds.health import RouteHealth
from foreshock_feeds.metrics import FeedsMetrics
from foreshock_feeds.output import Output
from foreshock_feeds.quarantine import Quarantine
from foreshock_feeds.reader import OpenSocket, WebsocketsReader
from foreshock_feeds.resume import Earlier, look_back
from foreshock_feeds.settings import FeedsSettings
from foreshock_feeds.venue import Venue
from foreshock_model import keys
from foreshock_runtime.clock import Clock, FrameClock
from foreshock_runtime.control import Present
from foreshock_runtime.lifecycle import Service
from foreshock_runtime.settings import SettingsError
from foreshock_runtime.streams.trim import trim
from foreshock_runtime.streams.writer import PartitionWriter, next_epoch
from foreshock_sdk.connector import Connector, Endpoints
from foreshock_sdk.discovery import Plugins

BAD_FRAMES = "feeds:bad"
"""Stream with the newest frames that could not be understood."""
BAD_KEPT = 1_000


class Feeds:
    """Venues, the way out, and what is known of both. Made by `begin`."""

    def __init__(
        self, service: Service, settings: FeedsSettings, *, plugins: Plugins, writer: PartitionWriter, earlier: Earlier
    ) -> None:
        clock = service.clock if settings.clock == "system" else FrameClock()
        self.revision = -1
        self.symbols: tuple[str, ...] = ()
        self.plugins = plugins
        self.earlier = earlier
        self.health = RouteHealth(clock)
        self.quarantine = Quarantine(clock)
        self.metrics = FeedsMetrics(service.registry)
        self.output = Output(
            writer,
            Assembler(settings.partitions),
            self.health,
            clock=clock,
            metrics=self.metrics,
            gather_ms=settings.gather_ms,
            buffer_rows=settings.buffer_rows,
        )
        self._service = service
        self._settings = settings
        open_socket = _reader(settings, clock)
        self.venues = [self._venue(connector, open_socket, clock) for connector in _chosen(plugins, settings)]

    @classmethod
    async def begin(cls, service: Service, settings: FeedsSettings) -> Feeds:
        """Look at what an earlier run left and take a new epoch. Raises SettingsError, and what redis-py raises."""
        plugins = Plugins()
        for info in plugins.infos:
            if info.error:
                service.log.error("plugin_broken", plugin=info.name, reason=info.error)
        writer = f"feeds:{settings.instance}"
        earlier = await look_back(service.redis, writer, settings.partitions)
        epoch = await next_epoch(service.redis, writer)
        out = PartitionWriter(
            service.redis, partitions=settings.partitions, writer=writer, epoch=epoch, clock=service.clock
        )
        return cls(service, settings, plugins=plugins, writer=out, earlier=earlier)

    async def start(self, config: Present[FeedsConfig]) -> None:
        """Start every venue; one that fails is reported and the others run."""
        self.revision, self.symbols = config.revision, config.config.symbols
        await asyncio.gather(*(venue.start(self.symbols) for venue in self.venues))
        self._know_routes()
        if self.earlier.last_clock:
            for venue in self.venues:
                for socket in venue.sockets:
                    self.health.resume(socket.session.name, self.earlier.last_clock)

    async def apply(self, config: Present[FeedsConfig]) -> None:
        """Follow a changed configuration."""
        if config.revision == self.revision:
            return
        self.revision, self.symbols = config.revision, config.config.symbols
        self._service.log.info("config_applied", revision=self.revision, symbols=list(self.symbols))
        for venue in self.venues:
            await venue.follow(self.symbols)
        self._know_routes()

    async def stop(self) -> None:
        """Close all sockets."""
        await asyncio.gather(*(venue.stop() for venue in self.venues))

    async def maintain(self) -> None:
        """Write what was noticed, trim the streams, set the gauges. Raises what redis-py raises."""
        redis = self._service.redis
        for command in self.health.take():
            await redis.execute_command(*command)
        for bad in self.quarantine.take():
            row = "" if bad.row is None else bad.row
            fields = ("route", bad.route, "ts", bad.ts, "row", row, "reason", bad.reason, "frame", bad.frame)
            await redis.execute_command("XADD", BAD_FRAMES, "MAXLEN", "~", BAD_KEPT, "*", *fields)
        for venue in self.venues:
            self.metrics.duplicates(venue.connector.venue, venue.dedupe.dropped)
            for socket in venue.sockets:
                session = socket.session
                self.metrics.route(session.name, session.frames_seen, session.faults, session.state)
        await self._trim()

    def _know_routes(self) -> None:
        self.health.know([socket.session.name for venue in self.venues for socket in venue.sockets])

    async def _trim(self) -> None:
        for partition in range(self._settings.partitions):
            trimmed = await trim(
                self._service.redis,
                keys.events(partition),
                now_ns=self._service.clock.now(),
                retention_ms=int(self._settings.retention_seconds * 1_000),
                guards=(keys.cursor("velocity", partition), keys.state("velocity", partition)),
                hard_cap=self._settings.retention_entries,
            )
            self.metrics.trimmed(trimmed.lost)

    def _venue(self, connector: Connector, open_socket: OpenSocket, clock: Clock) -> Venue:
        other = self._settings.endpoints.get(connector.venue)
        dedupe = Dedupe()
        dedupe.remember(self.earlier.keys)
        return Venue(
            connector,
            connector.endpoints if other is None else Endpoints(other.websocket, other.rest),
            clock=clock,
            open_socket=open_socket,
            dedupe=dedupe,
            quarantine=self.quarantine,
            deliver=self.output.deliver,
            changed=self.health.changed,
            partitions=self._settings.partitions,
        )


def _chosen(plugins: Plugins, settings: FeedsSettings) -> list[Connector]:
    installed = sorted(plugins.connectors)
    for field, names in (("venues", settings.venues), ("endpoints", tuple(settings.endpoints))):
        unknown = [name for name in names if name not in plugins.connectors]
        if unknown:
            raise SettingsError(f"{field}: {unknown[0]!r} is not installed; there are {', '.join(installed)}")
    return [plugins.connectors[name] for name in settings.venues or installed]


def _reader(settings: FeedsSettings, clock: Clock) -> OpenSocket:
    if settings.reader == "websockets":
        return WebsocketsReader(clock)
    try:
        from foreshock_feeds.fast_reader import PicowsReader  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise SettingsError(
            "reader: 'picows' is not installed; it comes with the extra foreshock-feeds[fast]"
        ) from error
    return PicowsReader(clock)
