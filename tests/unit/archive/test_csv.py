"""Rows on their way to PostgreSQL are what they were."""

from __future__ import annotations

import csv
import io

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from foreshock_archive.postgres import csv_of

SCHEMA = pa.schema([("text", pa.string()), ("number", pa.float64()), ("yes", pa.bool_())])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
Row = tuple[str | None, int | None, bool]
ROWS = st.lists(st.tuples(TEXT | st.none(), st.integers(-9, 9) | st.none(), st.booleans()), max_size=6)


def table(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], SCHEMA)


@given(st.lists(ROWS, min_size=1, max_size=4))
def test_every_row_is_written_whatever_pieces_it_comes_in(
    pieces: list[list[Row]],
) -> None:
    """Also where the first of them is empty."""
    data = csv_of(pa.concat_tables([table(piece) for piece in pieces])).decode()
    found = list(csv.reader(io.StringIO(data, newline="")))
    rows = [row for piece in pieces for row in piece]
    assert found == [
        [
            "" if text is None else text.replace("\0", ""),
            "" if number is None else str(number),
            "true" if yes else "false",
        ]
        for text, number, yes in rows
    ]


def test_no_text_is_something_else_than_none() -> None:
    assert csv_of(table([("", 1, True), (None, 2, False)])) == b'"",1,true\n,2,false\n'
