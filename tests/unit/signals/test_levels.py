"""Levels: entered with persistence, left with hysteresis, never by a few orders."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.signals.metrics_made import MS, NOW, SECOND

from foreshock_model.signal import Level
from foreshock_signals.domain import levels
from foreshock_signals.domain.config import Override, SignalsConfig, Thresholds
from foreshock_signals.domain.table import ROW

LIMIT = levels.limits(SignalsConfig(), ["BTCUSDT"])
ON = SignalsConfig().thresholds


class Machine:
    """One symbol's levels, fed by LONG's probability."""

    def __init__(self) -> None:
        self.rows = np.zeros(1, ROW)
        self.at = 0

    def feed(self, probability: float, milliseconds: int) -> int:
        """Hold a probability for a while, 100 ms a step; return LONG's level at the end."""
        for _ in range(0, milliseconds, 100):
            levels.step(self.rows, np.array([NOW + self.at * MS]), np.array([[probability, 0.0]]), LIMIT)
            self.at += 100
        return int(self.rows["level"][0, 0])


@pytest.mark.parametrize(
    ("probability", "level"),
    [
        (0.0, Level.NONE),
        (ON.watch - 0.01, Level.NONE),
        (ON.watch, Level.WATCH),
        (ON.alert, Level.ALERT),
        (ON.critical, Level.CRITICAL),
        (ON.extreme, Level.EXTREME),
        (1.0, Level.EXTREME),
    ],
)
def test_each_level_begins_at_its_threshold(probability: float, level: Level) -> None:
    assert Machine().feed(probability, 700) == level


def test_a_threshold_must_be_held_for_the_persistence() -> None:
    machine = Machine()
    assert machine.feed(ON.alert + 0.01, 500) < Level.ALERT
    assert machine.feed(ON.alert + 0.01, 100) == Level.ALERT


def test_an_interruption_starts_the_persistence_again() -> None:
    machine = Machine()
    for _ in range(5):
        assert machine.feed(ON.alert + 0.01, 400) < Level.ALERT
        machine.feed(ON.alert - 0.01, 100)


def test_far_above_a_threshold_there_is_no_waiting() -> None:
    assert Machine().feed(float(levels.far_above(np.array([ON.alert]))[0]), 100) == Level.ALERT


def test_a_level_is_held_at_a_share_of_its_threshold() -> None:
    machine = Machine()
    machine.feed(0.6, 1_000)
    assert machine.feed(0.4 * ON.alert, 60_000) == Level.ALERT


def test_a_level_is_left_after_the_release_and_falls_to_what_still_holds() -> None:
    machine = Machine()
    machine.feed(0.6, 1_000)
    assert machine.feed(0.15, 20_000) == Level.ALERT
    assert machine.feed(0.15, 200) == Level.WATCH
    assert machine.feed(0.01, 20_000) == Level.WATCH
    assert machine.feed(0.01, 200) == Level.NONE


def test_one_moment_at_the_hold_line_starts_the_release_again() -> None:
    machine = Machine()
    machine.feed(0.6, 1_000)
    machine.feed(0.0, 19_000)
    machine.feed(0.4 * ON.alert, 100)
    assert machine.feed(0.0, 19_000) == Level.ALERT


def test_sides_are_apart() -> None:
    rows = np.zeros(1, ROW)
    levels.step(rows, np.array([NOW]), np.array([[0.99, 0.99]]), LIMIT)
    levels.step(rows, np.array([NOW + SECOND]), np.array([[0.99, 0.0]]), LIMIT)
    levels.step(rows, np.array([NOW + 30 * SECOND]), np.array([[0.99, 0.0]]), LIMIT)
    assert rows["level"].tolist() == [[Level.EXTREME, Level.NONE]]


def test_few_orders_stay_below_alert() -> None:
    restrained = levels.restrain(np.array([[0.999, 0.999]]), np.array([[3.0, 4.0]]), LIMIT)
    assert restrained[0, 0] < ON.alert
    assert restrained[0, 1] == 0.999


def test_a_symbol_may_have_thresholds_of_its_own() -> None:
    own = Thresholds(0.1, 0.2, 0.3, 0.4)
    config = SignalsConfig(overrides={"ETHUSDT": Override(thresholds=own), "XUSDT": Override(sensitivity=2.0)})
    limit = levels.limits(config, ["BTCUSDT", "ETHUSDT", "XUSDT"])
    assert limit.on.tolist() == [list(LIMIT.on[0]), [0.1, 0.2, 0.3, 0.4], list(LIMIT.on[0])]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.lists(st.floats(0, 0.3), min_size=60, max_size=60))
def test_a_higher_probability_never_gives_a_lower_level(lower: list[float], more: list[float]) -> None:
    one, other = Machine(), Machine()
    for probability, extra in zip(lower, more, strict=False):
        assert one.feed(probability, 100) <= other.feed(min(probability + extra, 1.0), 100)
