"""Is a venue silent while the others are not? Counted in seconds that brought liquidations, judged as Poisson counts.

Liquidations come in clusters (most follow the one before within a second), so rows are no independent events; a second
of a venue that brought any of them counts once. The expectation of a venue is what the others brought times what it
usually brings against them: by the last hour when it spoke in it, started from the shares, else by the shares alone.
A venue that was silent for the whole hour is held against that hour, too, by a fifth of what its share lets expect, for
shares of USD are only a hint at counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp
from typing import NamedTuple

MEMORY = 3_600
"""Seconds remembered."""
PRIOR = 60.0
"""Seconds with liquidations, over all venues, that the shares weigh against the last hour."""
CAUTION = 0.2


class SilenceRule(NamedTuple):
    """When a venue is held for silent; `FeedsConfig` says what each means."""

    window: int = 60
    events: int = 20
    venues: int = 2
    chance: float = 1e-4


class Present(NamedTuple):
    """A venue that is judged: since when it was live without a break, s UTC, and its share of liquidations."""

    since: int
    share: float


class Silence:
    """Which seconds of the last hour brought liquidations, by venue. Times are whole seconds UTC."""

    def __init__(self) -> None:
        self.silent: dict[str, str] = {}
        """Venues held for silent, and why; each until it speaks."""
        self._rings: dict[str, bytearray] = {}
        self._last: dict[str, int] = {}
        self._newest = 0

    def heard(self, venue: str, second: int) -> None:
        """Say that the venue brought liquidations in this second."""
        if self._last.get(venue) == second:
            return  # most calls: rows come many a second
        self._last[venue] = second
        self._advance(second)
        if second > self._newest - MEMORY:
            ring = self._rings.setdefault(venue, bytearray(MEMORY))
            ring[second % MEMORY] = 1
        self.silent.pop(venue, None)

    def judge(self, now: int, present: Mapping[str, Present], rule: SilenceRule) -> dict[str, str]:
        """Hold venues against each other at `now`; return those that are silent, and why."""
        self._advance(now)
        judged = present.keys() - self.silent.keys() if rule.events else set()
        reasons = {venue: self._reason(venue, present, rule) for venue in sorted(judged)}
        self.silent |= {venue: reason for venue, reason in reasons.items() if reason}
        return dict(self.silent)

    def _reason(self, venue: str, present: Mapping[str, Present], rule: SilenceRule) -> str:
        """Return why the venue is silent, nothing when it is not."""
        mine = present[venue]
        others = {name: each.share for name, each in present.items() if name != venue}
        age = self._newest - mine.since
        if not mine.share or age < rule.window or self._seconds(venue, rule.window):
            return ""
        usual = self._usual(venue, mine.share, others, rule.window)
        reason = self._improbable(rule.window, others, usual, rule)
        if reason or age < MEMORY or self._seconds(venue, MEMORY):
            return reason
        return self._improbable(MEMORY, others, CAUTION * usual, rule)

    def _improbable(self, window: int, others: Mapping[str, float], usual: float, rule: SilenceRule) -> str:
        """Return why silence over a window is no chance, nothing when it may be; usual: the count for one of theirs."""
        spoken = [self._seconds(name, window) for name in others]
        if sum(spoken) < rule.events or sum(each > 0 for each in spoken) < rule.venues:
            return ""
        expected = sum(spoken) * usual
        if exp(-expected) >= rule.chance:
            return ""
        return f"no liquidation in {window} s, others had in {sum(spoken)} s: {expected:.0f} expected"

    def _usual(self, venue: str, share: float, others: Mapping[str, float], window: int) -> float:
        """Return the venue's count for one of the others, as it was before the window; others are shares by venue."""
        theirs = sum(others.values())
        spoken = self._seconds(venue, MEMORY)
        if not spoken:
            return _ratio(share, theirs)
        heard = sum(self._seconds(name, MEMORY) - self._seconds(name, window) for name in others)
        return _ratio(spoken + PRIOR * share, heard + PRIOR * theirs)

    def _seconds(self, venue: str, window: int) -> int:
        """Return how many of the last `window` seconds, the present one included, brought liquidations."""
        ring = self._rings.get(venue)
        if ring is None:
            return 0
        end = self._newest % MEMORY + 1
        start = end - min(window, MEMORY)
        return ring[start:end].count(1) if start >= 0 else ring[:end].count(1) + ring[start:].count(1)

    def _advance(self, second: int) -> None:
        """Move on to a second, and clear those that it replaces; an earlier one changes nothing."""
        steps = min(second - self._newest, MEMORY)
        if steps <= 0:
            return
        for ring in self._rings.values():
            for each in range(second - steps + 1, second + 1):
                ring[each % MEMORY] = 0
        self._newest = second


def _ratio(part: float, rest: float) -> float:
    return part / rest if rest > 0 else 0.0
