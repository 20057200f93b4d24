"""Columns that grow entry by entry and become Arrow arrays once, when a file is written."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Array = npt.NDArray[Any]
K = TypeVar("K", bound=Hashable)


class Origin(NamedTuple):
    """Where rows stood: the partition, and the id of their entry."""

    partition: int
    entry_id: str


class Codes(Generic[K]):
    """Numbers for values that repeat, in the order of their first sight."""

    def __init__(self) -> None:
        self._codes: dict[K, int] = {}

    def of(self, values: Sequence[K]) -> Array:
        """Return the number of each value."""
        codes = self._codes
        return np.fromiter((codes.setdefault(each, len(codes)) for each in values), np.int32, len(values))

    @property
    def values(self) -> list[K]:
        """The values in the order of their numbers."""
        return list(self._codes)


class Growing:
    """Rows of several entries: numeric columns of one length, and where they stood."""

    def __init__(self, names: Sequence[str]) -> None:
        self._parts: dict[str, list[Array]] = {name: [] for name in names}
        self._origins: list[Origin] = []
        self._lengths: list[int] = []
        self.rows = 0

    def add(self, origin: Origin, columns: dict[str, Array]) -> None:
        """Append the rows of one entry; columns that are not named here are left out."""
        length = len(next(iter(columns.values())))
        for name, parts in self._parts.items():
            parts.append(columns[name])
        self._origins.append(origin)
        self._lengths.append(length)
        self.rows += length

    def column(self, name: str) -> Array:
        """Return a whole column. There must be rows."""
        return np.concatenate(self._parts[name])

    def origins(self) -> dict[str, pa.Array]:
        """Return partition and entry_id of each row."""
        at = np.repeat(np.arange(len(self._origins), dtype=np.int32), self._lengths)
        partitions = np.array([origin.partition for origin in self._origins], np.int32)
        return {
            "partition": pa.array(partitions[at]),
            "entry_id": words(at, [origin.entry_id for origin in self._origins]),
        }


def words(codes: Array, values: Sequence[str]) -> pa.Array:
    """Return the text that each number stands for."""
    return pa.array(values, pa.string()).take(pa.array(codes))


def times(ns: Array, kind: pa.DataType, *, zero_is_none: bool = False) -> pa.Array:
    """Return ns UTC as times; with zero_is_none a 0 says that there is none."""
    return pa.array(ns, pa.int64(), mask=(ns == 0) if zero_is_none else None).cast(kind)


def numbers(values: Array) -> pa.Array:
    """Return floats, NaN as none."""
    return pa.array(values.astype(np.float64), pa.float64(), from_pandas=True)
