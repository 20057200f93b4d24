"""Rows that wait for the next time the analysis is brought up to date: noted at once, worked through together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foreshock_velocity.domain.arrays import Array, capacity_for


class Pending:
    """Rows of whole numbers and one value each, in room that is used again and again.

    width: whole numbers of a row. note() takes columns and values; take() returns all in the order they came.
    """

    def __init__(self, width: int) -> None:
        self._make(np.empty((width, 0), np.int64), np.empty(0), capacity_for(1))

    def _make(self, numbers: Array, values: Array, room: int) -> None:
        """Make room for so many rows, those that are given being the first."""
        self._size = len(values)
        self._numbers, self._values = np.empty((len(numbers), room), np.int64), np.empty(room)
        self._numbers[:, : self._size], self._values[: self._size] = numbers, values
        self._columns = [*self._numbers, self._values]

    def note(self, columns: Sequence[Array], values: Array) -> None:
        """Take rows: `width` columns (N,) of whole numbers, and values (N,)."""
        start, end = self._size, self._size + len(values)
        if end > len(self._values):
            self._make(self._numbers[:, :start], self._values[:start], capacity_for(end))
        for column, news in zip(self._columns, (*columns, values), strict=True):
            column[start:end] = news
        self._size = end

    def peek(self) -> tuple[Array, Array]:
        """Return (N, width) and (N,) of the rows that wait: they are read before others are noted."""
        return self._numbers[:, : self._size].T, self._values[: self._size]

    def take(self) -> tuple[Array, Array]:
        """Return what `peek` does, and let go of it."""
        found = self.peek()
        self._size = 0
        return found

    def restore(self, numbers: Array, values: Array) -> None:
        """Take up what `peek` returned."""
        self._make(numbers.T, values, capacity_for(len(values)))
