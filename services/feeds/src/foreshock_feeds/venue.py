"""One venue at work: its contracts, its ingest, its sockets. A failure stays within."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from foreshock_feeds.domain.dedupe import Dedupe
from foreshock_feeds.domain.ingest import Ingest
from foreshock_feeds.domain.route_state import RouteInput
from foreshock_feeds.quarantine import Quarantine
from foreshock_feeds.reader import OpenSocket
from foreshock_feeds.session import Deliver, RouteSession, StateChange
from foreshock_feeds.socket import RouteSocket
from foreshock_feeds.specs import SpecSource, load_specs
from foreshock_runtime.clock import Clock
from foreshock_runtime.log import get_logger
from foreshock_sdk.connector import Connector, Endpoints, Route

log = get_logger("feeds")


class Venue:
    """Runs the routes of one connector. Call `start`, then `follow` to change the symbols, `stop` at the end."""

    def __init__(  # noqa: PLR0913 - what it works with, by name
        self,
        connector: Connector,
        endpoints: Endpoints,
        *,
        clock: Clock,
        open_socket: OpenSocket,
        dedupe: Dedupe,
        quarantine: Quarantine,
        deliver: Deliver,
        changed: StateChange,
        partitions: int,
    ) -> None:
        self.connector = connector
        self.dedupe = dedupe
        self.ingest: Ingest | None = None
        self.source: SpecSource | None = None
        self.sockets: list[RouteSocket] = []
        self.failure: str | None = None
        self._endpoints = endpoints
        self._clock = clock
        self._open_socket = open_socket
        self._quarantine = quarantine
        self._deliver = deliver
        self._changed = changed
        self._partitions = partitions
        self._routes: tuple[Route, ...] = ()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, symbols: Sequence[str]) -> None:
        """Load the contracts and open the routes."""
        try:
            instruments, self.source = await load_specs(self.connector, self._endpoints)
            self.ingest = Ingest(instruments, partitions=self._partitions, dedupe=self.dedupe)
            await self.follow(symbols)
        except Exception as error:  # noqa: BLE001 - a plugin is foreign code: its failure is its own
            self._fail(error)

    async def follow(self, symbols: Sequence[str]) -> None:
        """Read these underlying markets; sockets are opened anew only when other channels are needed."""
        if self.ingest is None or self.failure:
            return
        routes = tuple(self.connector.routes(self.ingest.instruments, symbols, self._endpoints))
        self.ingest.track(frozenset(symbols))
        if routes == self._routes:
            return
        await self.stop()
        self._routes = routes
        self.sockets = [RouteSocket(self._session(route, self.ingest), self._open_socket) for route in routes]
        self._tasks = [asyncio.create_task(self._guard(socket)) for socket in self.sockets]

    async def stop(self) -> None:
        """Close the sockets."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def _session(self, route: Route, ingest: Ingest) -> RouteSession:
        return RouteSession(
            self.connector,
            route,
            ingest,
            clock=self._clock,
            quarantine=self._quarantine,
            deliver=self._deliver,
            changed=self._changed,
        )

    async def _guard(self, socket: RouteSocket) -> None:
        try:
            await socket.run()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # a decoder is foreign code: its route ends, the others go on
            log.exception("route_failed", route=socket.session.name)
            socket.session.happened(RouteInput.FAILED, f"{type(error).__name__}: {error}")

    def _fail(self, error: Exception) -> None:
        self.failure = f"{type(error).__name__}: {error}"
        log.error("venue_failed", venue=self.connector.venue, reason=self.failure)
