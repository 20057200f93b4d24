"""Arrays that are preallocated and grow by doubling."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
FIRST_CAPACITY = 64


def capacity_for(rows: int) -> int:
    """Return the smallest capacity, a power of two from FIRST_CAPACITY, that holds `rows`."""
    return max(FIRST_CAPACITY, 1 << (rows - 1).bit_length())


def grown(array: Array, capacity: int, fill: float = 0) -> Array:
    """Return a copy with `capacity` rows (axis 0), the new ones filled with `fill`."""
    if fill == 0:
        larger = np.zeros((capacity, *array.shape[1:]), array.dtype)
    else:
        larger = np.full((capacity, *array.shape[1:]), fill, array.dtype)
    larger[: len(array)] = array
    return larger


def distinct(numbers: Array, size: int) -> tuple[Array, Array]:
    """Return (distinct numbers, ascending; where each of `numbers` stands among them): all below `size`, no sorting."""
    seen = np.zeros(size, np.bool_)
    seen[numbers] = True
    ids = np.flatnonzero(seen)
    place = np.empty(size, np.int64)
    place[ids] = np.arange(len(ids))
    return ids, place[numbers]


def pile(cells: Array, at: Array, values: Array | None = None) -> None:
    """Add values (N,), or 1, to flat `cells` at places (N,), which may repeat: faster than `add.at` for many."""
    cells += np.bincount(at, values, len(cells)).astype(cells.dtype, copy=False)
