"""What feeds say of their venues, put together over all processes that say it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from foreshock_model.sight import Sight, sight_of
from foreshock_model.tick import VenueLife

STALE_NS = 2_000_000_000
"""A process that wrote no tick for so long is taken for gone: it ticks once a second however much it writes."""
FORGET_NS = 3_600_000_000_000
"""For so long the venues of a process that went are missed; after that it was taken away on purpose."""
TELL_NS = 1_000_000_000
"""How often the sight is told when no symbol has news, so that a reader that starts anew soon hears it."""


class Told(msgspec.Struct, frozen=True):
    """A process's newest word: at (ns UTC by the stream's clock) and its venues."""

    at: int
    venues: dict[str, VenueLife]


class Lives:
    """The newest tick of each writer, and the sight that follows.

    Two processes may read one venue: it is as live as the better of them sees it, with the share that the newer says.
    """

    def __init__(self) -> None:
        self.told: dict[str, Told] = {}
        self.last_told = 0
        self._sight: Sight | None = None
        self._until = -1

    def hear(self, writer: str, venues: dict[str, VenueLife], now: int) -> None:
        """Take a tick at `now`, ns UTC by the stream's clock; one without venues says nothing."""
        if venues:
            self.told[writer] = Told(now, venues)
            self._until = -1

    def sight(self, now: int) -> Sight | None:
        """Return what is seen at `now`, None while nobody has said anything."""
        if self.told and now > self._until:
            self._merge(now)
        return self._sight

    def due(self, now: int, before: Sight | None) -> bool:
        """Return whether the sight has to be told even without other news; then it counts as told."""
        sight = self.sight(now)
        if sight is None or (sight == before and now - self.last_told < TELL_NS):
            return False
        self.last_told = now
        return True

    def load(self, told: dict[str, Told], last_told: int) -> None:
        """Take up what a snapshot holds."""
        self.told, self.last_told, self._until = told, last_told, -1

    def _merge(self, now: int) -> None:
        self.told = {writer: each for writer, each in self.told.items() if now - each.at <= FORGET_NS}
        merged: dict[str, VenueLife] = {}
        for venue, life in self._oldest_first(now):
            known = merged.get(venue)
            merged[venue] = VenueLife(max(life.live, 0.0 if known is None else known.live), life.share)
        self._sight = sight_of(merged) if merged else None
        # Until then the sight is the same at any time: a run that goes on from a snapshot must tell the same.
        ends = (each.at + (STALE_NS if now - each.at <= STALE_NS else FORGET_NS) for each in self.told.values())
        self._until = min(ends, default=-1)

    def _oldest_first(self, now: int) -> Iterator[tuple[str, VenueLife]]:
        for _, each in sorted(self.told.items(), key=lambda item: (item[1].at, item[0])):
            stale = now - each.at > STALE_NS
            for venue, life in each.venues.items():
                yield venue, VenueLife(0.0, life.share) if stale else life
