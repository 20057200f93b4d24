"""A run's progress and outcome in words."""

from __future__ import annotations

from io import StringIO
from types import SimpleNamespace
from typing import Any

import msgspec
from rich.console import Console

from foreshock_cli import summary_view
from foreshock_cli.headless import CLEAR_LINE, Headless
from foreshock_lab.summary import EventCounts, LatencyReport, Phase, Progress, RedisReport, Summary
from foreshock_runtime.latency import LatencySummary

GOOD = Summary(
    scenario="cascade",
    seed=3,
    duration_s=30.0,
    ok=True,
    events=EventCounts(sent=1_234, throttled=56, processed=1_234),
    lost=0,
    duplicates=0,
    duplicates_dropped=7,
    unknown_rows=0,
    signals={"NONE": 2, "WATCH": 5, "ALERT": 0, "CRITICAL": 1, "EXTREME": 0},
    latency_ms=LatencyReport(
        socket_to_metrics=LatencySummary(99, 0.51, 3.26, 9.0), socket_to_signal=LatencySummary(0, 0.0, 0.0, 0.0)
    ),
    services={"feeds": "SERVING", "velocity": "SERVING", "signals": "SERVING"},
    redis=RedisReport(kind="valkey", version="9.1.2", embedded=True),
)


def text_of(summary: Summary) -> str:
    console = Console(width=100, color_system=None)
    with console.capture() as captured:
        console.print(summary_view.rendered(summary))
    return captured.get()


def test_a_good_run_is_short_and_says_ok() -> None:
    text = text_of(GOOD)
    assert text.startswith("cascade, seed 3, 30 s: OK")
    for words in (
        "1,234 sent, 1,234 processed, 0 lost",
        "56 withheld",
        "7 dropped, 0 counted twice",
        "CRITICAL 1  WATCH 5",
        "p50 0.5 ms   p99 3.3 ms   max 9.0 ms   (n 99)",
        "not measured",
        "valkey 9.1.2, embedded",
    ):
        assert words in text
    assert max(map(len, text.splitlines())) <= 100


def test_rows_of_histories_are_told_if_there_are_any() -> None:
    assert "histories" not in text_of(GOOD)
    assert "3 more from the venues' histories" in text_of(msgspec.structs.replace(GOOD, recalled=3))


def test_a_bad_run_names_its_problems() -> None:
    bad = msgspec.structs.replace(GOOD, ok=False, lost=2, problems=("2 rows lost", "feeds is ENDED"))
    text = text_of(bad)
    assert "FAILED" in text
    assert "2 rows lost" in text
    assert "feeds is ENDED" in text


def progress(phase: Phase, elapsed_s: float = 1.0, duration_s: float = 30.0) -> Progress:
    return Progress(
        phase=phase, elapsed_s=elapsed_s, duration_s=duration_s, sent=5, processed=4, throttled=1, signals={"ALERT": 2}
    )


def test_the_progress_line() -> None:
    assert summary_view.progress_line("demo", progress(Phase.RUNNING)) == (
        "demo: running, 1 s of 30 s, 5 sent, 4 processed, 1 throttled, signals: ALERT 2"
    )
    assert (
        summary_view.progress_line("up", progress(Phase.RUNNING, duration_s=0.0)) == "up: running, 1 s, 4 liquidations"
    )


def test_elsewhere_a_line_is_written_at_each_phase_and_every_five_seconds() -> None:
    stream, moments = StringIO(), [0]
    view = Headless("demo", stream, SimpleNamespace(now=lambda: moments[-1]))
    with view:
        for second, phase in (
            (0, Phase.STARTING),
            (1, Phase.STARTING),
            (2, Phase.RUNNING),
            (3, Phase.RUNNING),
            (7, Phase.RUNNING),
        ):
            moments.append(10**15 + second * 10**9)
            view.take(progress(phase, second))
    assert [line.split(",")[0:2] for line in stream.getvalue().splitlines()] == [
        ["demo: starting", " 0 s of 30 s"],
        ["demo: running", " 2 s of 30 s"],
        ["demo: running", " 7 s of 30 s"],
    ]


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_one_line_is_rewritten_never_wraps_and_is_gone_at_the_end(monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    with Headless("demo", stream, SimpleNamespace(now=lambda: 0)) as view:
        view.take(progress(Phase.STARTING))
        view.take(progress(Phase.RUNNING))
    first, second, last = stream.getvalue().removeprefix(CLEAR_LINE).split(CLEAR_LINE)
    assert first.startswith("demo: starting")
    assert second.startswith("demo: running")
    assert max(len(first), len(second)) < 40
    assert last == ""


def test_a_long_recording_is_told_in_hours_and_has_no_seed() -> None:
    replayed = msgspec.structs.replace(GOOD, scenario="replay", duration_s=10_000.4)
    assert text_of(replayed).startswith("replay, 2:46:40: OK")
