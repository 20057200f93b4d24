"""Several feeds processes read the same venues: each route is written by the one that holds its lease."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from foreshock_feeds.domain.holding import Holding, gap_since
from foreshock_feeds.domain.ingest import Ingest, Ingested
from foreshock_feeds.domain.route_state import RouteState
from foreshock_feeds.health import READ, Gap
from foreshock_feeds.session import Deliver
from foreshock_model import keys
from foreshock_runtime.backoff import wait_for_event
from foreshock_runtime.clock import Clock, monotonic_ns
from foreshock_runtime.connection import TROUBLE
from foreshock_runtime.log import get_logger
from foreshock_runtime.streams.leases import Leases
from foreshock_sdk.identity import seed_of

log = get_logger("feeds")


class Outlet(NamedTuple):
    """Where a route's rows go. lane: rows of other lanes are no repeats of its own, see `Ingest.rows`."""

    deliver: Deliver
    lane: int = 0


class _Missed(NamedTuple):
    """A gap that is one of the streams' unless another process wrote the route. since: of the steady clock, ns."""

    gap: Gap
    begin: Callable[[Gap], None]
    since: int


class Pair:
    """The routes of this process: which of them it writes, and what it keeps of the others.

    states: of the routes, by name (venue/name). deliver takes what is written, heard all that comes.
    """

    def __init__(
        self, leases: Leases, clock: Clock, states: Mapping[str, RouteState], *, deliver: Deliver, heard: Deliver
    ) -> None:
        self.routes: dict[str, Holding] = {}
        self.takeovers = 0
        self._leases = leases
        self._clock = clock
        self._states = states
        self._deliver = deliver
        self._heard = heard
        self._ttl = int(leases.ttl * 1e9)
        self._missed: dict[str, list[_Missed]] = {}
        self._read: set[str] = set()
        self._wake = asyncio.Event()

    def outlet(self, route: str, ingest: Ingest) -> Outlet:
        """Return where the rows of a route (venue/name) go; from now on its lease is asked for."""
        holding = self.routes.get(route)
        if holding is None:
            write = partial(self._deliver, ingest)
            holding = self.routes[route] = Holding(write, self._ttl, monotonic_ns())

        def deliver(ingest: Ingest, found: Ingested) -> None:
            self._heard(ingest, found)
            holding.take(found, self._clock.now(), monotonic_ns())

        # Where one process writes a route and another the next, a repeat on the other route is no repeat.
        return Outlet(deliver, seed_of(*route.split("/", 1)))

    def writes(self, route: str) -> bool:
        """Tell whether this process writes a route."""
        holding = self.routes.get(route)
        return holding is not None and holding.writes(monotonic_ns())

    def kept(self, route: str) -> int:
        """Return how many rows of a route are kept."""
        holding = self.routes.get(route)
        return holding.kept.rows if holding else 0

    @property
    def dropped(self) -> tuple[int, int]:
        """Rows (context, liquidations) of the present routes that there was no room to keep."""
        counts = [holding.kept.dropped for holding in self.routes.values()]
        return sum(context for context, _ in counts), sum(liquidations for _, liquidations in counts)

    def moved(self) -> None:
        """Say that a route changed its state."""
        self._wake.set()

    def missed(self, gap: Gap, begin: Callable[[Gap], None]) -> None:
        """Take a gap of this process's socket; begin is called with it once it is known that no other wrote then."""
        self._missed.setdefault(gap.route, []).append(_Missed(gap, begin, monotonic_ns()))
        self._wake.set()

    def keep(self, routes: Iterable[str]) -> None:
        """Forget what is read no longer: all routes but these and new ones. Their leases run out."""
        wanted = set(routes)
        for route in self._read - wanted:
            self.routes.pop(route, None)
            self._missed.pop(route, None)
        self._read = wanted

    async def run(self) -> None:
        """Hold leases for ever; to be cancelled."""
        while True:
            self._wake.clear()
            await self._round()
            await wait_for_event(self._wake, self._leases.ttl / 8)

    def tell_gaps(self) -> None:
        """Take every gap for one of the streams': it will not be known any more."""
        for missed in [each for all_ in self._missed.values() for each in all_]:
            missed.begin(missed.gap)
        self._missed.clear()

    async def settle(self) -> None:
        """Ask once more for what is kept, so that it goes out if nobody else has it; the sockets are closed."""
        await self._ask([route for route, holding in self.routes.items() if not holding.held and holding.kept.rows])

    async def release(self) -> None:
        """Give up every lease, so that another takes over at once. Raises what redis-py raises."""
        await self._give_up([route for route, holding in self.routes.items() if holding.held])

    async def _round(self) -> None:
        steady = monotonic_ns()
        await self._yield([r for r, each in self.routes.items() if each.yields(good=self._good(r))])
        due = [route for route, each in self.routes.items() if each.renews(steady)]
        lost = await self._renew(due)
        tries = [route for route, each in self.routes.items() if each.tries(steady, good=self._good(route))]
        await self._ask([*lost, *(route for route in tries if route not in lost)])

    def _good(self, route: str) -> bool:
        return self._states.get(route) in READ

    async def _yield(self, routes: Sequence[str]) -> None:
        try:
            await self._give_up(routes)
        except TROUBLE as error:
            log.info("lease_not_released", routes=list(routes), reason=str(error))

    async def _give_up(self, routes: Sequence[str]) -> None:
        for route in routes:
            self.routes[route].given_up(monotonic_ns())
            log.info("route_given_up", route=route)
        await self._leases.release([keys.route_lease(route) for route in routes])

    async def _renew(self, routes: Sequence[str]) -> list[str]:
        """Renew leases; return those that are lost."""
        asked = monotonic_ns()
        answers = await self._answers(self._leases.renew, routes)
        for route in (route for route, held in answers.items() if held):
            self._granted(route, asked)
        return [route for route, held in answers.items() if not held]

    async def _ask(self, routes: Sequence[str]) -> None:
        asked = monotonic_ns()
        for route, held in (await self._answers(self._leases.take, routes)).items():
            if held:
                self._granted(route, asked)
            elif route in self.routes:
                self._refused(route, asked)

    async def _answers(
        self, ask: Callable[[Sequence[str]], Awaitable[Mapping[str, bool]]], routes: Sequence[str]
    ) -> dict[str, bool]:
        try:
            answers = await ask([keys.route_lease(route) for route in routes])
        except TROUBLE:
            steady, now = monotonic_ns(), self._clock.now()
            for route in routes:
                if route in self.routes:
                    self.routes[route].unreachable(steady, now)
            return {}
        return {route: answers[keys.route_lease(route)] for route in routes}

    def _granted(self, route: str, asked: int) -> None:
        holding = self.routes.get(route)
        if holding is None:
            return
        now = self._clock.now()
        if not holding.held:
            self.takeovers += 1
            log.info("route_taken_over", route=route, kept=holding.kept.rows)
        for missed in self._missed.pop(route, ()):
            gap = missed.gap
            missed.begin(gap._replace(since=min(gap.until, gap_since(gap.since, holding.other_at))))
        holding.granted(asked, now)

    def _refused(self, route: str, asked: int) -> None:
        holding = self.routes[route]
        if holding.held:
            log.warning("route_lost", route=route)
        holding.refused(asked, self._clock.now())
        # A lease that outlived this process's own return was renewed meanwhile: the other is alive, and tells of gaps.
        waiting = [each for each in self._missed.get(route, ()) if asked - each.since <= self._ttl]
        self._missed[route] = waiting
