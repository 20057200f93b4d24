"""Every scenario through the whole pure road: what a subscriber would see of it."""

from __future__ import annotations

from collections import Counter

import pytest

from foreshock_lab.demo import DemoOptions, make_timeline, simulations
from foreshock_lab.domain.faults import SERVER, TARGETS, FaultKind, schedule
from foreshock_lab.domain.offline import OfflineRun, run_offline
from foreshock_lab.domain.rebuild import differences, rebuild
from foreshock_lab.domain.scenario import SCENARIOS
from foreshock_lab.domain.timeline import Timeline
from foreshock_model.entries import InputEntry
from foreshock_model.signal import Level

JUDGED = [name for name, each in SCENARIOS.items() if each.alerts is not None]


def played(scenario: str, seed: int, partitions: int = 1, duration_s: float = 18.0) -> tuple[Timeline, OfflineRun]:
    venues = simulations()
    options = DemoOptions(scenario=scenario, seed=seed, duration_s=duration_s)
    timeline = make_timeline(options, venues.scripts)
    return timeline, run_offline(timeline, venues.scripts, venues.connectors, partitions=partitions)


@pytest.mark.parametrize("scenario", JUDGED)
@pytest.mark.parametrize("seed", [1])
def test_a_scenario_raises_an_alert_exactly_where_it_should(scenario: str, seed: int) -> None:
    timeline, run = played(scenario, seed)
    levels = Counter(said.level for _, said in run.signals)
    highest = max((Level[name] for name in levels), default=Level.NONE)
    assert (highest >= Level.ALERT) is SCENARIOS[scenario].alerts, levels
    assert run.rows > 0
    alerted = {(said.symbol, said.side) for _, said in run.signals if Level[said.level] >= Level.ALERT}
    assert alerted <= {(each.symbol, each.side) for each in timeline.episodes}
    for episode in timeline.episodes[:1]:
        first = min(
            at
            for at, said in run.signals
            if (said.symbol, said.side) == (episode.symbol, episode.side) and Level[said.level] >= Level.ALERT
        )
        assert episode.start_ms < first < episode.end_ms


@pytest.mark.parametrize("scenario", JUDGED)
def test_ten_seeds_behave_as_said(scenario: str) -> None:
    """The bench has the same through the real house."""
    for seed in range(10):
        _, run = played(scenario, seed, duration_s=8.0)
        highest = max((Level[said.level] for _, said in run.signals), default=Level.NONE)
        assert run.rows > 0
        assert (highest >= Level.ALERT) is SCENARIOS[scenario].alerts, (seed, highest)


def test_one_partition_and_eight_say_the_same() -> None:
    (_, one), (_, eight) = played("multi", 4, partitions=1), played("multi", 4, partitions=8)
    assert one.rows == eight.rows
    assert _story(one).keys() == _story(eight).keys()
    for key, at in _story(one).items():
        assert abs(at - _story(eight)[key]) <= 200, key


def test_equal_arguments_have_equal_outcomes() -> None:
    (_, one), (_, two) = played("flash", 2, duration_s=12.0), played("flash", 2, duration_s=12.0)
    assert one == two


def _story(run: OfflineRun) -> dict[tuple[str, str, str], int]:
    """When each symbol and side first reached each level."""
    story: dict[tuple[str, str, str], int] = {}
    for at, said in run.signals:
        story.setdefault((said.symbol, said.side, said.level), at)
    return story


def test_differences_between_streams_are_named_in_order_and_bounded() -> None:
    wanted = {"9-0": b"a", "10-0": b"b", "10-1": b"c"}
    assert differences("s", wanted, dict(wanted)) == []
    assert differences("s", wanted, {"9-0": b"a", "10-0": b"x", "11-0": b"d"}) == [
        "s holds another 10-0",
        "s lacks 10-1",
        "s should not hold 11-0",
    ]
    assert differences("s", wanted, {}, most=1) == ["s lacks 9-0"]


def test_rebuilding_answers_every_input_under_its_own_id() -> None:
    entries = [(f"{at}-0", InputEntry("tick", "feeds:0", 1, at, at * 10**8, b"{}")) for at in range(1, 30)]
    rebuilt = rebuild(entries, tracked=("BTCUSDT",))
    assert list(rebuilt.metrics) == [entry_id for entry_id, _ in entries]
    assert {fields[b"kind"] for fields in rebuilt.metrics.values()} == {b"empty"}
    assert rebuilt.signals == {}


@pytest.mark.parametrize("seed", range(20))
def test_schedules_repeat_stay_inside_the_run_and_only_kill_the_server(seed: int) -> None:
    faults = schedule(seed, duration_s=10.0, faults=5)
    assert faults == schedule(seed, duration_s=10.0, faults=5)
    assert len(faults) == 5
    assert [each.at_s for each in faults] == sorted(each.at_s for each in faults)
    for each in faults:
        assert 1.0 <= each.at_s <= 9.0
        assert each.target in TARGETS
        assert (each.seconds > 0) == (each.kind is FaultKind.STOP)
        assert each.target != SERVER or each.kind is FaultKind.KILL


def test_a_schedule_may_spare_some() -> None:
    assert {each.target for each in schedule(1, duration_s=9.0, faults=30, targets=("velocity",))} == {"velocity"}
