"""The reproduction number and the branching ratio find what was put in, and their errors are honest."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.velocity.entries_made import NOW, SECOND

from foreshock_velocity.domain.excitation import GENERATION_S, Excitation

Array = npt.NDArray[Any]


def fed(seconds: Array, step: int = 1_000) -> Excitation:
    """Return a state that was told of events of symbol 0's longs at these seconds, `step` a call."""
    state = Excitation()
    state.resize(1)
    ts = NOW + (np.sort(seconds) * SECOND).astype(np.int64)
    for start in range(0, len(ts), step):
        part = ts[start : start + step]
        zeros = np.zeros(len(part), np.int64)
        state.advance(symbol=zeros, side=zeros, ts=part)
    return state


def told(state: Excitation, second: float) -> tuple[float, float, float, float]:
    found = state.evaluate(np.array([0]), np.array([NOW + int(second * SECOND)]))
    return tuple(float(each[0, 0]) for each in found)  # type: ignore[return-value]


def renewal(dice: np.random.Generator, reproduction: float, seconds: float, ancestors: int = 60) -> Array:
    """Return events of a flow in which each leads to so many others, after 60 ancestors at second 0."""
    found = np.zeros(ancestors)
    front = found
    while front.size:
        front = np.repeat(front, dice.poisson(reproduction, len(front)))
        front = front + dice.exponential(GENERATION_S, len(front))
        front = front[front < seconds]
        found = np.concatenate([found, front])
    return found


def hawkes(dice: np.random.Generator, rate: float, branching: float, seconds: float) -> Array:
    """Return a stationary flow: immigrants at `rate` and their descendants."""
    front = dice.random(dice.poisson(rate * seconds)) * seconds
    found = front
    while front.size:
        front = np.repeat(front, dice.poisson(branching, len(front)))
        front = front + dice.exponential(GENERATION_S, len(front))
        front = front[front < seconds]
        found = np.concatenate([found, front])
    return found


@pytest.mark.parametrize("reproduction", [0.9, 1.0, 1.2])
def test_the_reproduction_number_is_found_and_its_intervals_hold(reproduction: float) -> None:
    runs = [told(fed(renewal(np.random.default_rng(seed), reproduction, 25)), 25)[:2] for seed in range(150)]
    found, errors = np.array(runs).T
    assert abs(found.mean() - reproduction) < 0.06
    covered = np.mean(np.abs(found - reproduction) < 1.96 * errors)
    assert 0.90 <= covered <= 0.99


@pytest.mark.parametrize("rate", [1.0, 10.0])
def test_a_steady_flow_has_one_and_is_seldom_taken_for_growth(rate: float) -> None:
    runs = []
    for seed in range(60):
        dice = np.random.default_rng(seed)
        runs.append(told(fed(dice.random(dice.poisson(rate * 200)) * 200), 200)[:2])
    found, errors = np.array(runs).T
    assert abs(found.mean() - 1) < 0.03
    assert np.mean(found - 1 > 1.96 * errors) <= 0.02


@pytest.mark.parametrize("growth", [0.1, 0.2, 0.3])
def test_growth_shows_as_the_renewal_equation_says(growth: float) -> None:
    found = []
    for seed in range(40):
        dice = np.random.default_rng(seed)
        seconds = 40 + np.log(dice.random(int(20 / growth))) / growth
        found.append(told(fed(seconds[seconds > 0]), 40)[0])
    assert abs(np.mean(found) - (1 + growth * GENERATION_S)) < 0.05


def test_thinning_cancels() -> None:
    whole, thinned = [], []
    for seed in range(40):
        dice = np.random.default_rng(seed)
        seconds = renewal(dice, 1.2, 24)
        whole.append(told(fed(seconds), 24)[0])
        thinned.append(told(fed(seconds[dice.random(len(seconds)) < 0.4]), 24)[0])
    assert abs(np.mean(whole) - np.mean(thinned)) < 0.04


@pytest.mark.parametrize(("branching", "lowest", "highest"), [(0.0, 0.0, 0.12), (0.5, 0.38, 0.55), (0.8, 0.68, 0.84)])
def test_the_branching_ratio_is_found(branching: float, lowest: float, highest: float) -> None:
    runs = [told(fed(hawkes(np.random.default_rng(seed), 1.0, branching, 3_600)), 3_600) for seed in range(8)]
    assert lowest < np.mean([run[2] for run in runs]) < highest
    assert 0 < np.mean([run[3] for run in runs]) < 0.15


def test_nothing_is_told_of_a_symbol_that_never_spoke_and_no_ratio_of_one_that_hardly_did() -> None:
    state = Excitation()
    state.resize(2)
    assert all(np.isnan(each).all() for each in state.evaluate(np.array([0, 1]), np.array([NOW, NOW])))
    reproduction, error, branching, _ = told(fed(np.array([0.0])), 0)
    assert (reproduction, error) == (2.0, 2**0.5)
    assert np.isnan(branching)


def test_silence_brings_it_back_to_one_event_of_prior() -> None:
    reproduction = told(fed(np.linspace(0, 5, 200)), 300)[0]
    assert reproduction == pytest.approx(1, abs=1e-6)


events = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 200_000)), min_size=1, max_size=30)


@given(events, st.randoms(use_true_random=False))
def test_the_order_of_events_does_not_matter(rows: list[tuple[int, int, int]], dice: Any) -> None:
    shuffled = list(rows)
    dice.shuffle(shuffled)
    found = []
    for order in (rows, shuffled):
        state = Excitation()
        state.resize(3)
        symbol, side, ms = np.array(order).T
        state.advance(symbol=symbol, side=side, ts=NOW + ms * 1_000_000)
        found.append(state.evaluate(np.arange(3), np.full(3, NOW + 200 * SECOND)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)


@given(events, st.integers(0, 30))
def test_going_on_from_a_snapshot_is_going_on(rows: list[tuple[int, int, int]], cut: int) -> None:
    unbroken = Excitation()
    unbroken.resize(3)
    resumed = unbroken
    for number, (symbol, side, ms) in enumerate(rows):
        if number == cut:
            resumed = Excitation()
            resumed.restore(unbroken.snapshot())
        for state in {id(each): each for each in (unbroken, resumed)}.values():
            state.advance(symbol=np.array([symbol]), side=np.array([side]), ts=np.array([NOW + ms * 1_000_000]))
    for one, other in zip(unbroken.snapshot(), resumed.snapshot(), strict=True):
        assert one.tobytes() == other.tobytes()


def test_a_late_event_of_a_closed_bin_counts_in_the_running_one() -> None:
    state = fed(np.array([0.0, 31.0]))
    zero = np.zeros(1, np.int64)
    state.advance(symbol=zero, side=zero, ts=zero + NOW)
    assert state.running[0, 0] == 2
