"""Room for the windowed columns of metrics in one matrix, so that they are filled in blocks and encoded together."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate, pairwise
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from foreshock_model.metrics import SIDES

Array = npt.NDArray[Any]
Shape = tuple[int, ...]


class Room(NamedTuple):
    """Where the windowed columns of R symbols are to be written: together, so that they are encoded together.

    matrix (M, W) float64;  views of it: columns that follow one another, as one view
    sums (2, R, 2, V, W) counts and USD;  rates (2, 2, R, 2, W) of USD and of counts, acceleration and jerk
    largest (R, 2, V, W);  thirds (2, 3, R, 2, W) of counts and of USD, oldest first;  unit (R, 2, W)
    """

    matrix: Array
    sums: Array
    rates: Array
    largest: Array
    thirds: Array
    unit: Array

    def columns(self) -> dict[str, Any]:
        """Return the columns by name, with the matrix."""
        sums, rates, thirds = self.sums, self.rates, self.thirds
        return {
            "matrix": self.matrix,
            "count": sums[0],
            "usd": sums[1],
            "acceleration": rates[0, 0],
            "jerk": rates[0, 1],
            "count_acceleration": rates[1, 0],
            "count_jerk": rates[1, 1],
            "largest": self.largest,
            "count_oldest": thirds[0, 0],
            "count_middle": thirds[0, 1],
            "count_newest": thirds[0, 2],
            "usd_oldest": thirds[1, 0],
            "usd_middle": thirds[1, 1],
            "usd_newest": thirds[1, 2],
            "usd_unit": self.unit,
        }


def room(rows: int, venues: int, windows: int) -> Room:
    """Return room for metrics of this size, nothing in it yet; windows: at least 1."""
    size, places = _places(rows, venues, windows)
    matrix = np.empty((size, windows))
    return Room(matrix, *[matrix[at].reshape(shape) for at, shape in places])


@lru_cache(maxsize=1_024)
def _places(rows: int, venues: int, windows: int) -> tuple[int, list[tuple[slice, Shape]]]:
    """Return the rows of a `Room`'s matrix, where its views are, in the order of WINDOWED, and their shapes."""
    side, venue = (rows, SIDES, windows), (rows, SIDES, venues, windows)
    shapes: list[Shape] = [(2, *venue), (2, 2, *side), venue, (2, 3, *side), side]
    ends = list(accumulate(prod(shape[:-1]) for shape in shapes))
    return ends[-1], [(slice(*at), shape) for at, shape in zip(pairwise([0, *ends]), shapes, strict=True)]
