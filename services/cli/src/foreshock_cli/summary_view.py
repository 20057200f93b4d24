"""A run's progress and outcome in words. Pure."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from foreshock_cli.status_view import state
from foreshock_cli.wording import counted, span
from foreshock_lab.summary import Progress, Summary
from foreshock_runtime.latency import LatencySummary

RECORDED = "replay"
"""The scenario of a recording: no seed made it."""


def progress_line(title: str, progress: Progress) -> str:
    """Return one line on how far a run is."""
    head = f"{title}: {progress.phase.value}, {span(progress.elapsed_s)}"
    if not progress.duration_s:
        return f"{head}, {progress.processed:,} {progress.counted}"
    counts = f"{progress.sent:,} sent, {progress.processed:,} processed, {progress.throttled:,} throttled"
    return f"{head} of {span(progress.duration_s)}, {counts}, signals: {counted(progress.signals)}"


def rendered(summary: Summary) -> Group:
    """Return the outcome of a run."""
    verdict = Text("OK", "bold green") if summary.ok else Text("FAILED", "bold red")
    seed = "" if summary.scenario == RECORDED else f", seed {summary.seed}"
    head = Text.assemble((summary.scenario, "bold"), f"{seed}, {span(summary.duration_s)}: ", verdict)
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column()
    for name, value in _facts(summary):
        facts.add_row(f"  {name}", value)
    return Group(head, facts)


def _facts(summary: Summary) -> list[tuple[str, str | Text]]:
    events, latency = summary.events, summary.latency_ms
    health = Text("   ").join(Text.assemble(f"{name} ", state(told)) for name, told in summary.services.items())
    embedded = "embedded" if summary.redis.embedded else "as named"
    return [
        ("events", f"{events.sent:,} sent, {events.processed:,} processed, {summary.lost:,} lost"),
        ("", f"{events.throttled:,} withheld by the venues' throttles"),
        *([("", f"{summary.recalled:,} more from the venues' histories")] if summary.recalled else []),
        ("duplicates", f"{summary.duplicates_dropped:,} dropped, {summary.duplicates:,} counted twice"),
        ("signals", counted(summary.signals)),
        ("latency", f"socket to metrics  {_latency(latency.socket_to_metrics)}"),
        ("", f"socket to signal   {_latency(latency.socket_to_signal)}"),
        ("services", health),
        ("redis", f"{summary.redis.kind} {summary.redis.version}, {embedded}"),
        *(("problem", Text(problem, "red")) for problem in summary.problems),
    ]


def _latency(measured: LatencySummary) -> str:
    if not measured.n:
        return "not measured"
    figures = (("p50", measured.p50), ("p99", measured.p99), ("max", measured.max))
    return "   ".join(f"{name} {value:.1f} ms" for name, value in figures) + f"   (n {measured.n:,})"
