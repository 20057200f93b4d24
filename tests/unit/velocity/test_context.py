"""Context says what is known, and NaN where nothing is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.velocity.entries_made import NOW, SECOND

from foreshock_velocity.domain.context import DEPTH_BID, FUNDING, INTEREST, Contracts, Marks, Whales, impact
from foreshock_velocity.domain.history import History

Array = npt.NDArray[Any]
MINUTE = 60 * SECOND


def contracts(*values: tuple[int, int, float, int], field: int = INTEREST, capped: tuple[int, ...] = ()) -> Contracts:
    """Tell (contract, symbol, value, seconds after NOW) one by one."""
    state = Contracts()
    state.resize(4)
    state.capped[list(capped)] = True
    for contract, symbol, value, second in values:
        state.advance(
            field,
            contract=np.array([contract]),
            symbol=np.array([symbol]),
            value=np.array([value]),
            ts=np.array([NOW + second * SECOND]),
        )
    return state


def test_open_interest_changes_over_the_contracts_known_at_both_times() -> None:
    """A contract that is heard of for the first time is no jump."""
    state = contracts((0, 0, 100.0, 0), (1, 0, 300.0, 0), (0, 0, 90.0, 55), (1, 0, 310.0, 60), (2, 0, 5_000.0, 60))
    now = NOW + 60 * SECOND
    assert state.interest_change(now, MINUTE, 2)[0] == pytest.approx(0.0)
    assert state.sums(INTEREST, now, 2)[0] == 5_400
    later = contracts((0, 0, 100.0, 0), (0, 0, 90.0, 60))
    assert later.interest_change(now, MINUTE, 2)[0] == pytest.approx(-0.1)
    assert np.isnan(later.interest_change(now, 5 * MINUTE, 2)[0])
    assert np.isnan(later.interest_change(now, MINUTE, 2)[1])


def test_old_open_interest_is_missing() -> None:
    state = contracts((0, 0, 100.0, 0), (0, 0, 90.0, 60))
    now = NOW + 181 * SECOND
    assert np.isnan(state.sums(INTEREST, now, 1)[0])
    assert np.isnan(state.interest_change(now, MINUTE, 1)[0])


def test_only_throttled_venues_and_only_falls_count_as_a_drop() -> None:
    state = contracts(
        (0, 0, 100.0, 0), (1, 0, 100.0, 0), (2, 1, 7.0, 0), (0, 0, 60.0, 60), (1, 0, 10.0, 60), capped=(0, 2)
    )
    state.advance(
        INTEREST, contract=np.array([2]), symbol=np.array([1]), value=np.array([9.0]), ts=np.array([NOW + MINUTE])
    )
    assert state.interest_drop(NOW + MINUTE, MINUTE, 3)[:2].tolist() == [40.0, 0.0]
    assert np.isnan(state.interest_drop(NOW + MINUTE, MINUTE, 3)[2])


def test_what_is_older_than_known_is_left_out() -> None:
    state = contracts((0, 0, 100.0, 10), (0, 0, 55.0, 5), field=DEPTH_BID)
    assert state.sums(DEPTH_BID, NOW + 10 * SECOND, 1)[0] == 100


def test_funding_and_its_change_are_of_one_contract() -> None:
    state = contracts((0, 0, 1e-4, 0), (0, 0, 3e-4, 310), (1, 0, 9e-4, 310), field=FUNDING)
    rate, change = state.funding_of(np.array([0, 1, 2, -1]), NOW + 310 * SECOND)
    assert rate[:2].tolist() == [3e-4, 9e-4]
    assert change[0] == pytest.approx(2e-4, rel=1e-5)
    assert np.isnan([change[1], rate[2], change[2], rate[3], change[3]]).all()


def moves(seconds: int) -> tuple[float, float]:
    """Return the moves over 10 and 60 s after a price that rises by 1 bp a second for so long."""
    marks, price = Marks(), 100.0
    marks.resize(1)
    for second in range(seconds + 1):
        price = 100.0 * np.exp(second / 1e4)
        marks.put(np.array([0]), np.array([NOW + second * SECOND]), np.array([price]))
    found = marks.move_bp(
        np.array([[0]]),
        np.array([[NOW + seconds * SECOND]]),
        mark=np.array([[price]]),
        back_ns=np.array([10, 60]) * SECOND,
    )
    return float(found[0, 0]), float(found[0, 1])


def test_moves_of_the_mark() -> None:
    assert moves(80) == pytest.approx((10, 60), abs=0.02)
    assert moves(20)[0] == pytest.approx(10, abs=0.02)
    assert np.isnan(moves(20)[1])


def test_a_mark_that_is_not_told_any_more_has_no_move() -> None:
    marks = Marks()
    marks.resize(1)
    marks.put(np.array([0]), np.array([NOW]), np.array([100.0]))
    at = np.array([[NOW + 12 * SECOND]])
    assert np.isnan(marks.move_bp(np.array([[0]]), at, mark=np.array([[100.0]]), back_ns=np.array([SECOND]))[0, 0])


def test_impact_has_the_sign_and_the_depth_of_the_flow() -> None:
    depth = np.array([[2e6, 4e6]])
    sold, sold_by_depth = impact(np.array([[-10.0]]), np.array([[-5e5]]), depth=depth)
    bought, bought_by_depth = impact(np.array([[10.0]]), np.array([[5e5]]), depth=depth)
    assert (sold[0, 0], bought[0, 0]) == (20, 20)
    assert (sold_by_depth[0, 0], bought_by_depth[0, 0]) == (40, 80)


def test_impact_of_next_to_nothing_or_of_an_unknown_price_or_depth_is_undefined() -> None:
    unknown = np.full((1, 2), np.nan)
    for found in (
        impact(np.array([[5.0]]), np.array([[9_999.0]]), depth=np.ones((1, 2))),
        impact(np.array([[np.nan]]), np.array([[1e6]]), depth=np.ones((1, 2))),
    ):
        assert np.isnan(found).all()
    plain, by_depth = impact(np.array([[5.0]]), np.array([[1e6]]), depth=unknown)
    assert plain[0, 0] == 5
    assert np.isnan(by_depth[0, 0])


def whales(usd: Array, *, second: int = 0) -> Whales:
    state = Whales()
    state.resize(1)
    zeros = np.zeros(len(usd), np.int64)
    state.advance(symbol=zeros, side=zeros, usd=usd, ts=zeros + NOW + second * SECOND)
    return state


def test_whales_are_large_for_their_symbol() -> None:
    dice = np.random.default_rng(1)
    state = whales(np.exp(6 + dice.standard_normal(2_000)))
    assert state.threshold(np.array([0]))[0] == pytest.approx(np.exp(6 + 1.645), rel=0.1)
    now = NOW + 300 * SECOND
    one = np.zeros(1, np.int64)
    for usd in (1e5, 1e3):
        state.advance(symbol=one, side=one, usd=one + usd, ts=one + now)
    share = state.share(one, now)[0]
    assert 0.9 < share[0] < 1
    assert np.isnan(state.share(one, now + 600 * SECOND)).all()


def test_without_enough_orders_or_on_a_side_without_any_the_share_is_undefined() -> None:
    one = np.zeros(1, np.int64)
    assert np.isnan(whales(np.full(29, 100.0)).share(one, NOW)).all()
    long, short = whales(np.full(30, 100.0)).share(one, NOW)[0]
    assert long == 0
    assert np.isnan(short)


@given(st.lists(st.tuples(st.integers(0, 200), st.floats(-1e6, 1e6)), min_size=1, max_size=40), st.integers(0, 11))
def test_a_history_is_what_was_told_last_until_then(told: list[tuple[int, float]], back: int) -> None:
    """Against a plain list, on steps of a second."""
    history, newest, kept = History(step_ns=SECOND, steps=12), -1, {}
    history.resize(1)
    for second, value in told:
        history.put(np.array([0]), np.array([NOW + second * SECOND + 5]), np.array([value]))
        if second >= newest:
            newest = second
            kept[second] = np.float32(value)
    then = min(newest, 200) - back
    known = [second for second in kept if second <= then]
    found = float(history.ago(np.array([0]), np.array([NOW + newest * SECOND]), back * SECOND)[0])
    assert found == kept[max(known)] if known else np.isnan(found)


def test_what_a_history_does_not_reach_is_unknown() -> None:
    history = History(step_ns=SECOND, steps=12)
    history.resize(1)
    for second in (0, 30):
        history.put(np.array([0]), np.array([NOW + second * SECOND]), np.array([float(second)]))
    at = np.array([NOW + 30 * SECOND])
    assert history.ago(np.array([0]), at, 5 * SECOND)[0] == 0
    assert np.isnan(history.ago(np.array([0]), at, 12 * SECOND)[0])
    assert history.ago(np.array([0]), at + 100 * SECOND, SECOND)[0] == 30
