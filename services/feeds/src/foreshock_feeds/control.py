"""Control of feeds over gRPC."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, ClassVar

from foreshock_feeds.config import FeedsConfig
from foreshock_feeds.feeds import Feeds
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
        venues = self._feeds.venues
        return control_pb2.GetStatusResponse(
            status=service_status(self._service, counters=self._counters(), problems=self._problems()),
            routes=[route for venue in venues for route in _routes(venue)],
            venues=[_venue(venue) for venue in venues],
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
            found += [f"route {each.name}: {reason}" for reason in (each.failure, each.refusal) if reason]
        silent = self._service.health.seconds_since_good()
        if silent > SILENT_SECONDS:
            found.append(f"Redis has not answered for {silent:.0f} s; {feeds.output.waiting} rows wait")
        return found


def _routes(venue: Venue) -> list[Any]:
    return [
        control_pb2.Route(
            name=socket.session.name,
            state=socket.session.state.value,
            frames=socket.session.frames_seen,
            faults=socket.session.faults,
            reconnects=socket.reconnects,
            channels=socket.session.route.channels,
        )
        for socket in venue.sockets
    ]


def _venue(venue: Venue) -> Any:
    source = venue.contracts.source if venue.contracts else None
    return control_pb2.Venue(
        name=venue.connector.venue,
        specs=source.kind if source else "",
        specs_checked=source.checked if source else "",
        contracts=source.contracts if source else 0,
        duplicates=venue.dedupe.dropped,
        failure=venue.failure or "",
    )
