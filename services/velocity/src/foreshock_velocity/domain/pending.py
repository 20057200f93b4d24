"""Rows that wait for the next time the analysis is brought up to date: noted at once, worked through together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foreshock_velocity.domain.arrays import Array


class Pending:
    """Rows of whole numbers and one value each.

    width: whole numbers of a row. note() takes (N, width) and (N,); take() returns all in the order they came.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._numbers: list[Array] = []
        self._values: list[Array] = []

    def note(self, columns: Sequence[Array], values: Array) -> None:
        """Take rows, `width` columns (N,) of whole numbers and values (N,)."""
        self._numbers.append(np.stack(columns, axis=1).astype(np.int64, copy=False))
        self._values.append(values)

    def peek(self) -> tuple[Array, Array]:
        """Return (N, width) and (N,) of the rows that wait."""
        if not self._values:
            return np.empty((0, self._width), np.int64), np.empty(0)
        if len(self._values) > 1:
            self._numbers = [np.concatenate(self._numbers)]
            self._values = [np.concatenate(self._values)]
        return self._numbers[0], self._values[0]

    def take(self) -> tuple[Array, Array]:
        """Return what `peek` does, and let go of it."""
        found = self.peek()
        self._numbers, self._values = [], []
        return found

    def restore(self, numbers: Array, values: Array) -> None:
        """Take up what `peek` returned."""
        self._numbers, self._values = [numbers], [values]
