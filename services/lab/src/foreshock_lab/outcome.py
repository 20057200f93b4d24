"""What came of a run, what any run must be without, and the verdict by the rules of its scenario."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from foreshock_lab.checker import Checker
from foreshock_lab.control import ServiceView
from foreshock_lab.domain.reconcile import Account
from foreshock_lab.domain.scenario import SCENARIOS
from foreshock_lab.summary import EventCounts, LatencyReport, RedisReport, Summary, highest, signal_counts
from foreshock_model.signal import Level
from foreshock_runtime.latency import LatencySummary

NOTHING_MEASURED = LatencySummary(0, 0.0, 0.0, 0.0)
DUPLICATES = "duplicates_dropped"
"""The counter of feeds."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run. problems are those that any run must be without."""

    account: Account
    throttled: int
    duplicates_sent: int
    signals: Mapping[str, int]
    notices: tuple[tuple[str, str], ...]
    socket_to_signal: LatencySummary
    health: Mapping[str, str]
    status: Mapping[str, ServiceView]
    redis: RedisReport
    problems: tuple[str, ...]


def account_problems(account: Account) -> list[str]:
    """Name what does not balance, with examples."""
    found = {
        "lost": account.lost,
        "counted twice": account.duplicates,
        "came out without having gone in": account.unknown,
    }
    problems = [f"{number} rows {what}" for what, number in found.items() if number]
    return [*problems, *account.examples] if problems else []


def stream_problems(checker: Checker) -> list[str]:
    """Name what streams and channel do not agree on."""
    observed = checker.observed
    found = {
        "entries were numbered by their writer and never came": observed.missing_entries,
        "inputs have no answer in the metrics stream": len(observed.unanswered),
        "answers in the metrics stream have no input": len(observed.unasked),
        "signals were published more than once": sum(checker.received.values()) - len(checker.received),
        "signals were recorded more than once": sum(checker.recorded.values()) - len(checker.recorded),
        "signals differ between channel and stream": len(checker.received.keys() ^ checker.recorded.keys()),
        "messages could not be read": checker.unreadable,
    }
    return [f"{number} {what}" for what, number in found.items() if number]


def health_problems(health: Mapping[str, str]) -> list[str]:
    """Name the services that do not serve."""
    return [f"{service} is {state}" for service, state in health.items() if state != "SERVING"]


def summarise(scenario: str, seed: int, duration_s: float, outcome: Outcome) -> Summary:
    """Judge an outcome by the rules of its scenario; a name that is no scenario has none of its own."""
    problems = [*outcome.problems, *_signal_problems(scenario, outcome.signals)]
    velocity, feeds = outcome.status.get("velocity"), outcome.status.get("feeds")
    return Summary(
        scenario=scenario,
        seed=seed,
        duration_s=duration_s,
        ok=not problems,
        events=EventCounts(sent=outcome.account.sent, throttled=outcome.throttled, processed=outcome.account.processed),
        lost=outcome.account.lost,
        duplicates=outcome.account.duplicates,
        duplicates_dropped=feeds.counters.get(DUPLICATES, 0) if feeds else 0,
        unknown_rows=outcome.account.unknown,
        recalled=outcome.account.recalled,
        signals=signal_counts(outcome.signals),
        latency_ms=LatencyReport(
            socket_to_metrics=velocity.latencies.get("socket_to_metrics", NOTHING_MEASURED)
            if velocity
            else NOTHING_MEASURED,
            socket_to_signal=outcome.socket_to_signal,
        ),
        services=outcome.health,
        redis=outcome.redis,
        problems=tuple(problems),
    )


def _signal_problems(scenario: str, signals: Mapping[str, int]) -> list[str]:
    wanted = SCENARIOS[scenario].alerts if scenario in SCENARIOS else None
    reached = highest(signals)
    if wanted is True and reached < Level.ALERT:
        return [f"{scenario} should raise an ALERT or higher; the highest was {reached.name}"]
    if wanted is False and reached >= Level.ALERT:
        return [f"{scenario} should raise no ALERT; the highest was {reached.name}"]
    return []
