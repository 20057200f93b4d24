"""How windows are cut into buckets, and where the buckets of a slot's rings stand."""

from __future__ import annotations

import numpy as np

from foreshock_model.derivatives import third_buckets
from foreshock_velocity.domain.arrays import Array

NS_PER_MS = 1_000_000
CELL = np.dtype([("usd", "<i8"), ("count", "<i4"), ("largest", "<f4")])
"""A bucket: 1e-4 USD, liquidations and the largest of these [1e-4 USD], together in one line of cache."""


class Rings:
    """The layout of the rings of one side in a slot: the buckets of the first window, then those of the next.

    cells        C, of all rings
    bucket_ns    (W, 1) length of a bucket;  buckets (W, 1) of a window;  third (W, 1) of these in a third
    base         (W, 1) first cell of a window
    until        (4, W) age, in buckets, of the last bucket of each part: running, newest, middle and oldest third
    cell_window, cell_place   (C,) what a cell belongs to, and its place in its ring
    """

    def __init__(self, windows_ms: tuple[int, ...]) -> None:
        lengths = np.array(windows_ms, np.int64)[:, None]
        self.third = third_buckets(lengths)
        self.buckets = 3 * self.third + 1
        self.bucket_ns = lengths * NS_PER_MS // self.buckets
        self.until = np.arange(4)[:, None] * self.third[:, 0]
        sizes = self.buckets[:, 0]
        self.cells = int(sizes.sum())
        self.base = (np.cumsum(sizes) - sizes)[:, None]
        self.cell_window = np.repeat(np.arange(len(windows_ms)), sizes)
        self.cell_place = np.arange(self.cells) - self.base[self.cell_window, 0]


def runs(first: Array, steps: Array) -> tuple[Array, Array]:
    """Return runs of whole numbers one after the other, (sum of steps,), and where each starts, (N,).

    first (N,) number of each run, steps (N,) its length, at least 1.
    """
    ends = np.add.accumulate(steps)
    starts = ends - steps
    numbers: Array = (first - starts).repeat(steps)
    numbers += np.arange(len(numbers))
    return numbers, starts
