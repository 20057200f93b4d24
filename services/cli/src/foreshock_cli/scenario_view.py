"""A generated scenario as a person sees it. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Group
from rich.table import Table
from rich.text import Text

from foreshock_cli.terminal import table
from foreshock_cli.wording import span, usd

BARS = " ▁▂▃▄▅▆▇█"
COLUMNS = 80


def sparkline(at_ms: npt.NDArray[Any], duration_s: float, columns: int = COLUMNS) -> str:
    """Return how many events fell into each of `columns` parts of the run, as bars on a square-root scale."""
    counts, _ = np.histogram(at_ms, bins=columns, range=(0, max(duration_s, 1e-3) * 1_000))
    top = counts.max(initial=0)
    if not top:
        return " " * columns
    heights = np.ceil(np.sqrt(counts / top) * (len(BARS) - 1)).astype(int)
    return "".join(BARS[height] for height in heights)


def rendered(about: dict[str, Any], summary: str, spark: str) -> Group:
    """Return the description of one scenario."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column()
    for name, value in (
        ("liquidations", f"{about['liquidations']:,} over {about['symbols']} symbols, {usd(about['usd'])}"),
        ("by venue", _shares(about["by_venue"])),
        ("by side", _shares(about["by_side"])),
        ("bursts", f"{about['within_1s_of_previous']:.0%} come within a second of the one before"),
        ("odd", f"{about['late']:,} late rows, {about['oddities']} oddities (bad frames, cut sockets ...)"),
    ):
        facts.add_row(name, value)
    head = Text.assemble((about["scenario"], "bold"), f": {summary}; {span(about['duration_s'])}, seed {about['seed']}")
    return Group(head, Text(), facts, Text(), Text(spark, "cyan"), Text(), _episodes(about["episodes"]))


def _shares(counts: dict[str, int]) -> str:
    return "  ".join(f"{name} {number:,}" for name, number in counts.items())


def _episodes(episodes: list[dict[str, Any]]) -> Table | Text:
    if not episodes:
        return Text("no cascade in it", "dim")
    made = table("CASCADE", "SIDE", ">FROM", ">PEAK", ">TO", "LEADER", ">ORDERS", ">USD")
    for each in episodes:
        times = (f"{each[name] / 1_000:.1f} s" for name in ("start_ms", "peak_ms", "end_ms"))
        made.add_row(each["symbol"], each["side"], *times, each["leader"], f"{each['orders']:,}", usd(each["usd"]))
    return made
