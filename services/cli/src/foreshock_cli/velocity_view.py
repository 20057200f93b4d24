"""One symbol's windows as a person reads them. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from foreshock_cli.terminal import table

NOTHING = "-"


def rendered(row: Any) -> Group:
    """Return a page of a `SymbolMetrics`."""
    return Group(_head(row), _windows(row), Text())


def _head(row: Any) -> Text:
    at = f"{datetime.fromtimestamp(row.as_of / 1e9, UTC):%H:%M:%S.%f}"[:-3] if row.as_of else "never"
    seen = NOTHING if math.isnan(row.coverage) else f"{row.coverage:.0%}"
    parts = [f"  {at} UTC  mark {_number(row.mark)}  seen {seen}"]
    parts += ["  warming up"] if row.warming else []
    return Text.assemble((row.symbol, "bold"), *parts)


def _windows(row: Any) -> Table:
    made = table("WINDOW", "SIDE", ">COUNT", ">USD", ">LARGEST", ">USD/s", ">USD/s^2", ">GROWTH/s", ">HIDDEN", "VENUES")
    for each in row.windows:
        made.add_row(
            f"{each.window_ms / 1_000:g} s",
            each.side,
            f"{each.count:,.0f}",
            _number(each.usd),
            _number(each.largest),
            _number(each.usd_rate),
            _with_error(each.of_usd.acceleration, each.of_usd.acceleration_error),
            _with_error(each.of_usd.growth, each.of_usd.growth_error),
            f"x{each.usd_gain:.2f}" if each.usd_gain > 1 else NOTHING,
            escape(", ".join(f"{venue.venue} {_number(venue.usd)}" for venue in each.venues)),
        )
    return made


def _number(value: float) -> str:
    if not math.isfinite(value):
        return NOTHING
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"  # noqa: PLR2004 - where decimals stop to matter


def _with_error(value: float, error: float) -> str:
    if not math.isfinite(value):
        return NOTHING
    return f"{_number(value)} ± {_number(error)}" if math.isfinite(error) else _number(value)
