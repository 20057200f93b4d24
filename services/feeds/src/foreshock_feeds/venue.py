"""One venue at work: its contracts, its ingest, its sockets. A failure stays within."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from foreshock_feeds.backfill import Backfill
from foreshock_feeds.domain.attempts import AttemptLimit
from foreshock_feeds.domain.ingest import Ingest
from foreshock_feeds.domain.offset import ClockOffset, Offset
from foreshock_feeds.domain.recording import ContractsData
from foreshock_feeds.domain.route_state import RouteChange, RouteInput
from foreshock_feeds.health import RouteHealth
from foreshock_feeds.pair import Outlet, Pair
from foreshock_feeds.polling import polling
from foreshock_feeds.quarantine import Quarantine
from foreshock_feeds.reader import OpenSocket
from foreshock_feeds.recorder import Recorder
from foreshock_feeds.rest import VenueRest
from foreshock_feeds.session import Deliver, RouteSession
from foreshock_feeds.socket import RouteSocket
from foreshock_feeds.specs import Contracts
from foreshock_model.dedupe import Dedupe
from foreshock_runtime.backoff import Backoff
from foreshock_runtime.clock import Clock
from foreshock_runtime.log import get_logger
from foreshock_sdk.connector import Connector, Endpoints, Purpose, Route

RETRY_CAP_SECONDS = 300.0
log = get_logger("feeds")


class Tuning(NamedTuple):
    """What an operator sets for every venue.

    retry_seconds     how soon a REST that did not list its contracts is asked again
    refresh_seconds   how often it is asked for them anyway
    backfill_seconds  how much of a gap's end is asked for
    decode_budget_ms  time that a decoder may take for a frame, on average
    chance            spreads attempts: numbers over [0, 1)
    """

    retry_seconds: float = 5.0
    refresh_seconds: float = 300.0
    backfill_seconds: float = 3_600.0
    decode_budget_ms: float = 5.0
    chance: Callable[[], float] = random.random


class Venue:
    """Runs the routes of one connector. Call `start`, then `follow` to change the symbols, `stop` at the end.

    failure: why the plugin could not describe its routes; those opened before go on.
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
        tuning: Tuning | None = None,
        recorder: Recorder | None = None,
        pair: Pair | None = None,
    ) -> None:
        self.connector = connector
        self.dedupe = dedupe
        self.contracts: Contracts | None = None
        self.ingest: Ingest | None = None
        self.sockets: list[RouteSocket] = []
        self.failure: str | None = None
        self.rest = VenueRest(connector.venue, connector.limits.rest_per_second)
        self.backfill: Backfill | None = None
        self._offset = ClockOffset()
        self._endpoints = endpoints
        self._clock = clock
        self._open_socket = open_socket
        self._quarantine = quarantine
        self._deliver = deliver
        self._health = health
        self._partitions = partitions
        self._tuning = tuning or Tuning()
        self._recorder = recorder
        self._pair = pair
        self._connects = AttemptLimit(connector.limits.connects, connector.limits.connects_per)
        self._symbols: tuple[str, ...] = ()
        self._tasks: dict[RouteSocket, asyncio.Task[None]] = {}
        self._keeper: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()

    @property
    def clock_offset(self) -> Offset | None:
        """How far the venue's clock is behind ours; None while no frame told when it was pushed."""
        return self._offset.present(self._clock.now())

    @property
    def refusals(self) -> int:
        """How often the venue said, on REST or a handshake, that we ask too much."""
        return self.rest.refusals + sum(socket.refused for socket in self.sockets)

    async def start(self, symbols: Sequence[str]) -> None:
        """Load the contracts and open the routes."""
        try:
            self.contracts = Contracts(self.connector, self._endpoints, self.rest)
        except Exception as error:  # noqa: BLE001 - a plugin is foreign code: its failure is its own
            self._fail(error)
            return
        self.ingest = Ingest(
            self.contracts.table,
            partitions=self._partitions,
            dedupe=self.dedupe,
            versions=self.contracts.versions,
        )
        self.backfill = self._new_backfill(self.ingest)
        await self.contracts.learn()
        await self.follow(symbols)
        self._keeper = asyncio.create_task(self._keep_contracts(self.contracts))

    async def follow(self, symbols: Sequence[str]) -> None:
        """Read these underlying markets; a socket that needs other channels goes on until another has them."""
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
        if self.backfill is not None:
            await self.backfill.stop()

    async def _follow(self, contracts: Contracts, ingest: Ingest) -> None:
        routes = tuple(self.connector.routes(contracts.listed, self._symbols, self._endpoints))
        running = {_identity(socket.session.route): socket for socket in self.sockets}
        sockets = [self._socket_of(route, running.get(_identity(route)), ingest) for route in routes]
        ingest.track(frozenset(self._symbols))
        self._note(contracts)
        await self._close([socket for socket in self.sockets if socket not in sockets])
        self.sockets = sockets
        for socket in sockets:
            if socket not in self._tasks:
                self._health.opened(socket.session.name, socket.session.route.purpose)
                self._tasks[socket] = asyncio.create_task(socket.run())

    async def _close(self, sockets: Sequence[RouteSocket]) -> None:
        tasks = [self._tasks.pop(socket) for socket in sockets if socket in self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for socket in sockets:
            socket.session.happened(RouteInput.CLOSED, "no longer read")

    async def _keep_contracts(self, contracts: Contracts) -> None:
        first = self._tuning.retry_seconds
        backoff = Backoff(first=first, cap=max(first, RETRY_CAP_SECONDS))
        while True:
            if contracts.source.kind == "rest":
                await asyncio.sleep(self._tuning.refresh_seconds)
            else:
                await backoff.wait()
            if await contracts.learn():
                await self.follow(self._symbols)
            self._note(contracts)  # what came of an answer that was not whole is used too

    def _note(self, contracts: Contracts) -> None:
        if self._recorder is not None:
            told = ContractsData(
                self.connector.venue, tuple(contracts.table.specs), self._symbols, dict(contracts.versions)
            )
            self._recorder.contracts(told)

    def _socket_of(self, route: Route, running: RouteSocket | None, ingest: Ingest) -> RouteSocket:
        if running is None or (running.session.route != route and self._ended(running)):
            return self._socket(route, ingest)
        if running.session.route != route:
            running.change(route)
        return running

    def _ended(self, socket: RouteSocket) -> bool:
        return socket not in self._tasks or self._tasks[socket].done()

    def _socket(self, route: Route, ingest: Ingest) -> RouteSocket:
        outlet = self._outlet(f"{self.connector.venue}/{route.name}", ingest)
        session = RouteSession(
            self.connector,
            route,
            ingest,
            clock=self._clock,
            quarantine=self._quarantine,
            deliver=outlet.deliver,
            changed=lambda change: self._changed(session, change),
            offset=self._offset,
            decode_budget_ms=self._tuning.decode_budget_ms,
            last_good=self._health.resumed_from,
            lane=outlet.lane,
        )
        return RouteSocket(
            session,
            self._opening,
            connects=self._connects,
            limits=self.connector.limits,
            chance=self._tuning.chance,
        )

    def _opening(self, name: str, route: Route) -> OpenSocket:
        opening = polling(self._open_socket, route, self.rest, self._clock) if route.polls else self._open_socket
        return opening if self._recorder is None else self._recorder.around(name, route, opening)

    def _changed(self, session: RouteSession, change: RouteChange) -> None:
        gap = self._health.changed(change)
        if gap is None or self.backfill is None:
            return
        if self._pair is None:
            self.backfill.begin(session.route, gap)
        else:
            self._pair.missed(gap, partial(self.backfill.begin, session.route))

    def _outlet(self, name: str, ingest: Ingest) -> Outlet:
        return Outlet(self._deliver) if self._pair is None else self._pair.outlet(name, ingest)

    def _new_backfill(self, ingest: Ingest) -> Backfill:
        return Backfill(
            self.connector,
            self._endpoints,
            self.rest,
            ingest=ingest,
            outlet=lambda route: self._outlet(route, ingest),
            health=self._health,
            quarantine=self._quarantine,
            clock=self._clock,
            longest_seconds=self._tuning.backfill_seconds,
            recorder=self._recorder,
        )

    def _fail(self, error: Exception) -> None:
        self.failure = f"{type(error).__name__}: {error}"
        log.error("venue_failed", venue=self.connector.venue, reason=self.failure)


def _identity(route: Route) -> tuple[str, Purpose]:
    return route.name, route.purpose
