"""What feeds says of its routes: changes and gaps in `feeds:health`, the present state for ticks and Control."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from foreshock_feeds.domain.route_state import RouteState
from foreshock_model import keys
from foreshock_runtime.clock import Clock
from foreshock_runtime.log import get_logger

KEPT = 10_000
"""Entries of feeds:health that are kept."""
log = get_logger("feeds")


class RouteHealth:
    """Collects changes of routes until they are written, and finds the gaps between."""

    def __init__(self, clock: Clock) -> None:
        self.states: dict[str, RouteState] = {}
        self.gaps = 0
        self._clock = clock
        self._down_since: dict[str, int] = {}
        self._waiting: list[dict[str, str]] = []

    def know(self, routes: Sequence[str]) -> None:
        """Say which routes there are: one that never connected must show, too, and one given up must not."""
        self.states = {route: self.states.get(route, RouteState.CONNECTING) for route in routes}

    def resume(self, route: str, last_seen: int) -> None:
        """Say that an earlier run had its last data at that time (ns UTC): what lies between is a gap."""
        self._down_since.setdefault(route, last_seen)

    def changed(self, route: str, before: RouteState, after: RouteState, reason: str) -> None:
        """Take a change of state. From the loss of a route until its canary is seen again is a gap."""
        now = self._clock.now()
        self.states[route] = after
        self._add("state", route, now, {"from": before.value, "to": after.value, "reason": reason})
        if before is RouteState.LIVE:
            self._down_since.setdefault(route, now)
        elif after is RouteState.LIVE and route in self._down_since:
            since = self._down_since.pop(route)
            self.gaps += 1
            log.warning("gap", route=route, seconds=round((now - since) / 1e9, 3))
            self._add("gap", route, now, {"from_ns": str(since), "to_ns": str(now)})

    def tick(self) -> bytes:
        """Return the data of a `tick` entry."""
        return msgspec.json.encode({"routes": {name: state.value for name, state in sorted(self.states.items())}})

    def take(self) -> list[tuple[str | int | bytes, ...]]:
        """Return the Redis commands that write what came since the last call."""
        waiting, self._waiting = self._waiting, []
        return [
            ("XADD", keys.FEEDS_HEALTH, "MAXLEN", "~", KEPT, "*", *(part for pair in fields.items() for part in pair))
            for fields in waiting
        ]

    def _add(self, kind: str, route: str, now: int, more: dict[str, str]) -> None:
        self._waiting.append({"kind": kind, "route": route, "ts": str(now), **more})
