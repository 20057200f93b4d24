"""Columns over rows that are numbered from 0: grown by doubling together, written to snapshots together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np

from foreshock_velocity.domain.arrays import Array, capacity_for, grown


class Column(NamedTuple):
    """Name, type, value in a row never written, and the shape of one row's value."""

    name: str
    dtype: str
    fill: float = 0
    shape: tuple[int, ...] = ()


class Table:
    """Base of state kept in columns: a subclass says which, and annotates them as attributes."""

    COLUMNS: ClassVar[tuple[Column, ...]] = ()

    def __init__(self) -> None:
        self.size = 0
        for column in self.columns():
            setattr(self, column.name, np.empty((0, *column.shape), column.dtype))

    def columns(self) -> tuple[Column, ...]:
        """Return the columns; those whose shape hangs on the instance are told by overriding."""
        return self.COLUMNS

    def resize(self, rows: int) -> None:
        """Make room for the rows 0 to `rows` - 1; a table never shrinks."""
        for column in self.columns():
            array = getattr(self, column.name)
            if rows > len(array):
                setattr(self, column.name, grown(array, capacity_for(rows), column.fill))
        self.size = max(self.size, rows)

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays, spare room included."""
        return sum(getattr(self, column.name).nbytes for column in self.columns())

    def snapshot(self) -> list[Array]:
        """Return the columns without spare room, for `restore`."""
        return [getattr(self, column.name)[: self.size] for column in self.columns()]

    def layout(self, rows: int) -> list[tuple[str, tuple[int, ...]]]:
        """Return (type, shape) of each array of a snapshot of so many rows."""
        return [(column.dtype, (rows, *column.shape)) for column in self.columns()]

    def restore(self, arrays: Sequence[Array]) -> None:
        """Take up a snapshot. Raises ValueError when its columns are of another number or length."""
        self.resize(len(arrays[0]) if arrays else 0)
        for column, array in zip(self.columns(), arrays, strict=True):
            getattr(self, column.name)[: self.size] = array
