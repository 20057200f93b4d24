"""What signals tell: how many of each level, when levels changed, how many episodes. Pure."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from foreshock_model.signal import Level, Signal


class Change(NamedTuple):
    """A symbol's side reached another level. ts: ns UTC."""

    ts: int
    symbol: str
    side: str
    level: str


class Story:
    """Listens to signals in order."""

    def __init__(self) -> None:
        self.levels: Counter[str] = Counter()
        self.changes: list[Change] = []
        self._now: dict[tuple[str, str], str] = {}
        self._episodes: set[str] = set()

    def take(self, said: Signal) -> None:
        """Take the next signal."""
        self.levels[said.level] += 1
        self._episodes.add(said.episode_id)
        key = said.symbol, said.side
        if self._now.get(key, Level.NONE.name) != said.level:
            self._now[key] = said.level
            self.changes.append(Change(said.ts, *key, said.level))

    @property
    def episodes(self) -> int:
        """How many episodes were told of."""
        return len(self._episodes)
