"""What recordings, replays and archives of streams came to, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from foreshock_cli.recording import RecordReport
from foreshock_cli.wording import counted, span
from foreshock_lab.recording_replay import RecordingReport
from foreshock_lab.stream_replay import StreamReport

MB = 1e6
Fact = tuple[str, str]


def replayed(report: RecordingReport | StreamReport) -> Group:
    """Return the outcome of a replay."""
    facts = _of_recording(report) if isinstance(report, RecordingReport) else _of_streams(report)
    speed = report.recorded_s / report.elapsed_s if report.elapsed_s else 0.0
    told = [
        ("signals", counted(report.signals)),
        ("", f"{report.level_changes:,} changes of level, {report.episodes:,} episodes"),
        ("took", f"{span(report.elapsed_s)}, {speed:,.0f} times as fast as recorded"),
    ]
    title = f"replay of {span(report.recorded_s)}"
    return _shown(title, [*facts, *told, *_hashes("sha256", report.hashes)], report.problems)


def recorded(report: RecordReport) -> Group:
    """Return the outcome of a recording."""
    routes = "   ".join(f"{name} {state}" for name, state in report.routes.items())
    facts = [
        ("frames", f"{report.frames:,} recorded, {report.missing:,} missing"),
        ("routes", routes or "none"),
        ("folder", f"{report.folder}, {report.bytes / MB:,.1f} MB"),
    ]
    return _shown(f"recording of {span(report.elapsed_s)}", facts, report.problems)


def _of_recording(report: RecordingReport) -> list[Fact]:
    return [
        ("recorders", ", ".join(report.sources)),
        ("frames", f"{report.frames:,} read, {report.missing:,} never recorded, {report.bad:,} not understood"),
        ("events", f"{report.events:,}, and {report.duplicates_dropped:,} duplicates dropped"),
    ]


def _of_streams(report: StreamReport) -> list[Fact]:
    return [
        ("entries", f"{report.entries:,} in {report.partitions} partitions, {report.gone:,} gone before"),
        *_hashes("live", report.live),
    ]


def _hashes(title: str, hashes: Mapping[str, str]) -> list[Fact]:
    return [(title if at == 0 else "", f"{stream} {value}") for at, (stream, value) in enumerate(hashes.items())]


def _shown(title: str, facts: Sequence[Fact], problems: Sequence[str]) -> Group:
    verdict = Text("FAILED", "bold red") if problems else Text("OK", "bold green")
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    for name, value in facts:
        grid.add_row(f"  {name}", value)
    for problem in problems:
        grid.add_row("  problem", Text(problem, "red"))
    return Group(Text.assemble((title, "bold"), ": ", verdict), grid)
