"""What feeds says of its routes: changes and gaps in `feeds:health`, the present state for ticks and Control."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from foreshock_feeds.domain.route_state import RouteChange, RouteState
from foreshock_feeds.life import Life
from foreshock_model import keys
from foreshock_model.tick import LONGEST_DELAY_MS, VenueCap
from foreshock_runtime.clock import Clock
from foreshock_runtime.log import get_logger
from foreshock_sdk.connector import Purpose, Throttle

KEPT = 10_000
"""Entries of feeds:health that are kept, and that wait at most."""
ON_THE_WAY_SECONDS = 0.5
"""What a row may take from the venue's push until it is written."""
SHORTEST_SLOT_SECONDS = 0.001
READ = frozenset({RouteState.LIVE, RouteState.SUSPECT})
"""States that lose nothing of what the venue sends: a refusal of one channel says nothing of the others."""
log = get_logger("feeds")

Command = tuple[str | int | bytes, ...]


class Gap(NamedTuple):
    """A route (venue/name) missed what the venue told between two times, ns UTC."""

    route: str
    since: int
    until: int


class Filling(NamedTuple):
    """What REST brought of a gap: whether all of it, how many rows that were not known, and why it is not whole."""

    whole: bool
    rows: int = 0
    reason: str = ""


def delay_ms(throttle: Throttle) -> int:
    """Return how old a row of a venue may be when it is written, in ms; never more than readers believe."""
    seconds = max(0.0, throttle.push_interval) + ON_THE_WAY_SECONDS
    return round(min(seconds * 1_000, LONGEST_DELAY_MS))


def caps_of(throttles: Mapping[str, Throttle]) -> dict[str, VenueCap]:
    """Return how venues thin their liquidations, by venue, of those that do."""
    return {
        venue: VenueCap(each.per_symbol_cap, round(min(each.push_interval * 1_000, LONGEST_DELAY_MS)))
        for venue, each in sorted(throttles.items())
        if each.per_symbol_cap is not None and each.push_interval >= SHORTEST_SLOT_SECONDS
    }


class RouteHealth:
    """Collects changes of routes until they are written, and finds the gaps between.

    resumed_from: ns UTC of the last entry of an earlier run, 0 when there was none. delays: how old a row may be when
    it is written, ms by venue, for ticks. caps: how venues thin, for ticks. life: what ticks say of venues.
    instance: the process that says so. waiting: Redis commands that write what was found.
    """

    def __init__(  # noqa: PLR0913 - its parts, by name
        self,
        clock: Clock,
        resumed_from: int = 0,
        delays: Mapping[str, int] | None = None,
        life: Life | None = None,
        *,
        instance: str = "",
        caps: Mapping[str, VenueCap] | None = None,
    ) -> None:
        self.states: dict[str, RouteState] = {}
        self.gaps = 0
        self.waiting: deque[Command] = deque()
        self.dropped = 0
        self.life = Life(clock) if life is None else life
        self._clock = clock
        self._instance = instance
        self._delays = dict(sorted((delays or {}).items()))
        self._caps = {"caps": dict(caps)} if caps else {}
        self._missed_since: int | None = resumed_from
        self._down_since: dict[str, int] = {}

    def opened(self, route: str, purpose: Purpose = Purpose.LIQUIDATIONS) -> None:
        """Say that a route will be read from now on: it must show even if it never connects.

        What a new one misses until it is live is a gap: at the start since the earlier run, later since now.
        """
        if route in self.states:
            return
        now = self._clock.now()
        self._miss(route, now if self._missed_since is None else self._missed_since)
        self.states[route] = RouteState.CONNECTING
        self.life.opened(route, purpose)
        self._add("state", route, now, {"from": "", "to": RouteState.CONNECTING.value, "reason": "will be read"})

    @property
    def resumed_from(self) -> int:
        """Since when what opens now misses what was told: the end of an earlier run; 0 unless at the start."""
        return self._missed_since or 0

    def started(self) -> None:
        """Say that all routes of the start are open."""
        self._missed_since = None

    def keep(self, routes: Iterable[str]) -> None:
        """Forget all routes but these."""
        wanted = set(routes)
        self.life.keep(wanted)
        for route in self.states.keys() - wanted:
            del self.states[route]
            self._down_since.pop(route, None)

    def changed(self, change: RouteChange) -> Gap | None:
        """Take a change of state. From the last sight of a route's canary until the next is a gap.

        Returns the gap that has ended: who fills it, or cannot, says so with `gap`.
        """
        now, route = self._clock.now(), change.route
        self.states[route] = change.after
        self.life.moved(change)
        told = {"from": change.before.value, "to": change.after.value, "reason": change.reason}
        self._add("state", route, now, told)
        if change.before in READ and change.after not in READ:
            self._miss(route, change.last_good)
        elif change.after is RouteState.LIVE and route in self._down_since:
            return Gap(route, self._down_since.pop(route), now)
        return None

    def filling(self, gap: Gap) -> None:
        """Say that what was missed is being asked for; `gap` follows, unless this process dies."""
        self._add("backfill", gap.route, self._clock.now(), _span(gap))

    def gap(self, gap: Gap, filling: Filling) -> None:
        """Say once, for good, what was missed and whether REST had it."""
        self.gaps += 1
        seconds = round((gap.until - gap.since) / 1e9, 3)
        filled = "rest" if filling.whole else "no"
        log.warning("gap", route=gap.route, seconds=seconds, filled=filled, rows=filling.rows, reason=filling.reason)
        told = {"filled": filled, "rows": str(filling.rows), "reason": filling.reason}
        self._add("gap", gap.route, self._clock.now(), {**_span(gap), **told})

    def tick(self) -> bytes:
        """Return the data of a `tick` entry: states of routes; of venues delay in ms, cap, how far each is seen."""
        routes = {name: state.value for name, state in sorted(self.states.items())}
        return msgspec.json.encode({"routes": routes, "delays": self._delays, **self._caps, **self.life.tick()})

    def _miss(self, route: str, since: int) -> None:
        if since:
            self._down_since.setdefault(route, since)

    def _add(self, kind: str, route: str, now: int, more: dict[str, str]) -> None:
        fields = {"kind": kind, "route": route, "ts": str(now), "instance": self._instance, **more}
        flat = [part for pair in fields.items() for part in pair]
        self.waiting.append(("XADD", keys.FEEDS_HEALTH, "MAXLEN", "~", KEPT, "*", *flat))
        if len(self.waiting) > KEPT:
            self.waiting.popleft()
            self.dropped += 1


def _span(gap: Gap) -> dict[str, str]:
    return {"from_ns": str(gap.since), "to_ns": str(gap.until)}
