"""Room for the windowed columns of metrics in one matrix, so that they are filled in blocks and encoded together."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate, pairwise
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from foreshock_model.metric_columns import SIDES

Array = npt.NDArray[Any]
Shape = tuple[int, ...]


class Room(NamedTuple):
    """Where the windowed columns of R symbols are to be written: together, so that they are encoded together.

    matrix (M, W) float64;  views of it, columns that follow one another as one view: counts, usd, largest
    (R, 2, V, W);  count_thirds, usd_thirds (3, R, 2, W), oldest first;  unit (R, 2, W)
    """

    matrix: Array
    counts: Array
    count_thirds: Array
    usd: Array
    largest: Array
    usd_thirds: Array
    unit: Array

    def columns(self) -> dict[str, Any]:
        """Return the columns by name, with the matrix."""
        return {
            "matrix": self.matrix,
            "count": self.counts,
            "usd": self.usd,
            "largest": self.largest,
            "count_oldest": self.count_thirds[0],
            "count_middle": self.count_thirds[1],
            "count_newest": self.count_thirds[2],
            "usd_oldest": self.usd_thirds[0],
            "usd_middle": self.usd_thirds[1],
            "usd_newest": self.usd_thirds[2],
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
    shapes: list[Shape] = [venue, (3, *side), venue, venue, (3, *side), side]
    ends = list(accumulate(prod(shape[:-1]) for shape in shapes))
    return ends[-1], [(slice(*at), shape) for at, shape in zip(pairwise([0, *ends]), shapes, strict=True)]
