"""Rows by the day of their time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foreshock_archive.domain.schemas import TIME_OF

DAY_NS = 86_400_000_000_000


def by_day(name: str, table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Yield the days (`2026-11-20`, UTC) of a table's rows and the rows of each, in the order of time."""
    column = TIME_OF[name]
    ordered = table.take(pc.sort_indices(table, [(column, "ascending")]))
    days = ordered[column].cast(pa.int64()).to_numpy() // DAY_NS
    cuts = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(days)]
    for first, end in pairwise(cuts):
        yield _date(int(days[first])), ordered.slice(first, end - first)


def _date(day: int) -> str:
    return datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%d")
