"""Ring buffers of counts, USD and largest per pair (a symbol at a venue), window, side and bucket, with running sums.

A window of length w is cut into B buckets of b = floor(w / B), aligned to multiples of b: B is 52 (a bucket is 1.93 %
of its window), 22 (4.6 %) for windows under a second. It ends at the pair's frontier F and holds the bucket of F and
the B - 1 before it: all events with ts_event in [s, F], where s = (floor(F / b) - B + 1) * b, hence
F - w < s <= F - (1 - 1 / B) w, a few ns apart.

Worst-case error: a window is never longer than w and never shorter than 98 % of it (95 % under a second). It misses
at most the events of the oldest bucket, and counts none that does not belong. That holds for its count, its USD and
its largest alike.

Sums are kept in four parts: the running bucket, and the newest, middle and oldest third of the B - 1 closed ones.
Their sum is the window; the thirds, which are equally long whatever the time, give its derivatives.

All state is integers, counts and USD in steps of 1e-4 (a row is rounded once, to the nearest step), and the largest,
a float32 that is never added to. So sums are exact, whatever the order of additions, and a state read back from a
snapshot goes on bit for bit. A part equals the sum of its buckets at all times; USD of one window stay exact below
9.2e14.

Memory: a pair whose windows hold something, or did a moment ago, has a slot: 10.5 KB with seven windows, 42 KB a symbol
on four venues, times the spare room of doubling (1,000 symbols on four venues: 4,096 / 4,001). The slot of a pair that
fell silent goes to another one (`evict`); what stays of it are 56 bytes, with its totals, so that these never go back.
"""

from __future__ import annotations

import numpy as np

from foreshock_velocity.domain.arrays import Array, capacity_for, grown
from foreshock_velocity.domain.rings import CELL, NS_PER_MS, Rings, runs

SIDES = 2
PARTS = 4
RUNNING, NEWEST, MIDDLE, OLDEST = range(PARTS)
STEPS_PER_USD = 10_000
"""Fixed point of every USD figure in the state: 1e-4 USD."""
LONG_AGO = -(1 << 62)
NO_SLOT = 0
NOTHING = np.zeros((), CELL)

__all__ = ["LONG_AGO", "NS_PER_MS", "PARTS", "SIDES", "STEPS_PER_USD", "Windows"]


class Windows:
    """Rings and sums of all pairs. Pair 0 stands for "no such pair" and stays empty, as does slot 0.

    front    (P,) the pair's frontier, ns UTC;  slot (P,) where its windows are, 0 for nowhere: they are empty
    totals   (P, 2, 2) liquidations and 1e-4 USD since the stream began
    owner    (Q,) pair of a slot, 0 for a free one;  head (Q, W) number of the newest bucket, floor(front / bucket)
    cells    (Q, 2, C) the buckets of a side's rings (`CELL`)
    parts    (Q, 2, W, 2, 4) liquidations and 1e-4 USD in the parts of a window;  top (Q, 2, W) its largest, 0 for none
    """

    def __init__(self, windows_ms: tuple[int, ...]) -> None:
        self.rings = Rings(windows_ms)
        self.size = 1
        self.used = 1
        self.front = np.empty(0, np.int64)
        self.slot = np.empty(0, np.int64)
        self.totals = np.empty((0, SIDES, 2), np.int64)
        width, cells = len(windows_ms), self.rings.cells
        self.owner = np.empty(0, np.int64)
        self.head = np.empty((0, width), np.int64)
        self.cells = np.empty((0, SIDES, cells), CELL)
        self.parts = np.empty((0, SIDES, width, 2, PARTS), np.int64)
        self.top = np.empty((0, SIDES, width), np.float32)
        self._free: list[int] = []
        self._width = width
        self._numbers = np.arange(width)[:, None]
        self._ones = np.ones(capacity_for(1), np.int64)
        self._flat: Array
        self._usd: Array
        self._count: Array
        self._largest: Array
        self._sums: Array
        self._tops: Array
        self.resize(self.size)
        self._grow(self.used)

    def resize(self, pairs: int) -> None:
        """Make room for the pairs 0 to `pairs` - 1."""
        self.size = pairs
        capacity = capacity_for(pairs)
        if capacity > len(self.front):
            self.front = grown(self.front, capacity, LONG_AGO)
            self.slot, self.totals = grown(self.slot, capacity), grown(self.totals, capacity)

    def _grow(self, slots: int) -> None:
        capacity = capacity_for(slots)
        if capacity > len(self.owner):
            for name in ("owner", "head", "cells", "parts", "top"):
                setattr(self, name, grown(getattr(self, name), capacity))
            self._flat, self._sums, self._tops = (each.reshape(-1) for each in (self.cells, self.parts, self.top))
            flat: Array = self._flat
            self._usd, self._count, self._largest = (flat[name] for name in ("usd", "count", "largest"))

    @property
    def held(self) -> int:
        """Number of pairs that have a slot."""
        return self.used - 1 - len(self._free)

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays, spare room included."""
        slots = (self.owner, self.head, self.cells, self.parts, self.top)
        return sum(array.nbytes for array in (self.front, self.slot, self.totals, *slots))

    def _count_of(self, rows: int) -> Array:
        """Return as many ones: adding a scalar would take numpy's slow way."""
        if rows > len(self._ones):
            self._ones = np.ones(capacity_for(rows), np.int64)
        return self._ones[:rows]

    def add_totals(self, pair: Array, side: Array, usd: Array) -> None:
        """Count rows in the totals: parallel (N,) arrays, usd in 1e-4 USD."""
        at = (pair * SIDES + side) * 2
        totals = self.totals.reshape(-1)
        np.add.at(totals, at, self._count_of(len(at)))
        np.add.at(totals, at + 1, usd)

    def settle(self, pairs: Array) -> None:
        """Give a slot, at its frontier, to each of the pairs (N,) that has none; duplicates are allowed."""
        for pair in np.unique(pairs[self.slot[pairs] == NO_SLOT]).tolist():
            if self._free:
                slot = self._free.pop()
            else:
                slot, self.used = self.used, self.used + 1
                self._grow(self.used)
            self.slot[pair], self.owner[slot] = slot, pair
            self.head[slot] = self.front[pair] // self.rings.bucket_ns[:, 0]

    def evict(self) -> None:
        """Take their slots from all pairs whose windows are empty."""
        empty = ~self.top[: self.used].any(axis=(1, 2)) & (self.owner[: self.used] > 0)
        gone = np.flatnonzero(empty)
        self.slot[self.owner[gone]] = NO_SLOT
        self.owner[gone] = 0
        self._free = sorted([*self._free, *gone.tolist()], reverse=True)  # low ones are used again first

    def move_to(self, pairs: Array, fronts: Array) -> Array:
        """Move frontiers forward and drop what left a window.

        pairs (N,) distinct (but for 0), fronts (N,) ns UTC. Returns (N,) True where a window lost events.
        """
        fronts = np.maximum(self.front.take(pairs), fronts)
        self.front[pairs] = fronts
        slots = self.slot.take(pairs)
        new, old = fronts[:, None] // self.rings.bucket_ns[:, 0], self.head.take(slots, axis=0)
        self.head[slots] = new
        new -= old  # from here on, steps
        # Most windows are empty, or have not left their bucket: only the others cost anything.
        rows, sides, windows = ((new > 0)[:, None, :] & (self.top.take(slots, axis=0) > 0)).nonzero()
        lost = np.zeros(len(pairs), np.bool_)
        if rows.size:
            at = rows * self._width + windows
            lanes = slots.take(rows) * SIDES + sides
            gone = self._shift(lanes, windows, head=old.take(at), steps=new.take(at))
            lost[rows[gone]] = True
        return lost

    def _shift(self, lanes: Array, windows: Array, *, head: Array, steps: Array) -> Array:
        """Let buckets grow older by `steps`: from part to part, and out of the window.

        Parallel (N,) arrays: lanes (slot and side), windows, no such cell twice, heads as they were. Returns (N,) True
        where events left the window.
        """
        rings, number = self.rings, len(lanes)
        buckets, ring = rings.buckets.take(windows), rings.base.take(windows)
        ring += lanes * rings.cells
        # A bucket is in part i up to the age until[i]: those within `steps` of that leave it, for the next part.
        until = rings.until.take(windows, axis=1)
        leaving = np.minimum(steps, until + 1).ravel()
        at, starts = runs((head - until).ravel(), leaving)
        at %= np.concatenate((buckets,) * PARTS).repeat(leaving)
        at += np.concatenate((ring,) * PARTS).repeat(leaving)
        found = self._flat.take(at)
        gone = np.empty((2, PARTS, number), np.int64)
        np.add.reduceat(found["count"], starts, dtype=np.int64, out=gone[0].reshape(-1))
        np.add.reduceat(found["usd"], starts, out=gone[1].reshape(-1))
        cells = lanes * self._width + windows
        lost: Array = gone[0, OLDEST] > 0
        self._pass_on(cells, gone)
        if np.count_nonzero(lost):
            first = starts[OLDEST * number]
            self._flat[at[first:]] = NOTHING
            top = np.maximum.reduceat(found["largest"][first:], starts[OLDEST * number :] - first)
            shrunk = np.flatnonzero(top >= np.maximum(self._tops.take(cells), 1))
            if shrunk.size:
                self._find_top(cells[shrunk], ring[shrunk], buckets[shrunk])
        return lost

    def _pass_on(self, cells: Array, gone: Array) -> None:
        """Move what left each part (2, 4, N) of cells (N,) on to the next one; what left the last is out.

        `gone` is used up.
        """
        parts = self._sums.reshape(-1, 2, PARTS)
        gone[:, 1:] -= gone[:, :-1]  # what a part loses, less what it gains
        now = parts.take(cells, axis=0)
        now -= gone.transpose(2, 0, 1)
        parts[cells] = now

    def _find_top(self, cells: Array, ring: Array, buckets: Array) -> None:
        """Look for the largest of windows that lost events; parallel (N,) arrays."""
        at, starts = runs(ring, buckets)
        self._tops[cells] = np.maximum.reduceat(self._largest[at], starts)

    def place(self, pair: Array, side: Array, *, ts: Array, usd: Array) -> None:
        """Put rows into every window that still covers them.

        Parallel (N,) arrays: ts ns UTC at or before the pair's frontier, which is up to date; usd in 1e-4 USD, from 1.
        """
        slot = self.slot.take(pair)
        if np.count_nonzero(slot) < len(slot):
            self.settle(pair)
            slot = self.slot.take(pair)
        rings, lane = self.rings, slot * SIDES + side
        bucket = ts // rings.bucket_ns
        part = np.subtract(self.head.take(slot, axis=0).T, bucket, order="C")  # its age so far
        inside = part < rings.buckets
        bucket %= rings.buckets
        bucket += lane * rings.cells + rings.base
        cell = lane * self._width + self._numbers
        part += rings.third - 1
        part //= rings.third  # 0 for the running bucket, 1 to 3 for the thirds
        part += cell * (2 * PARTS)
        steps = np.concatenate((usd,) * self._width)
        if np.count_nonzero(inside) == inside.size:
            self._add(bucket.ravel(), cell.ravel(), part.ravel(), steps)
        else:
            self._add(bucket[inside], cell[inside], part[inside], steps[inside.ravel()])

    def _add(self, bucket: Array, cell: Array, part: Array, steps: Array) -> None:
        """Add up flat (N,) addresses of buckets, cells and parts of counts, and 1e-4 USD."""
        size, ones = steps.astype(np.float32), self._count_of(len(steps))
        np.add.at(self._usd, bucket, steps)
        np.add.at(self._count, bucket, ones.astype(np.int32))
        np.maximum.at(self._largest, bucket, size)
        np.add.at(self._sums, part, ones)
        part += PARTS
        np.add.at(self._sums, part, steps)
        np.maximum.at(self._tops, cell, size)

    def fill(self, pair: Array, cell: Array, *, count: Array, usd: Array, largest: Array) -> None:
        """Fill the rings of pairs without slots, at their frontiers, as a snapshot holds them.

        Parallel (N,) arrays: cell of the pair's rings, 0 to 2 C - 1, what stands in it; no cell twice.
        """
        self.settle(pair)
        slot, side, cell = self.slot[pair], cell // self.rings.cells, cell % self.rings.cells
        for name, column in (("count", count), ("usd", usd), ("largest", largest)):
            self.cells[name][slot, side, cell] = column
        window, place = self.rings.cell_window[cell], self.rings.cell_place[cell]
        age = (self.head[slot, window] - place) % self.rings.buckets[window, 0]
        third = self.rings.third[window, 0]
        part = (age + third - 1) // third
        at = (slot * SIDES + side) * self._width + window
        np.add.at(self.parts.reshape(-1), at * (2 * PARTS) + part, count.astype(np.int64))
        np.add.at(self.parts.reshape(-1), at * (2 * PARTS) + PARTS + part, usd)
        np.maximum.at(self.top.reshape(-1), at, largest)
