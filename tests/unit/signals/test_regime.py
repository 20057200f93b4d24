"""BTC's regime: levels of realised volatility, slow to change, deaf to nonsense."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.signals.metrics_made import NOW, SECOND

from foreshock_model.signal import Volatility
from foreshock_signals.domain import regime
from foreshock_signals.domain.regime import RegimeState


def walk(state: RegimeState, percent: float, seconds: int, start: int = 0, seed: int = 1) -> None:
    """Feed a random walk of so many percent a year, one price a second."""
    step = percent * regime.BP_PER_YEAR_PERCENT / 1e4 / np.sqrt(300)
    rng = np.random.default_rng(seed)
    price = state.mark or 60_000.0
    for second in range(start, start + seconds):
        price *= float(np.exp(step * rng.standard_normal()))
        regime.observe(state, price, NOW + second * SECOND)


@pytest.mark.parametrize(
    ("percent", "level"),
    [
        (5, Volatility.DORMANT),
        (22, Volatility.LOW),
        (43, Volatility.NORMAL),
        (77, Volatility.ELEVATED),
        (135, Volatility.HIGH),
        (300, Volatility.EXTREME),
    ],
)
def test_each_level_has_its_volatility(percent: float, level: Volatility) -> None:
    state = RegimeState()
    walk(state, percent, 3_600)
    assert state.level == level
    assert regime.volatility_bp(state) == pytest.approx(percent * regime.BP_PER_YEAR_PERCENT, rel=0.35)


def test_nothing_known_is_normal_and_warming() -> None:
    state = RegimeState()
    assert state.level == Volatility.NORMAL
    assert regime.warming(state)
    assert regime.volatility_bp(state) == pytest.approx(regime.PRIOR_BP)
    walk(state, 300, 299)
    assert state.level == Volatility.NORMAL
    walk(state, 300, 10, start=299)
    assert not regime.warming(state)
    assert state.level > Volatility.NORMAL


def test_a_level_dwells_for_five_minutes() -> None:
    state = RegimeState()
    walk(state, 300, 400)
    high, changed = state.level, state.changed
    walk(state, 1, 290 - (400 - (changed - NOW) // SECOND), start=400)
    assert state.level == high
    walk(state, 1, 3_600, start=690)
    assert state.level == Volatility.DORMANT


def test_within_the_band_around_a_border_the_level_stays() -> None:
    for level in (Volatility.NORMAL, Volatility.ELEVATED):
        state = RegimeState(level=int(level), first=NOW, mark_ts=NOW + 400 * SECOND, mark=1.0)
        state.exposure = 300.0
        border = regime.FLOORS_BP[Volatility.NORMAL]
        state.squares = (border / 1e4) ** 2
        assert regime.volatility_bp(state) == pytest.approx(border)
        regime.observe(state, 1.0, NOW + 401 * SECOND)
        assert state.level == level


@given(st.floats() | st.just(0.0), st.integers(-(2**62), 2**62))
def test_a_price_that_makes_no_sense_changes_nothing_or_little(price: float, ts: int) -> None:
    state = RegimeState()
    walk(state, 50, 30)
    before = regime.volatility_bp(state)
    regime.observe(state, price, ts)
    after = regime.volatility_bp(state)
    assert np.isfinite(after)
    if not (0 < price < float("inf")) or ts <= NOW:
        assert after == before


def test_a_jump_beyond_belief_and_a_long_silence_are_no_returns() -> None:
    state = RegimeState()
    walk(state, 50, 30)
    before = state.squares
    regime.observe(state, state.mark * 3, NOW + 40 * SECOND)
    assert state.squares == before
    regime.observe(state, state.mark / 2, NOW + 4_000 * SECOND)
    assert state.squares == before


def test_multipliers_rise_with_the_regime_and_stay_within_bounds() -> None:
    multipliers = [regime.multiplier(level) for level in Volatility]
    assert multipliers == sorted(multipliers)
    assert multipliers[Volatility.NORMAL] == 1.0
    assert all(0.5 <= each <= 2.5 for each in multipliers)


def test_the_state_survives_as_json() -> None:
    state = RegimeState()
    walk(state, 80, 700)
    again = msgspec.json.decode(msgspec.json.encode(state), type=RegimeState)
    walk(state, 20, 600, start=700)
    walk(again, 20, 600, start=700)
    assert again == state
