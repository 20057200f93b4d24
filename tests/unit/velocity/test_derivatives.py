"""Acceleration and jerk are exact where the mathematics says so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_model.metrics import WINDOWS_MS
from foreshock_velocity.domain.derivatives import derivatives

SECONDS = np.array(WINDOWS_MS) / 1_000
NUMBERS = st.floats(-1e4, 1e4)


def means(level: float, slope: float, curve: float) -> np.ndarray:
    """Means of level + slope t + curve t^2 / 2 over [-w, 0], by its antiderivative."""
    return level - slope * SECONDS / 2 + curve * SECONDS**2 / 6


@given(NUMBERS, NUMBERS)
def test_a_linear_ramp_gives_its_slope_and_no_jerk(level: float, slope: float) -> None:
    acceleration, jerk = derivatives(means(level, slope, 0.0), SECONDS)
    assert acceleration[:-1] == pytest.approx(np.full(6, slope), abs=1e-6)
    assert jerk[:-2] == pytest.approx(np.zeros(5), abs=1e-4)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_a_quadratic_ramp_gives_its_curvature(level: float, slope: float, curve: float) -> None:
    acceleration, jerk = derivatives(means(level, slope, curve), SECONDS)
    assert jerk[:-2] == pytest.approx(np.full(5, curve), rel=1e-6, abs=1e-3)
    # the slope at (w_i + w_{i+1}) / 3 ago, as the derivation says
    ago = (SECONDS[1:] + SECONDS[:-1]) / 3
    assert acceleration[:-1] == pytest.approx(slope - curve * ago, rel=1e-6, abs=1e-3)


def test_the_last_places_are_undefined() -> None:
    acceleration, jerk = derivatives(np.ones((3, 2, 7)), SECONDS)
    assert acceleration.shape == jerk.shape == (3, 2, 7)
    assert np.isnan(acceleration[..., -1]).all()
    assert np.isnan(jerk[..., -2:]).all()
    assert np.isfinite(acceleration[..., :-1]).all()
    assert np.isfinite(jerk[..., :-2]).all()


def test_two_windows_give_one_acceleration_and_no_jerk() -> None:
    acceleration, jerk = derivatives(np.array([3.0, 1.0]), np.array([1.0, 3.0]))
    assert acceleration[0] == 2.0
    assert np.isnan(jerk).all()


def test_the_stated_variance_of_an_acceleration_holds_for_poisson_counts() -> None:
    random = np.random.default_rng(7)
    rate, short, long = 50.0, 0.5, 2.0
    inner = random.poisson(rate * short, 40_000)
    outer = inner + random.poisson(rate * (long - short), 40_000)
    acceleration, _ = derivatives(np.stack([inner / short, outer / long], axis=1), np.array([short, long]))
    assert acceleration[:, 0].var() == pytest.approx(4 * rate / (short * long * (long - short)), rel=0.03)
