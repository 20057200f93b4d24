"""What a value was some time ago: rings on a grid of time steps, each holding the last value told until the next."""

from __future__ import annotations

import numpy as np

from foreshock_velocity.domain.arrays import Array
from foreshock_velocity.domain.table import Column, Table
from foreshock_velocity.domain.windows import LONG_AGO


class History(Table):
    """Values of numbered rows; a step before the first value is NaN.

    head (N,) number of the newest step, time // step_ns;  values (N, steps) float32, by number modulo steps
    """

    head: Array
    values: Array

    def __init__(self, *, step_ns: int, steps: int) -> None:
        self.step_ns, self.steps = step_ns, steps
        super().__init__()

    def columns(self) -> tuple[Column, ...]:
        """Return the columns for so many steps."""
        return Column("head", "<i8", LONG_AGO), Column("values", "<f4", np.nan, (self.steps,))

    def put(self, rows: Array, ts: Array, values: Array) -> None:
        """Take values (N,) of distinct rows (N,) at `ts` (N,), ns UTC; none older than the newest step."""
        number = ts // self.step_ns
        good = number >= self.head[rows]
        rows, number, values = rows[good], number[good], values[good]
        self._hold(rows, number)
        self.values[rows, number % self.steps] = values
        self.head[rows] = number

    def _hold(self, rows: Array, number: Array) -> None:
        """Fill the steps between the newest and `number` (N,) with the newest value."""
        head = self.head[rows]
        held = self.values[rows, head % self.steps]
        missing = np.clip(number - head - 1, 0, self.steps)
        total = int(missing.sum())
        if total:
            offset = np.arange(total) - np.repeat(np.cumsum(missing) - missing, missing)
            at = (np.repeat(number - 1, missing) - offset) % self.steps
            self.values[np.repeat(rows, missing), at] = np.repeat(held, missing)

    def ago(self, rows: Array, at: Array, back_ns: int | Array) -> Array:
        """Return what the values of rows were `back_ns` before `at`, ns UTC, NaN when not known.

        All are broadcast. Exact to a step. `back_ns` is less than the ring is long.
        """
        head = self.head[rows]
        number = np.minimum((at - back_ns) // self.step_ns, head)
        found = self.values[rows, number % self.steps].astype(np.float64)
        return np.where(number > head - self.steps, found, np.nan)
