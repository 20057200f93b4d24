"""Ring buffers of counts and USD per pair (a symbol at a venue), window, side and bucket, with running sums.

A window of length w is cut into 50 buckets of b = w / 50 (2 % of the window), aligned to multiples of b. It ends
at the pair's frontier F and holds the bucket of F and the 49 before it: all events with ts_event in [s, F], where
s = (floor(F / b) - 49) * b, hence F - w < s <= F - 0.98 w.

Worst-case error: a window is never longer than w and never shorter than 0.98 w. It misses at most the events of
the oldest 2 % of the window, and counts none that does not belong.

All state is integers: counts, and USD in steps of 1e-4 (a row is rounded once, to the nearest step). So sums are
exact, whatever the order of additions, and a state read back from a snapshot goes on bit for bit. A running sum
equals the sum of its ring at all times; USD of one window stay exact below 9.2e14.

Memory: 50 x 2 x (4 + 8) bytes a window, 8,664 bytes a pair with seven windows, 34.7 KB a symbol on four venues,
times the spare room of doubling (1,000 symbols on four venues: 4,096 / 4,001). Symbols are never forgotten.
"""

from __future__ import annotations

import numpy as np

from foreshock_velocity.domain.arrays import Array, capacity_for, grown

BUCKETS = 50
SIDES = 2
STEPS_PER_USD = 10_000
"""Fixed point of every USD figure in the state: 1e-4 USD."""
LONG_AGO = -(1 << 62)
NS_PER_MS = 1_000_000


class Windows:
    """Rings and sums of all pairs. Pair 0 stands for "no such pair" and stays empty.

    bucket_ns    (W, 1) length of a bucket
    front        (P,) the pair's frontier, ns UTC
    head         (P, W) number of the newest bucket, floor(front / bucket)
    count, usd   (P, W, 2, 50) liquidations and 1e-4 USD in a bucket
    sum_count, sum_usd      (P, W, 2) of the window
    total_count, total_usd  (P, 2) since the stream began
    """

    def __init__(self, windows_ms: tuple[int, ...]) -> None:
        width = len(windows_ms)
        self.size = 1
        self.bucket_ns = np.array(windows_ms, np.int64)[:, None] * NS_PER_MS // BUCKETS
        self.front = np.empty(0, np.int64)
        self.head = np.empty((0, width), np.int64)
        self.count = np.empty((0, width, SIDES, BUCKETS), np.int32)
        self.usd = np.empty((0, width, SIDES, BUCKETS), np.int64)
        self.sum_count = np.empty((0, width, SIDES), np.int32)
        self.sum_usd = np.empty((0, width, SIDES), np.int64)
        self.total_count = np.empty((0, SIDES), np.int64)
        self.total_usd = np.empty((0, SIDES), np.int64)
        self._width = width * SIDES
        self._cells = np.arange(width)[:, None] * SIDES
        self._zeros = np.zeros((width, 1), np.int64)
        self._grow(self.size)

    def _grow(self, rows: int) -> None:
        capacity = capacity_for(rows)
        if capacity <= len(self.front):
            return
        self.front = grown(self.front, capacity, LONG_AGO)
        self.head = grown(self.head, capacity, LONG_AGO)
        for name in ("count", "usd", "sum_count", "sum_usd", "total_count", "total_usd"):
            setattr(self, name, grown(getattr(self, name), capacity))

    def resize(self, pairs: int) -> None:
        """Make room for the pairs 0 to `pairs` - 1."""
        self._grow(pairs)
        self.size = pairs

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays, spare room included."""
        arrays = (self.front, self.head, self.count, self.usd, self.sum_count, self.sum_usd)
        return sum(array.nbytes for array in (*arrays, self.total_count, self.total_usd))

    def add_totals(self, pair: Array, side: Array, usd: Array) -> None:
        """Count rows in the totals: parallel (N,) arrays, usd in 1e-4 USD."""
        at = pair * SIDES + side
        np.add.at(self.total_count.reshape(-1), at, np.ones(len(at), np.int64))
        np.add.at(self.total_usd.reshape(-1), at, usd)

    def move_to(self, pairs: Array, fronts: Array) -> Array:
        """Move frontiers forward and drop what left a window.

        pairs (N,) distinct (but for 0), fronts (N,) ns UTC. Returns (N,) True where a window lost events.
        """
        fronts = np.maximum(self.front[pairs], fronts)
        self.front[pairs] = fronts
        new, old = (fronts // self.bucket_ns).T, self.head[pairs]
        self.head[pairs] = new
        # Most windows are empty, or have not left their bucket: only the others cost anything.
        rows, windows, sides = ((new > old)[:, :, None] & (self.sum_count[pairs] > 0)).nonzero()
        lost = np.zeros(len(pairs), np.bool_)
        if rows.size:
            first = old[rows, windows] + 1
            steps = np.minimum(new[rows, windows] - first + 1, BUCKETS)
            cells = pairs[rows] * self._width + windows * SIDES + sides
            lost[rows[self._drop(cells, first, steps)]] = True
        return lost

    def _drop(self, cells: Array, first: Array, steps: Array) -> Array:
        """Clear `steps` buckets of each cell (pair x window x side) from bucket number `first`.

        Parallel (N,) arrays, cells distinct. Returns (N,) True where any of the buckets held events.
        """
        ends = np.add.accumulate(steps)
        starts = ends - steps
        bucket = (np.arange(ends[-1]) + np.repeat(first - starts, steps)) % BUCKETS
        at = np.repeat(cells * BUCKETS, steps) + bucket
        counts, usd = self.count.reshape(-1), self.usd.reshape(-1)
        gone = np.add.reduceat(counts[at], starts, dtype=np.int32)
        self.sum_count.reshape(-1)[cells] -= gone
        self.sum_usd.reshape(-1)[cells] -= np.add.reduceat(usd[at], starts)
        counts[at] = 0
        usd[at] = 0
        lost: Array = gone > 0
        return lost

    def place(self, pair: Array, side: Array, *, ts: Array, usd: Array) -> None:
        """Put rows into every window that still covers them.

        Parallel (N,) arrays: ts ns UTC at or before the pair's frontier, which is up to date; usd in 1e-4 USD.
        """
        number = ts // self.bucket_ns
        inside = number > self.head[pair].T - BUCKETS
        cell = self._cells + (pair * self._width + side)
        at = cell * BUCKETS + number % BUCKETS
        spread = self._zeros + usd
        if inside.all():
            cell, at, spread = cell.ravel(), at.ravel(), spread.ravel()
        else:
            cell, at, spread = cell[inside], at[inside], spread[inside]
        ones = np.ones(len(at), np.int32)
        np.add.at(self.count.reshape(-1), at, ones)
        np.add.at(self.usd.reshape(-1), at, spread)
        np.add.at(self.sum_count.reshape(-1), cell, ones)
        np.add.at(self.sum_usd.reshape(-1), cell, spread)
