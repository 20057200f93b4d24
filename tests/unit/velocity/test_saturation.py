"""What a throttled venue hides is estimated far better than by believing it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.velocity.entries_made import NOW, SECOND

from foreshock_model.metrics import WINDOWS_MS
from foreshock_velocity.domain.balance import CAPPED, FREE, Balance, blend
from foreshock_velocity.domain.normal import tail, tail_and_density
from foreshock_velocity.domain.saturation import Saturation

Array = npt.NDArray[Any]
QUIET_S = 900
MEDIAN, SIGMA = 300.0, 2.1
TEN = WINDOWS_MS.index(10_000)


def one_pair() -> Saturation:
    found = Saturation(WINDOWS_MS)
    found.resize(2)
    found.lanes.resize(1)
    return found


def advance(state: Saturation, usd: Array, at: Array) -> Array:
    """Take rows of pair 1, in lane 0 with slots of a second."""
    rows = len(usd)
    return state.advance(
        lane=np.zeros(rows, np.int64), pair=np.ones(rows, np.int64), usd=usd, at=at, slot_ns=np.full(rows, SECOND)
    )


def slots(dice: np.random.Generator, rates: Array) -> tuple[Array, Array]:
    """Return (USD of each second, largest order of each second) of a stream with so many orders a second."""
    full, largest = np.zeros(len(rates)), np.zeros(len(rates))
    for second, orders in enumerate(dice.poisson(rates).tolist()):
        if orders:
            usd = MEDIAN * np.exp(SIGMA * dice.standard_normal(orders))
            full[second], largest[second] = usd.sum(), usd.max()
    return full, largest


def errors(rates: Array, seed: int) -> tuple[float, float]:
    """Return by what share thinning to the largest of each second changes (USD as told, USD as estimated)."""
    dice = np.random.default_rng(seed)
    full, largest = slots(dice, np.concatenate([np.full(QUIET_S, 0.3), rates]))
    told = np.flatnonzero(largest)
    estimate = np.zeros(len(full))
    estimate[told] = largest[told] + advance(one_pair(), largest[told], NOW + (told + 1) * SECOND)
    true, raw, guess = (each[QUIET_S:].sum() for each in (full, largest, estimate))
    return abs(raw / true - 1), abs(guess / true - 1)


def bursts(rate: float) -> Array:
    """A burst of 4 x rate that dies away over 16 s, every 80 s."""
    seconds = np.arange(600)
    return rate * (0.2 + 4 * np.exp(-(seconds % 80) / 16))


@pytest.mark.parametrize(("rate", "most"), [(1.0, 0.08), (3.0, 0.10), (10.0, 0.15), (30.0, 0.15), (100.0, 0.15)])
def test_thinning_a_steady_stream_changes_the_estimate_little(rate: float, most: float) -> None:
    raw, estimated = np.mean([errors(np.full(600, rate), seed) for seed in range(6)], axis=0)
    assert estimated < most
    assert rate <= 1 or estimated < 0.65 * raw
    assert rate <= 3 or estimated < 0.5 * raw


@pytest.mark.parametrize(("rate", "most"), [(1.0, 0.05), (3.0, 0.06), (10.0, 0.15), (30.0, 0.25), (100.0, 0.30)])
def test_thinning_bursts_changes_the_estimate_little(rate: float, most: float) -> None:
    raw, estimated = np.mean([errors(bursts(rate), seed) for seed in range(6)], axis=0)
    assert estimated < most
    assert estimated < 0.5 * raw


@pytest.mark.parametrize("rate", [10.0, 100.0])
def test_even_where_orders_bunch_within_a_second_the_estimate_is_nearer(rate: float) -> None:
    """Each second has a rate of its own, exponential: the worst case, which no venue is known for."""
    dice = np.random.default_rng(1)
    raw, estimated = np.mean([errors(rate * dice.exponential(1, 600), seed) for seed in range(6)], axis=0)
    assert estimated < 0.75 * raw


def test_sizes_are_learnt_although_only_largest_orders_are_told() -> None:
    dice = np.random.default_rng(5)
    _, largest = slots(dice, np.full(5_000, 0.6))
    told = np.flatnonzero(largest)
    state = one_pair()
    advance(state, largest[told], NOW + told * SECOND)
    mu, sigma = (float(each[0]) for each in state.distribution(np.array([1])))
    assert abs(mu - math.log(MEDIAN)) < 0.25
    assert abs(sigma - SIGMA) < 0.15


def test_a_saturated_venue_is_censored_and_a_quiet_one_is_not() -> None:
    for rate, censored in ((0.02, False), (5.0, True)):
        state = one_pair()
        _, largest = slots(np.random.default_rng(3), np.full(400, rate))
        told = np.flatnonzero(largest)
        advance(state, largest[told], NOW + told * SECOND)
        assert state.censored.tolist()[:2] == [False, censored]


def test_a_venue_never_heard_hides_nothing() -> None:
    assert (one_pair().gain == 1).all()


@given(st.lists(st.tuples(st.floats(1e-3, 1e9), st.integers(0, 5_000)), min_size=1, max_size=40))
def test_estimates_are_never_below_what_was_told_and_always_finite(rows: list[tuple[float, int]]) -> None:
    state = one_pair()
    usd, at = np.array([row[0] for row in rows]), NOW + np.cumsum([row[1] for row in rows]) * 1_000_000
    hidden = advance(state, usd, at)
    for each in (hidden + 1, state.gain[1]):
        assert np.isfinite(each).all()
        assert (each >= 1).all()
    raw, estimate, error = state.minute(np.array([[1]]), int(at[-1]))
    assert 0 < raw[0] <= estimate[0]
    assert 0 <= error[0] < 2


@given(st.lists(st.tuples(st.floats(1, 1e6), st.integers(0, 3_000)), min_size=2, max_size=30), st.data())
def test_how_rows_are_cut_into_calls_changes_nothing(rows: list[tuple[float, int]], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(rows)))
    usd, at = np.array([row[0] for row in rows]), NOW + np.cumsum([row[1] for row in rows]) * 1_000_000
    whole, parts = one_pair(), one_pair()
    advance(whole, usd, at)
    advance(parts, usd[:cut], at[:cut])
    resumed = Saturation(WINDOWS_MS)
    resumed.restore(parts.snapshot())
    resumed.lanes.restore(parts.lanes.snapshot())
    advance(resumed, usd[cut:], at[cut:])
    for one, other in zip(whole.snapshot(), resumed.snapshot(), strict=True):
        assert one.tobytes() == other.tobytes()


@given(st.floats(-30, 30))
def test_the_normal_tail_is_right(z: float) -> None:
    wanted = 0.5 * math.erfc(z / math.sqrt(2))
    assert abs(float(tail(np.array(z))) - wanted) < 1e-7
    assert math.isclose(float(tail_and_density(np.array(z))[1]), math.exp(-z * z / 2) / math.sqrt(2 * math.pi))


positive = st.floats(1e-3, 1e9)


@given(st.lists(st.tuples(positive | st.just(math.nan), st.floats(0.01, 3)), min_size=1, max_size=5), positive)
def test_a_blend_lies_between_its_parts_and_above_the_bound(parts: list[tuple[float, float]], bound: float) -> None:
    estimates, log_errors = np.array(parts).T
    found = float(blend(estimates, log_errors, at_least=np.array(bound)))
    known = estimates[~np.isnan(estimates)]
    assert found >= bound
    if known.size:
        assert found <= max(bound, known.max() * (1 + 1e-9))
        assert found == bound or found >= known.min() * (1 - 1e-9)
    else:
        assert found == bound


def learnt(seconds: int = 600) -> Balance:
    """A symbol whose throttled venues had half of the others' USD, an order a second each."""
    balance, at = Balance(), NOW + np.arange(seconds) * SECOND
    balance.resize(1)
    for kind, usd in ((CAPPED, 500.0), (FREE, 1_000.0)):
        balance.advance(
            symbol=np.zeros(seconds, np.int64),
            kind=np.full(seconds, kind),
            usd=np.full(seconds, usd),
            at=at,
            teaches=np.ones(seconds, np.bool_),
        )
    return balance


def correct(balance: Balance, *, error: float, drop_usd: float = math.nan) -> float:
    """Correct an estimate of 30,000 USD where 10,000 were told and other venues say 30,000 as well."""
    return float(
        balance.correct(
            np.array([0]),
            NOW + 600 * SECOND,
            raw=np.array([10_000.0]),
            estimate=np.array([30_000.0]),
            error=np.array([error]),
            drop_usd=np.array([drop_usd]),
        )[0]
    )


def test_second_opinions_that_agree_change_nothing() -> None:
    assert abs(correct(learnt(), error=0.3) - 1) < 0.05


def test_a_drop_of_open_interest_pulls_the_estimate_to_it_and_more_where_that_is_vague() -> None:
    sure, vague = (correct(learnt(), error=error, drop_usd=300_000.0) for error in (0.05, 0.8))
    assert 1 < sure < 1.1 < vague
    assert correct(learnt(), error=0.3, drop_usd=12_000.0) < 1


def test_other_venues_say_nothing_before_the_ratio_is_learnt() -> None:
    assert correct(learnt(5), error=0.3) == pytest.approx(1)


def test_what_is_censored_teaches_no_ratio() -> None:
    balance = Balance()
    balance.resize(1)
    one = np.zeros(1, np.int64)
    for kind in (CAPPED, FREE):
        balance.advance(symbol=one, kind=one + kind, usd=one + 9.0, at=one + NOW, teaches=np.array([False]))
    assert not balance.usd[0, :, 0].any()
    assert balance.minute(one, NOW)[0] == 9.0
