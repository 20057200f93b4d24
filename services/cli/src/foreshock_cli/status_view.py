"""A running house as a person sees it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from foreshock_cli.inspection import HouseFacts, ProcessFacts, RedisFacts
from foreshock_cli.terminal import elastic, table
from foreshock_lab.control import Health

STATE_STYLES = {
    Health.SERVING: "green",
    "LIVE": "green",
    "UNPROVEN": "yellow",
    "CONNECTING": "yellow",
    "SUSPECT": "yellow",
}
BAD = "bold red"
MIB = 1 << 20
LONGEST_CHANNEL = 28


def rendered(house: HouseFacts) -> Group:
    """Return the whole page."""
    head = [] if house.redis is None else [_head(house, house.redis), Text()]
    parts: list[RenderableType] = [*head, _services(house.services)]
    for process in house.services:
        if process.routes:
            parts += [Text(), _routes(process)]
        if process.venues:
            parts += [Text(), _venues(process), _coverage(process)]
    parts += [line for process in house.services for line in _problems(process)]
    return Group(*parts)


def state(name: str) -> Text:
    """Return a state in its colour."""
    return Text(name, STATE_STYLES.get(name, BAD))


def _head(house: HouseFacts, server: RedisFacts) -> Text:
    version = f"{server.kind} {server.version}, {server.used_memory / MIB:.1f} MB"
    return Text.assemble(
        ("redis   ", "dim"),
        f"{version}, {server.address}\n",
        ("regime  ", "dim"),
        house.regime or "not known",
    )


def _services(processes: list[ProcessFacts]) -> Table:
    made = table("SERVICE", "HEALTH", ">PID", "VERSION", "CONFIG", "PARTITIONS", "LAG", "LATENCY p50 / p99")
    for each in processes:
        owned = sum(bool(partition["owned"]) for partition in each.partitions)
        behind = f"{each.lag_entries:,} entries, {each.lag_seconds:.1f} s" if each.partitions else "-"
        name = each.service if each.instance in {"", "0"} else f"{each.service} {each.instance}"
        made.add_row(
            f"[bold]{escape(name)}[/]",
            state(each.health),
            str(each.pid or "-"),
            each.version or "-",
            f"rev {each.config_revision}",
            f"{owned} of {len(each.partitions)}" if each.partitions else "-",
            behind,
            _latency(each),
        )
    return made


def _latency(process: ProcessFacts) -> str:
    for measured in process.latencies.values():
        if measured["n"]:
            return f"{measured['p50_ms']:.1f} / {measured['p99_ms']:.1f} ms"
    return "-"


def _routes(process: ProcessFacts) -> Table:
    made = table("ROUTE", "STATE", "~WHY", ">CANARY", ">FRAMES", ">BAD", ">RECONNECTS", "~CHANNELS")
    for route in process.routes:
        made.add_row(
            route["name"],
            state(route["state"]),
            elastic(route["reason"]),
            f"{route['canary_age']:.1f} s ago" if route["canary_age"] >= 0 else "never",
            f"{route['frames']:,}",
            f"{route['faults']:,}",
            f"{route['reconnects']:,}",
            elastic(_channels(route["channels"])),
        )
    return made


def _channels(names: Sequence[str]) -> str:
    """Return the first of a route's channels, and how many there are besides: `--json` has them all."""
    if not names:
        return "-"
    first = names[0] if len(names[0]) <= LONGEST_CHANNEL else f"{names[0][:LONGEST_CHANNEL]}…"
    return first if len(names) == 1 else f"{first} and {len(names) - 1} more"


def _venues(process: ProcessFacts) -> Table:
    made = table("VENUE", ">LIVE", ">SHARE", "SHARE IS", ">CONTRACTS", "CONTRACT VALUES", ">DUPLICATES DROPPED")
    for venue in process.venues:
        packaged = venue["specs"] == "packaged"
        source = f"packaged, of {venue['specs_checked']}" if packaged else "the venue's REST"
        made.add_row(
            venue["name"],
            f"{venue['live']:.0%}",
            f"{venue['share']:.1%}",
            venue["share_source"],
            f"{venue['contracts']:,}",
            source,
            f"{venue['duplicates']:,}",
        )
    return made


def _coverage(process: ProcessFacts) -> Text:
    seen, possible = process.coverage or 0.0, process.coverage_possible or 0.0
    style = "" if seen >= possible else BAD
    return Text.assemble(
        ("\ncoverage  ", "dim"),
        (f"{seen:.1%} of the market is seen", style),
        f", {possible:.1%} if every venue that is read were live",
    )


def _problems(process: ProcessFacts) -> list[Text]:
    words = [
        *process.problems,
        *(f"{each['name']}: {each['failure']}" for each in process.venues if each["failure"]),
    ]
    if process.health == Health.MISSING:
        words.insert(0, "no process has a heartbeat")
    return [Text.assemble(("\nproblem  ", BAD), f"{process.service}: {each}") for each in words]
