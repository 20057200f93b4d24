"""What feeds says of its routes: changes and gaps in `feeds:health`, the present state for ticks and Control."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

import msgspec

from foreshock_feeds.domain.route_state import RouteChange, RouteState
from foreshock_model import keys
from foreshock_model.tick import LONGEST_DELAY_MS
from foreshock_runtime.clock import Clock
from foreshock_runtime.log import get_logger
from foreshock_sdk.connector import Throttle

KEPT = 10_000
"""Entries of feeds:health that are kept, and that wait at most."""
ON_THE_WAY_SECONDS = 0.5
"""What a row may take from the venue's push until it is written."""
READ = frozenset({RouteState.LIVE, RouteState.SUSPECT})
"""States that lose nothing of what the venue sends: a refusal of one channel says nothing of the others."""
log = get_logger("feeds")

Command = tuple[str | int | bytes, ...]


def delay_ms(throttle: Throttle) -> int:
    """Return how old a row of a venue may be when it is written, in ms; never more than readers believe."""
    seconds = max(0.0, throttle.push_interval) + ON_THE_WAY_SECONDS
    return round(min(seconds * 1_000, LONGEST_DELAY_MS))


class RouteHealth:
    """Collects changes of routes until they are written, and finds the gaps between.

    resumed_from: ns UTC of the last entry of an earlier run, 0 when there was none. delays: how old a row may be when
    it is written, ms by venue, for ticks. waiting: Redis commands that write what was found.
    """

    def __init__(self, clock: Clock, resumed_from: int = 0, delays: Mapping[str, int] | None = None) -> None:
        self.states: dict[str, RouteState] = {}
        self.gaps = 0
        self.waiting: deque[Command] = deque()
        self._clock = clock
        self._delays = dict(sorted((delays or {}).items()))
        self._missed_since: int | None = resumed_from
        self._down_since: dict[str, int] = {}

    def opened(self, route: str) -> None:
        """Say that a route will be read from now on: it must show even if it never connects.

        What a new one misses until it is live is a gap: at the start since the earlier run, later since now.
        """
        if route in self.states:
            return
        now = self._clock.now()
        self._miss(route, now if self._missed_since is None else self._missed_since)
        self.states[route] = RouteState.CONNECTING
        self._add("state", route, now, {"from": "", "to": RouteState.CONNECTING.value, "reason": "will be read"})

    def started(self) -> None:
        """Say that all routes of the start are open."""
        self._missed_since = None

    def keep(self, routes: Iterable[str]) -> None:
        """Forget all routes but these."""
        wanted = set(routes)
        for route in self.states.keys() - wanted:
            del self.states[route]
            self._down_since.pop(route, None)

    def changed(self, change: RouteChange) -> None:
        """Take a change of state. From the last sight of a route's canary until the next is a gap."""
        now, route = self._clock.now(), change.route
        self.states[route] = change.after
        told = {"from": change.before.value, "to": change.after.value, "reason": change.reason}
        self._add("state", route, now, told)
        if change.before in READ and change.after not in READ:
            self._miss(route, change.last_good)
        elif change.after is RouteState.LIVE and route in self._down_since:
            since = self._down_since.pop(route)
            self.gaps += 1
            log.warning("gap", route=route, seconds=round((now - since) / 1e9, 3))
            self._add("gap", route, now, {"from_ns": str(since), "to_ns": str(now)})

    def tick(self) -> bytes:
        """Return the data of a `tick` entry: the routes' states, and each venue's delay in ms."""
        routes = {name: state.value for name, state in sorted(self.states.items())}
        return msgspec.json.encode({"routes": routes, "delays": self._delays})

    def _miss(self, route: str, since: int) -> None:
        if since:
            self._down_since.setdefault(route, since)

    def _add(self, kind: str, route: str, now: int, more: dict[str, str]) -> None:
        fields = {"kind": kind, "route": route, "ts": str(now), **more}
        flat = [part for pair in fields.items() for part in pair]
        self.waiting.append(("XADD", keys.FEEDS_HEALTH, "MAXLEN", "~", KEPT, "*", *flat))
        if len(self.waiting) > KEPT:
            self.waiting.popleft()
