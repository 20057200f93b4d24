"""The columns of `WindowMetrics`: their types, shapes and places in the message."""

from __future__ import annotations

from typing import NamedTuple

SIDES = 2


class Column(NamedTuple):
    """One column: its name, its type, its axes (R rows, S sides, V venues, W windows), and its field.

    field   of the message; 0 for a windowed column, whose rows stand in `steps` in this order
    narrow  True for whole numbers from 0 up, which are written in the fewest bytes that hold all of them
    """

    name: str
    dtype: str
    axes: str
    field: int
    narrow: bool = False


COLUMNS = (
    Column("as_of", "<i8", "R", 6),
    Column("ts_recv", "<i8", "R", 7),
    Column("mark", "<f8", "R", 8),
    Column("mark_ts", "<i8", "R", 9),
    Column("total_count", "<i8", "RSV", 12, narrow=True),
    Column("total_usd", "<f8", "RSV", 13),
    Column("count", "<f4", "RSVW", 0, narrow=True),
    Column("count_oldest", "<f4", "RSW", 0, narrow=True),
    Column("count_middle", "<f4", "RSW", 0, narrow=True),
    Column("count_newest", "<f4", "RSW", 0, narrow=True),
    Column("usd", "<f4", "RSVW", 0),
    Column("largest", "<f4", "RSVW", 0),
    Column("usd_oldest", "<f4", "RSW", 0),
    Column("usd_middle", "<f4", "RSW", 0),
    Column("usd_newest", "<f4", "RSW", 0),
    Column("usd_unit", "<f4", "RSW", 0),
)
"""Whole numbers come first among the windowed ones. Readers pass over what a later version appends."""
WINDOWED = tuple(each for each in COLUMNS if not each.field)
DENSE = tuple(each for each in COLUMNS if each.field)
SIGHT, STEPS, VALUES, INSIGHT, COUNTS = 18, 19, 20, 21, 22
WINDOWED_2 = (
    ("count", "RSVW"), ("usd", "RSVW"), ("", "RSW"), ("", "RSW"), ("", "RSW"), ("", "RSW"), ("largest", "RSVW"),
    *((each, "RSW") for each in ("count_oldest", "count_middle", "count_newest")),
    *((each, "RSW") for each in ("usd_oldest", "usd_middle", "usd_newest", "usd_unit")),
)  # fmt: skip
"""Windowed columns of schema 2 in their order; those without a name are derivatives."""


def layout(rows: int, venues: int, windows: int) -> tuple[tuple[str, str, tuple[int, ...]], ...]:
    """Return (column, type, shape) of each column."""
    size = {"R": rows, "S": SIDES, "V": venues, "W": windows}
    return tuple((each.name, each.dtype, tuple([size[axis] for axis in each.axes])) for each in COLUMNS)


def whole_rows(rows: int, venues: int) -> int:
    """Return how many rows of the windowed columns are whole numbers: the first ones."""
    return rows * SIDES * sum(venues if "V" in each.axes else 1 for each in WINDOWED if each.narrow)
