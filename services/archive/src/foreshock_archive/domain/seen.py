"""Which rows were kept before."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

MOST = 262_144


class Seen:
    """Remembers at least the `most` keys that were told last, and at most twice as many."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._newer: set[Hashable] = set()
        self._older: set[Hashable] = set()
        self.repeated = 0

    def remember(self, keys: Iterable[Hashable]) -> None:
        """Take keys as seen, oldest first, without counting those that were."""
        for key in keys:
            self._add(key)

    def fresh(self, key: Hashable) -> bool:
        """Tell whether a key is new, and remember it; one that is not is counted."""
        known = key in self._newer or key in self._older
        self.repeated += known
        if key not in self._newer:
            self._add(key)  # an old one that is told again is among the newest again
        return not known

    def _add(self, key: Hashable) -> None:
        if len(self._newer) >= self._most:
            self._older, self._newer = self._newer, set()
        self._newer.add(key)
