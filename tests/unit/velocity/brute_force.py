"""The same windows by brute force: every row is kept, every question walks all of them, in Python's own integers.

Nothing is shared with what is tested but the number of buckets that the windows' docstring promises.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from tests.unit.velocity.entries_made import MS, Row

from foreshock_velocity.domain.config import VelocityConfig
from foreshock_velocity.domain.rows import LARGEST_USD

Pair = tuple[str, str]


class Sums(NamedTuple):
    """Count, USD and largest (in 1e-4)."""

    events: int
    steps: int
    largest: int


def sums(rows: list[Row]) -> Sums:
    """Add rows up."""
    sizes = [max(round(row.usd * 10_000), 1) for row in rows]
    return Sums(len(sizes), sum(sizes), max(sizes, default=0))


def buckets_of(window_ms: int) -> int:
    """Return how many buckets a window has."""
    return 52 if window_ms >= 1_000 else 22


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
        return self.buckets(pair, side, window_ms, 0, buckets_of(window_ms) - 1)

    def thirds(self, pair: Pair, side: int, window_ms: int) -> tuple[Sums, Sums, Sums]:
        """Sum the thirds of its closed buckets, the oldest first."""
        third = (buckets_of(window_ms) - 1) // 3
        newest, middle, oldest = (
            self.buckets(pair, side, window_ms, at * third + 1, (at + 1) * third) for at in range(3)
        )
        return oldest, middle, newest

    def buckets(self, pair: Pair, side: int, window_ms: int, youngest: int, eldest: int) -> Sums:
        """Sum the buckets of these ages, both included."""
        bucket = window_ms * MS // buckets_of(window_ms)
        head = self.front[pair] // bucket
        rows = self.in_time[pair]
        return sums([row for row in rows if row.side == side and youngest <= head - row.ts // bucket <= eldest])

    def between(self, pair: Pair, side: int, start: int) -> Sums:
        """Sum the exact time span (start, frontier]."""
        rows = self.in_time[pair]
        return sums([row for row in rows if row.side == side and start < row.ts <= self.front[pair]])

    def bounds(self, pair: Pair, side: int, window_ms: int) -> tuple[Sums, Sums]:
        """Return the exact sums of all of a window but the promised error, and of all of it."""
        front, width = self.front[pair], window_ms * MS
        certain = width * (98 if window_ms >= 1_000 else 95) // 100
        return self.between(pair, side, front - certain), self.between(pair, side, front - width)

    def total(self, pair: Pair, side: int) -> Sums:
        """Sum all there ever was."""
        return sums([row for row in self.all[pair] if row.side == side])
