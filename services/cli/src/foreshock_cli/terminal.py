"""Writing to people and to machines. stdout is the result, stderr is talk."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

__all__ = ["PIPED_WIDTH", "elastic", "emit", "err", "escape", "out", "table"]

PIPED_WIDTH = 160
"""Columns used where output is no terminal: nothing is cut that a person or `grep` would miss."""


def out() -> Console:
    """Return a console on stdout."""
    return _console(stderr=False)


def err() -> Console:
    """Return a console on stderr."""
    return _console(stderr=True)


def emit(value: object) -> None:
    """Print one JSON value on one line and hand it over at once, so that a pipe's reader sees it."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def table(*columns: str) -> Table:
    """Return a plain table: bold headings, two blanks between columns, no frame.

    `>NAME` is set to the right. `~NAME` gives way first where the lines are too long: its cells must be `elastic`.
    """
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold dim")
    for column in columns:
        right, gives_way = column.startswith(">"), column.startswith("~")
        name = Text(column.lstrip(">~"), no_wrap=True, overflow="ellipsis")
        made.add_column(name, justify="right" if right else "left", no_wrap=not gives_way, overflow="ellipsis")
    return made


def elastic(words: str) -> Text:
    """Return a cell of a column that gives way: cut, but still on one line."""
    return Text(words, no_wrap=True, overflow="ellipsis")


def _console(*, stderr: bool) -> Console:
    stream: Any = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPED_WIDTH
    return Console(stderr=stderr, highlight=False, width=width, soft_wrap=False)
