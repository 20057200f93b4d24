"""Control of feeds over gRPC."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, ClassVar

from foreshock_feeds.config import FeedsConfig
from foreshock_feeds.feeds import Feeds
from foreshock_feeds.life import Life
from foreshock_feeds.pair import Pair
from foreshock_feeds.session import RouteSession
from foreshock_feeds.venue import Venue
from foreshock_protos.feeds.v1 import control_pb2, control_pb2_grpc
from foreshock_runtime.connection import TROUBLE
from foreshock_runtime.control import ConfigControl
from foreshock_runtime.lifecycle import Service
from foreshock_runtime.partitions import SILENT_SECONDS
from foreshock_runtime.service_status import service_status


class FeedsControl(control_pb2_grpc.FeedsControlServiceServicer):
    """Answers `foreshock.feeds.v1.FeedsControlService`."""

    NAME: ClassVar[str] = "foreshock.feeds.v1.FeedsControlService"

    def __init__(self, service: Service, feeds: Feeds, config: ConfigControl[FeedsConfig]) -> None:
        self._service = service
        self._feeds = feeds
        self._config = config

    def add(self, server: Any) -> None:
        """Add this service to a gRPC server."""
        control_pb2_grpc.add_FeedsControlServiceServicer_to_server(self, server)

    async def GetConfig(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name in the proto
        """Return the configuration in force."""
        del request
        return await self._config.get(control_pb2.GetConfigResponse(), context)

    async def UpdateConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Change the configuration and follow it at once."""
        response = await self._config.update(request, control_pb2.UpdateConfigResponse(), context)
        with suppress(*TROUBLE):  # it is stored; maintenance tries again
            await self._feeds.apply()
        return response

    async def GetStatus(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Return how the service fares."""
        del request, context
        venues, life = self._feeds.venues, self._feeds.life
        sight = life.sight()
        return control_pb2.GetStatusResponse(
            status=service_status(self._service, counters=self._counters(), problems=self._problems()),
            routes=[route for venue in venues for route in _routes(venue, life, self._feeds.pair)],
            venues=[_venue(venue, life) for venue in venues],
            coverage=sight.coverage,
            coverage_possible=sight.possible,
        )

    def _counters(self) -> dict[str, int]:
        feeds = self._feeds
        ingests = [venue.ingest for venue in feeds.venues if venue.ingest]
        return {
            "gaps": feeds.health.gaps,
            "rows_waiting": feeds.output.waiting,
            "rows_dropped": feeds.metrics.dropped_total,
            "bad_frames": feeds.quarantine.counts.total(),
            "duplicates_dropped": sum(venue.dedupe.dropped for venue in feeds.venues),
            "clamped": sum(ingest.clamped for ingest in ingests),
            "unpriced": sum(ingest.unpriced for ingest in ingests),
            "takeovers": feeds.pair.takeovers if feeds.pair else 0,
        }

    def _problems(self) -> list[str]:
        feeds = self._feeds
        found = [f"plugin {info.name}: {info.error}" for info in feeds.plugins.infos if info.error]
        for venue in feeds.venues:
            name = venue.connector.venue
            if venue.failure:
                found.append(f"venue {name}: {venue.failure}")
            if venue.contracts and venue.contracts.source.kind == "packaged":
                found.append(f"venue {name}: packaged contract values are used: {venue.contracts.source.reason}")
        for each in feeds.sessions:
            known = [reason for reason in (each.failure, each.refusal, each.outage) if reason]
            dark = None if known else feeds.life.darkness(each.name)
            found += [f"route {each.name}: {reason}" for reason in (*known, *([dark] if dark else ()))]
        found += [f"venue {venue}: {reason}" for venue, reason in sorted(feeds.life.silence.silent.items())]
        silent = self._service.health.seconds_since_good()
        if silent > SILENT_SECONDS:
            kept = f"{feeds.output.entries} entries wait in memory, {feeds.output.spilled} bytes on disk"
            found.append(f"Redis has not answered for {silent:.0f} s; {kept}")
        return found


def _routes(venue: Venue, life: Life, pair: Pair | None) -> list[Any]:
    return [
        control_pb2.Route(
            name=socket.session.name,
            state=socket.session.state.value,
            frames=socket.session.frames_seen,
            faults=socket.session.faults,
            reconnects=socket.reconnects,
            channels=socket.session.route.channels,
            purpose=socket.session.route.purpose.value,
            canary_age=life.age(socket.session.last_good),
            rotations=socket.rotations,
            replayed=socket.session.replayed,
            held=pair is None or pair.writes(socket.session.name),
            kept_rows=pair.kept(socket.session.name) if pair else 0,
            **_why(socket.session, life),
        )
        for socket in venue.sockets
    ]


def _why(session: RouteSession, life: Life) -> dict[str, Any]:
    """Return why a route is in its state; what keeps it from a connection, where it has none."""
    told = life.why(session.name)
    return told | {"reason": session.outage} if session.outage else told


def _venue(venue: Venue, life: Life) -> Any:
    name = venue.connector.venue
    source = venue.contracts.source if venue.contracts else None
    return control_pb2.Venue(
        name=name,
        specs=source.kind if source else "",
        specs_checked=source.checked if source else "",
        contracts=source.contracts if source else 0,
        duplicates=venue.dedupe.dropped,
        failure=venue.failure or "",
        silence=life.silence.silent.get(name, ""),
        spec_version=venue.contracts.version if venue.contracts else 0,
        backfilled=venue.backfill.rows if venue.backfill else 0,
        refusals=venue.refusals,
        **_clock(venue),
        **life.seen(name),
    )


def _clock(venue: Venue) -> dict[str, Any]:
    found = venue.clock_offset
    return {} if found is None else {"clock_offset": found.offset / 1e9, "clock_spread": found.spread / 1e9}
