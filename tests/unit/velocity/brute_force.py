"""The same windows by brute force: every row is kept, every question walks all of them, in Python's own integers."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from tests.unit.velocity.entries_made import MS, Row

from foreshock_velocity.domain.config import VelocityConfig
from foreshock_velocity.domain.rows import LARGEST_USD

BUCKETS = 50
Pair = tuple[str, str]


class Sums(NamedTuple):
    """Count and USD (in 1e-4)."""

    events: int
    steps: int


def sums(rows: list[Row]) -> Sums:
    """Add rows up."""
    return Sums(len(rows), sum(round(row.usd * 10_000) for row in rows))


class BruteForce:
    """Rows of all time; nothing expires, it is only not asked for."""

    def __init__(self, config: VelocityConfig) -> None:
        self.config = config
        self.delays: dict[str, int] = {}
        self.now = 0
        self.late = 0
        self.front: dict[Pair, int] = {}
        self.in_time: dict[Pair, list[Row]] = defaultdict(list)
        self.all: dict[Pair, list[Row]] = defaultdict(list)

    def frontier(self, pair: Pair, now: int) -> int:
        """Where a pair's windows end at a time."""
        return max(self.front.get(pair, -(10**18)), now - self.config.delay_ns(pair[1], self.delays))

    def take(self, clock: int, rows: list[Row]) -> set[str]:
        """Take an entry's rows; return the symbols touched."""
        self.now = max(self.now, clock)
        good = [row for row in rows if row.price > 0 and 0 < row.usd <= LARGEST_USD]
        before = {(row.symbol, row.venue): self.frontier((row.symbol, row.venue), self.now) for row in good}
        for row in good:
            pair = (row.symbol, row.venue)
            placed = row._replace(ts=min(row.ts, self.now))
            self.all[pair].append(placed)
            if placed.ts < before[pair] - self.config.late_after_ms * MS:
                self.late += 1
                continue
            self.in_time[pair].append(placed)
            self.front[pair] = max(self.front.get(pair, placed.ts), placed.ts)
        return {row.symbol for row in good}

    def look(self, pair: Pair, as_of: int) -> None:
        """Remember that windows were read: frontiers never go back."""
        self.front[pair] = self.frontier(pair, as_of)

    def window(self, pair: Pair, side: int, window_ms: int) -> Sums:
        """Sum the buckets of a window that ends at the pair's frontier."""
        bucket = window_ms * MS // BUCKETS
        head = self.front[pair] // bucket
        rows = self.in_time[pair]
        return sums([row for row in rows if row.side == side and head - BUCKETS < row.ts // bucket <= head])

    def between(self, pair: Pair, side: int, start: int) -> Sums:
        """Sum the exact time span (start, frontier]."""
        rows = self.in_time[pair]
        return sums([row for row in rows if row.side == side and start < row.ts <= self.front[pair]])

    def bounds(self, pair: Pair, side: int, window_ms: int) -> tuple[Sums, Sums]:
        """Return the exact sums of 98 % and of 100 % of a window."""
        front, width = self.front[pair], window_ms * MS
        return (
            self.between(pair, side, front - width * 98 // 100),
            self.between(pair, side, front - width),
        )

    def total(self, pair: Pair, side: int) -> Sums:
        """Sum all there ever was."""
        return sums([row for row in self.all[pair] if row.side == side])
