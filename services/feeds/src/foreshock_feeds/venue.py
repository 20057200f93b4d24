"""One venue at work: its contracts, its ingest, its sockets. A failure stays within."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from foreshock_feeds.domain.attempts import AttemptLimit
from foreshock_feeds.domain.dedupe import Dedupe
from foreshock_feeds.domain.ingest import Ingest
from foreshock_feeds.domain.route_state import RouteInput
from foreshock_feeds.health import RouteHealth
from foreshock_feeds.quarantine import Quarantine
from foreshock_feeds.reader import OpenSocket
from foreshock_feeds.session import Deliver, RouteSession
from foreshock_feeds.socket import RouteSocket
from foreshock_feeds.specs import Contracts
from foreshock_runtime.backoff import Backoff
from foreshock_runtime.clock import Clock
from foreshock_runtime.log import get_logger
from foreshock_sdk.connector import Connector, Endpoints, Route

REFRESH_SECONDS = 3_600.0
"""New contracts are listed on most days."""
RETRY_CAP_SECONDS = 300.0
log = get_logger("feeds")


class Venue:
    """Runs the routes of one connector. Call `start`, then `follow` to change the symbols, `stop` at the end.

    failure: why the plugin could not describe its routes; those opened before go on. retry_seconds: how soon a REST
    that did not answer is asked again.
    """

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
        health: RouteHealth,
        partitions: int,
        retry_seconds: float = 5.0,
    ) -> None:
        self.connector = connector
        self.dedupe = dedupe
        self.contracts: Contracts | None = None
        self.ingest: Ingest | None = None
        self.sockets: list[RouteSocket] = []
        self.failure: str | None = None
        self._endpoints = endpoints
        self._clock = clock
        self._open_socket = open_socket
        self._quarantine = quarantine
        self._deliver = deliver
        self._health = health
        self._partitions = partitions
        self._retry_seconds = retry_seconds
        self._connects = AttemptLimit(connector.limits.connects, connector.limits.connects_per)
        self._symbols: tuple[str, ...] = ()
        self._tasks: dict[RouteSocket, asyncio.Task[None]] = {}
        self._keeper: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()

    async def start(self, symbols: Sequence[str]) -> None:
        """Load the contracts and open the routes."""
        try:
            self.contracts = Contracts(self.connector, self._endpoints)
        except Exception as error:  # noqa: BLE001 - a plugin is foreign code: its failure is its own
            self._fail(error)
            return
        self.ingest = Ingest(self.contracts.table, partitions=self._partitions, dedupe=self.dedupe)
        await self.contracts.learn()
        await self.follow(symbols)
        self._keeper = asyncio.create_task(self._keep_contracts(self.contracts))

    async def follow(self, symbols: Sequence[str]) -> None:
        """Read these underlying markets; only sockets that need other channels are closed or opened."""
        async with self._changing:
            self._symbols = tuple(symbols)
            if self.contracts is None or self.ingest is None:
                return
            try:
                await self._follow(self.contracts, self.ingest)
                self.failure = None
            except Exception as error:  # noqa: BLE001 - likewise
                self._fail(error)

    async def stop(self) -> None:
        """Close the sockets."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        async with self._changing:
            await self._close(self.sockets)

    async def _follow(self, contracts: Contracts, ingest: Ingest) -> None:
        routes = tuple(self.connector.routes(contracts.listed, self._symbols, self._endpoints))
        running = {socket.session.route: socket for socket in self.sockets}
        sockets = [running.get(route) or self._socket(route, ingest) for route in routes]
        ingest.track(frozenset(self._symbols))
        await self._close([socket for socket in self.sockets if socket not in sockets])
        self.sockets = sockets
        for socket in sockets:
            if socket not in self._tasks:
                self._health.opened(socket.session.name)
                self._tasks[socket] = asyncio.create_task(socket.run())

    async def _close(self, sockets: Sequence[RouteSocket]) -> None:
        tasks = [self._tasks.pop(socket) for socket in sockets if socket in self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for socket in sockets:
            socket.session.happened(RouteInput.CLOSED, "no longer read")

    async def _keep_contracts(self, contracts: Contracts) -> None:
        backoff = Backoff(first=self._retry_seconds, cap=max(self._retry_seconds, RETRY_CAP_SECONDS))
        while True:
            if contracts.source.kind == "rest":
                await asyncio.sleep(REFRESH_SECONDS)
            else:
                await backoff.wait()
            if await contracts.learn():
                await self.follow(self._symbols)

    def _socket(self, route: Route, ingest: Ingest) -> RouteSocket:
        session = RouteSession(
            self.connector,
            route,
            ingest,
            clock=self._clock,
            quarantine=self._quarantine,
            deliver=self._deliver,
            changed=self._health.changed,
        )
        return RouteSocket(session, self._open_socket, connects=self._connects, limits=self.connector.limits)

    def _fail(self, error: Exception) -> None:
        self.failure = f"{type(error).__name__}: {error}"
        log.error("venue_failed", venue=self.connector.venue, reason=self.failure)
