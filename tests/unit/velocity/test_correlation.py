"""Correlation is what venues share, not what both of them do over the day."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.velocity.entries_made import NOW, SECOND

from foreshock_velocity.domain.correlation import ACTIVE_BINS, BIN_NS, Correlated, Correlation

Array = npt.NDArray[Any]
TABLE = np.array([[1, 2, 3]])
BOTH = np.array([[1, 2]])
FIRST_BIN = NOW // BIN_NS
LONG = 300


def run(*venues: Array, seconds: int = LONG, state: Correlation | None = None) -> Correlation:
    """Tell pair 1, 2, 3 of events at these seconds, a call a second, closing two seconds behind."""
    state = Correlation() if state is None else state
    state.series.resize(4)
    at = np.concatenate(venues)
    pair = np.concatenate([np.full(len(each), number) for number, each in enumerate(venues, 1)])
    for second in range(seconds):
        now = (at >= second) & (at < second + 1)
        ts = NOW + (at[now] * SECOND).astype(np.int64)
        state.advance(pair=pair[now], ts=ts, until=FIRST_BIN + second - 2, table=TABLE)
    return state


def told(state: Correlation, pairs: Array = BOTH) -> Correlated:
    return Correlated(*(each[0] for each in state.evaluate(pairs)))


def ramp(dice: np.random.Generator, share: float = 1.0, seconds: int = LONG) -> Array:
    """Return events of a flow that rises from 0.5 to 8 a second."""
    at = dice.random(dice.poisson(8 * seconds * share)) * seconds
    return at[dice.random(len(at)) < (0.5 + 7.5 * at / seconds) / 8]


def shared(dice: np.random.Generator, *, lag: float = 0.0, seconds: int = LONG) -> tuple[Array, Array]:
    """Return two venues on the ramp with 85 % of events shared, each told 0.3 s (standard deviation) off."""
    common = ramp(dice, 0.85, seconds)
    first, second = (
        np.concatenate([common + dice.normal(0, 0.3, len(common)), ramp(dice, 0.15, seconds)]) for _ in range(2)
    )
    return np.clip(first, 0, None), np.clip(second + lag, 0, None)


def pearson_of_velocities(first: Array, second: Array) -> float:
    """The plain way: correlate the counts of sliding windows of 10 s."""
    ends = np.arange(10, LONG)
    rates = [[np.count_nonzero((each > end - 10) & (each <= end)) for end in ends] for each in (first, second)]
    return float(np.asarray(np.corrcoef(rates))[0, 1])


def test_independent_venues_on_a_common_ramp_are_not_correlated() -> None:
    """Plain Pearson of velocities sees a correlation of 0.9 in the same data."""
    found, plain = [], []
    for seed in range(12):
        dice = np.random.default_rng(seed)
        first, second = ramp(dice), ramp(dice)
        found.append(told(run(first, second)))
        plain.append(pearson_of_velocities(first, second))
    assert abs(np.mean([each.raw for each in found])) < 0.05
    assert np.mean([abs(each.raw) for each in found]) < 0.15
    assert np.mean([abs(each.shrunk) < 0.15 for each in found]) >= 0.9
    assert np.mean(plain) > 0.85
    assert np.mean([each.p < 0.05 for each in found]) <= 0.2


def test_venues_that_share_their_events_are() -> None:
    found = [told(run(*shared(np.random.default_rng(seed)))) for seed in range(12)]
    assert np.mean([each.raw for each in found]) >= 0.6
    assert np.mean([each.shrunk for each in found]) >= 0.5
    assert all(each.p < 1e-3 for each in found)
    assert all(abs(each.lead) < 0.3 for each in found)


def test_who_leads_is_told_with_its_lead() -> None:
    leads = [told(run(*shared(np.random.default_rng(seed), lag=0.8))).lead for seed in range(8)]
    assert abs(np.mean(leads) - 0.8) < 0.2
    assert min(leads) > 0.4
    turned = run(*shared(np.random.default_rng(0), lag=0.8)).evaluate(np.array([[2, 1]]))
    assert turned.lead[0] == -leads[0]


def test_even_equal_venues_are_below_one() -> None:
    events = ramp(np.random.default_rng(3))
    found = told(run(events, events))
    assert found.raw == pytest.approx(1)
    assert 0.85 < found.shrunk < 0.95


def test_a_silent_side_is_undefined_not_zero() -> None:
    events = ramp(np.random.default_rng(3))
    for other in (np.empty(0), np.array([5.0, 9.0])):
        found = told(run(events, other))
        assert np.isnan([found.raw, found.shrunk, found.samples, found.p, found.lead]).all()


def test_a_few_seconds_are_too_few() -> None:
    events = np.linspace(0, 9, 40)
    assert np.isnan(told(run(events, events, seconds=10)).raw)


def test_cost_follows_the_venues_that_speak() -> None:
    dice = np.random.default_rng(4)
    first, second = ramp(dice), ramp(dice)
    state = run(first, second, np.empty(0))
    assert state.size == 1
    state = run(first, second, second)
    assert state.size == 3
    state.advance(pair=np.empty(0, np.int64), ts=np.empty(0, np.int64), until=FIRST_BIN + LONG + 130, table=TABLE)
    assert state.size == 0
    assert np.isnan(told(state).raw)


def test_a_venue_that_falls_silent_and_wakes_begins_anew() -> None:
    dice = np.random.default_rng(4)
    first = ramp(dice, seconds=400)
    second = np.concatenate([np.linspace(0, 60, 90), np.linspace(250, 399, 300)])
    state = run(first, second, seconds=200)
    assert state.size == 0
    state = run(first, second, seconds=400)
    assert state.size == 1
    assert told(state).samples < 2 * (400 - 250)


def test_a_long_silence_is_passed_over() -> None:
    dice = np.random.default_rng(4)
    state = run(*shared(dice))
    late = FIRST_BIN + LONG + 10 * ACTIVE_BINS
    state.advance(pair=np.array([1]), ts=np.array([late * BIN_NS]), until=late - 2, table=TABLE)
    assert state.closed == late - 2
    assert np.isnan(told(state).raw)


def test_what_is_too_late_or_far_ahead_is_left_out() -> None:
    state = Correlation()
    state.series.resize(4)
    state.advance(pair=np.array([1]), ts=np.array([NOW]), until=FIRST_BIN + 5, table=TABLE)
    before = state.series.counts.copy()
    state.advance(
        pair=np.array([1, 1]), ts=np.array([NOW - SECOND, NOW + 600 * SECOND]), until=FIRST_BIN + 5, table=TABLE
    )
    assert (state.series.counts == before).all()


def test_a_call_that_brings_many_seconds_equals_calls_by_the_second() -> None:
    dice = np.random.default_rng(8)
    first, second = shared(dice, seconds=60)
    parts = run(first, second, seconds=60)
    whole = Correlation()
    whole.series.resize(4)
    at = np.concatenate([first, second])
    pair = np.repeat([1, 2], [len(first), len(second)])
    fit = at < 60
    ts = NOW + (at[fit] * SECOND).astype(np.int64)
    whole.advance(pair=pair[fit], ts=ts, until=FIRST_BIN + 57, table=TABLE)
    assert (told(whole).raw, told(whole).samples) == (told(parts).raw, told(parts).samples)


spoken = st.lists(st.tuples(st.integers(0, 59), st.integers(1, 3)), max_size=120)


@given(spoken, st.integers(1, 59))
def test_figures_are_bounded_and_survive_a_snapshot(events: list[tuple[int, int]], cut: int) -> None:
    venues = [np.array([at for at, pair in events if pair == number], np.float64) for number in (1, 2, 3)]
    unbroken = run(*venues, seconds=60)
    resumed, broken = Correlation(), run(*venues, seconds=cut)
    resumed.series.restore(broken.series.snapshot())
    resumed.restore(broken.snapshot())
    resumed.closed = broken.closed
    at = np.concatenate(venues)
    pair = np.repeat([1, 2, 3], [len(each) for each in venues])
    for second in range(cut, 60):
        now = at == second
        ts = NOW + (at[now] * SECOND).astype(np.int64)
        resumed.advance(pair=pair[now], ts=ts, until=FIRST_BIN + second - 2, table=TABLE)
    found, again = (each.evaluate(np.array([[1, 2], [1, 3], [2, 3]])) for each in (unbroken, resumed))
    for one, other in zip(found, again, strict=True):
        np.testing.assert_array_equal(one, other)
    known = ~np.isnan(found.raw)
    assert (np.abs(found.raw[known]) <= 1).all()
    assert (np.abs(found.shrunk[known]) < 1).all()
    assert ((found.p[known] >= 0) & (found.p[known] <= 1 + 1e-6)).all()
    assert (np.abs(found.lead[~np.isnan(found.lead)]) <= 2.5).all()
