"""Control of feeds over gRPC."""

from __future__ import annotations

from typing import Any, ClassVar

from foreshock_feeds.config import FeedsConfig
from foreshock_feeds.feeds import Feeds
from foreshock_feeds.venue import Venue
from foreshock_protos.common.v1 import common_pb2
from foreshock_protos.feeds.v1 import control_pb2, control_pb2_grpc
from foreshock_runtime.control import ConfigControl
from foreshock_runtime.lifecycle import Service


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
        await self._feeds.apply(await self._config.present())
        self._service.config_revision = self._feeds.revision
        return response

    async def GetStatus(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Return how the service fares."""
        del request, context
        feeds = self._feeds
        status = common_pb2.ServiceStatus(
            service="feeds",
            instance=self._service.settings.instance,
            version=self._service.heartbeat().version,
            serving=self._service.serving,
            config_revision=max(feeds.revision, 0),
            counters={
                "gaps": feeds.health.gaps,
                "rows_dropped": feeds.metrics.dropped_total,
                "bad_frames": feeds.quarantine.counts.total(),
                "duplicates_dropped": sum(venue.dedupe.dropped for venue in feeds.venues),
                "clamped": sum(venue.ingest.clamped for venue in feeds.venues if venue.ingest),
            },
            problems=[
                *(f"plugin {info.name}: {info.error}" for info in feeds.plugins.infos if info.error),
                *(f"venue {venue.connector.venue}: {venue.failure}" for venue in feeds.venues if venue.failure),
            ],
        )
        return control_pb2.GetStatusResponse(
            status=status,
            routes=[route for venue in feeds.venues for route in _routes(venue)],
            venues=[_venue(venue) for venue in feeds.venues],
        )


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
    return control_pb2.Venue(
        name=venue.connector.venue,
        specs=venue.source.kind if venue.source else "",
        specs_checked=venue.source.checked if venue.source else "",
        contracts=venue.source.contracts if venue.source else 0,
        duplicates=venue.dedupe.dropped,
        failure=venue.failure or "",
    )
