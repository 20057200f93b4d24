"""How far each venue is seen: live routes, shares of the market, silence among the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from foreshock_feeds.domain.coverage import Shares
from foreshock_feeds.domain.route_state import RouteChange, RouteState
from foreshock_feeds.domain.silence import Present, Silence, SilenceRule
from foreshock_model import keys
from foreshock_model.batch import Columns
from foreshock_model.sight import Sight, sight_of
from foreshock_model.tick import VenueLife
from foreshock_runtime.clock import Clock
from foreshock_runtime.log import get_logger
from foreshock_sdk.connector import Purpose
from foreshock_sdk.events import EventFlag

NS = 1_000_000_000
KEEP_NS = 60 * NS
"""How often the tallies behind the shares are kept in Redis."""
DARK_SECONDS = 10.0
"""A route that has not been live for so long is a problem; a reconnect takes less."""
NOT_LIVE = int(EventFlag.REPLAYED | EventFlag.SNAPSHOT | EventFlag.BACKFILLED)
log = get_logger("feeds")

Command = tuple[str | int | bytes, ...]


class RouteFact(msgspec.Struct):
    """A route's state, why it is in it, and since when; dark: since when it is not LIVE, 0 while it is; ns UTC."""

    state: RouteState
    reason: str
    since: int
    purpose: Purpose
    dark: int


class Life:
    """Follows routes (venue/name) and liquidations. changed is called when what a tick says has changed."""

    def __init__(self, clock: Clock, shares: Shares | None = None) -> None:
        self.routes: dict[str, RouteFact] = {}
        self.shares = Shares(()) if shares is None else shares
        self.silence = Silence()
        self.changed: Callable[[], None] = _nobody
        self._clock = clock
        self._share = self.shares.of(clock.now())
        self._live: dict[str, float] = {}
        self._whole_since: dict[str, int] = {}
        self._looked = self._kept = clock.now()

    def opened(self, route: str, purpose: Purpose) -> None:
        """Take a route that will be read."""
        now = self._clock.now()
        self.routes[route] = RouteFact(RouteState.CONNECTING, "will be read", now, purpose, dark=now)
        self._follow(route)

    def moved(self, change: RouteChange) -> None:
        """Take a change of a route's state."""
        fact = self.routes.get(change.route)
        if fact is not None:
            fact.state, fact.reason, fact.since = change.after, change.reason, self._clock.now()
            fact.dark = 0 if change.after is RouteState.LIVE else fact.dark or fact.since
            self._follow(change.route)

    def keep(self, routes: Iterable[str]) -> None:
        """Forget all routes but these."""
        for route in self.routes.keys() - set(routes):
            del self.routes[route]
            self._follow(route)

    def live(self, venue: str) -> float:
        """Return the live part of the venue's routes that bring liquidations, 0 to 1."""
        return self._live.get(venue, 0.0)

    def venues(self) -> dict[str, VenueLife]:
        """Return how far each venue is seen, by name."""
        return {venue: VenueLife(self.live(venue), self._share[venue]) for venue in self.shares.venues}

    def seen(self, venue: str) -> dict[str, Any]:
        """Return how far a venue is seen, by field of its message in Control."""
        source = self.shares.source(venue, self._clock.now())
        return {"live": self.live(venue), "share": self._share[venue], "share_source": source}

    def why(self, route: str) -> dict[str, Any]:
        """Return why a route is in its state and since when (ns UTC), likewise; nothing where it is not known."""
        fact = self.routes.get(route)
        return {} if fact is None else {"reason": fact.reason, "since": fact.since}

    def darkness(self, route: str) -> str | None:
        """Return for how long a route has proven nothing, in words; None when that is not worth any."""
        fact = self.routes.get(route)
        if fact is None or not fact.dark or self.age(fact.dark) < DARK_SECONDS:
            return None
        return f"{fact.state.value}, not live for {self.age(fact.dark):.0f} s: {fact.reason}"

    def age(self, since: int) -> float:
        """Return the seconds since a time, ns UTC; -1 for none."""
        return (self._clock.now() - since) / NS if since else -1.0

    def sight(self) -> Sight:
        """Return what this process sees of the market."""
        return sight_of(self.venues())

    def tick(self) -> dict[str, Any]:
        """Return what a tick says of venues; nothing where there are none."""
        venues = self.venues()
        return {"venues": venues, "coverage": sight_of(venues).coverage} if venues else {}

    def heard(self, venue: str, rows: Columns) -> None:
        """Take liquidations of a venue."""
        ts, flags = rows["ts_event"], rows["flags"]
        if not ts.size or venue not in self._share:
            return
        now = self._clock.now()
        self.shares.add(venue, rows["notional_usd"], ts, now)
        if not int(flags[-1]) & NOT_LIVE or (flags & NOT_LIVE == 0).any():
            self.silence.heard(venue, now // NS)

    def look(self, rule: SilenceRule) -> Mapping[str, str]:
        """Count the time since the last look and judge the venues: once a second. Return the silent ones, and why."""
        now = self._clock.now()
        seconds, self._looked = (now - self._looked) / NS if self._looked else 0.0, now
        for venue in self.shares.venues:
            self.shares.lived(venue, self.live(venue), max(seconds, 0.0), now)
        self._share = self.shares.of(now)
        present = {venue: Present(since // NS, self._share[venue]) for venue, since in self._whole_since.items()}
        known = self.silence.silent.keys()
        found = self.silence.judge(now // NS, present, rule)
        for venue in found.keys() - known:
            log.warning("venue_silent", venue=venue, reason=found[venue])
        return found

    def commands(self, *, at_once: bool = False) -> list[Command]:
        """Return what keeps the tallies for the next run, once in KEEP_NS."""
        now = self._clock.now()
        if now - self._kept < KEEP_NS and not at_once:
            return []
        self._kept = now
        return [("HSET", keys.FEEDS_SHARES, venue, self.shares.dump(venue)) for venue in self.shares.venues]

    def _follow(self, route: str) -> None:
        """Note how far the venue of a route is live, and since when it is so as a whole; say that something changed."""
        venue = venue_of(route)
        mine = [fact for name, fact in self.routes.items() if venue_of(name) == venue]
        states = [fact.state for fact in mine if fact.purpose is Purpose.LIQUIDATIONS]
        self._live[venue] = states.count(RouteState.LIVE) / len(states) if states else 0.0
        if self._live[venue] < 1.0:
            self._whole_since.pop(venue, None)
        elif venue in self._share:
            self._whole_since.setdefault(venue, self._clock.now())
        self.changed()


def venue_of(route: str) -> str:
    """Return the venue of a route's name (venue/name)."""
    return route.partition("/")[0]


def _nobody() -> None:
    """Hear a change, and do nothing."""
