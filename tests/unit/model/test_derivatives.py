"""Derivatives are unbiased on known ramps, and their errors mean what they say."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_model.derivatives import (
    Derivatives,
    Scale,
    Thirds,
    agreement,
    derivatives,
    errors_of_rate,
    of_rate,
    scale,
)

Array = npt.NDArray[np.float64]
NUMBERS = st.floats(-1e4, 1e4)
WINDOWS = (100, 500, 2_000, 10_000, 30_000, 60_000, 300_000)
TEN = scale((10_000,))
LENGTH = 10.0 * 17 / 52
"""Of a third of ten seconds, in seconds."""
RUNS = 6_000


class Ramp(NamedTuple):
    """Means of three thirds, and the true derivatives of the rate."""

    means: Array
    acceleration: float
    jerk: float
    growth: float
    bend: float


def linear(events: float, rise: float) -> Ramp:
    """A rate that changes by `rise` of its mean from the first third to the last."""
    means = events / 3 * np.array([1 - rise / 2, 1.0, 1 + rise / 2])
    slope = (means[2] - means[0]) / (2 * LENGTH**2)
    bend = np.log(means[2] * means[0] / means[1] ** 2) / LENGTH**2
    return Ramp(means, slope, 0.0, np.log(means[2] / means[0]) / (2 * LENGTH), bend)


def exponential(events: float, folds: float) -> Ramp:
    """A rate that grows by so many e-folds from the middle of the first third to that of the last."""
    means = np.exp(np.array([-0.5, 0.0, 0.5]) * folds)
    means *= events / means.sum()
    jerk = (means[2] - 2 * means[1] + means[0]) / LENGTH**3
    return Ramp(means, (means[2] - means[0]) / (2 * LENGTH**2), jerk, folds / (2 * LENGTH), 0.0)


RAMPS = {
    "steady, 15": linear(15, 0),
    "steady, 60": linear(60, 0),
    "steady, 5000": linear(5_000, 0),
    "linear, 20": linear(20, 1.0),
    "linear, 5000": linear(5_000, 1.0),
    "linear down, 60": linear(60, -1.0),
    "exponential, 25": exponential(25, 1.4),
    "exponential, 100": exponential(100, 2.7),
    "exponential, 5000": exponential(5_000, 2.7),
}


def simulate(ramp: Ramp, seed: int) -> Thirds:
    counts = np.random.default_rng(seed).poisson(ramp.means, (RUNS, 3)).astype(np.float64)
    return Thirds(*(counts[:, at, None] for at in range(3)))


def bias_and_coverage(estimate: Array, error: Array, truth: float) -> tuple[float, float]:
    """Return the bias in standard deviations of one estimate, and the share of 95 % intervals that hold the truth."""
    inside = np.abs(estimate - truth) <= 1.96 * error
    return float((estimate.mean() - truth) / estimate.std()), float(inside.mean())


def judge(found: Derivatives, ramp: Ramp, names: tuple[str, ...], scale_by: float = 1.0) -> None:
    for name in names:
        truth = getattr(ramp, name) * (scale_by if name in {"acceleration", "jerk"} else 1.0)
        estimate, error = getattr(found, name)[:, 0], getattr(found, f"{name}_error")[:, 0]
        bias, coverage = bias_and_coverage(estimate.astype(np.float64), error, truth)
        assert abs(bias) < 0.06, (name, bias)
        assert 0.90 <= coverage <= 0.99, (name, coverage)


@pytest.mark.parametrize("ramp", RAMPS)
def test_counts_give_unbiased_derivatives_and_intervals_that_hold_the_truth(ramp: str) -> None:
    judge(derivatives(simulate(RAMPS[ramp], 1), TEN), RAMPS[ramp], ("acceleration", "jerk", "growth", "bend"))


@pytest.mark.parametrize("ramp", ["steady, 15", "steady, 60", "steady, 5000", "exponential, 100", "exponential, 5000"])
@pytest.mark.parametrize("sigma", [0.5, 1.0])
def test_so_do_usd_whose_sizes_differ(ramp: str, sigma: float) -> None:
    """Lognormal sizes; the unit is the true one."""
    random = np.random.default_rng(2)
    counts = random.poisson(RAMPS[ramp].means, (RUNS, 3))
    usd = np.zeros((RUNS, 3))
    sizes = random.lognormal(0.0, sigma, counts.sum())
    np.add.at(usd.reshape(-1), np.repeat(np.arange(counts.size), counts.ravel()), sizes)
    unit = np.full((RUNS, 1), np.exp(1.5 * sigma**2))
    found = derivatives(Thirds(*(usd[:, at, None] / unit for at in range(3))), TEN, unit)
    judge(found, RAMPS[ramp], ("acceleration", "jerk"), float(np.exp(sigma**2 / 2)))


@given(NUMBERS, NUMBERS, NUMBERS)
def test_a_parabola_gives_its_slope_and_its_curvature(level: float, slope: float, curve: float) -> None:
    square = curve * LENGTH**2
    means = [
        LENGTH * (level - slope * LENGTH + 13 / 24 * square),
        LENGTH * (level + square / 24),
        LENGTH * (level + slope * LENGTH + 13 / 24 * square),
    ]
    thirds = Thirds(*(np.array([each + 1e7]) for each in means))
    acceleration, jerk = of_rate(thirds, TEN)
    assert acceleration[0] == pytest.approx(slope, rel=1e-6, abs=1e-6)
    assert jerk[0] == pytest.approx(curve, rel=1e-6, abs=1e-6)


@given(st.lists(st.integers(0, 1_000), min_size=3, max_size=3), st.floats(0.001, 1e6))
def test_the_unit_scales_the_rates_derivatives_and_not_the_logarithms(counts: list[int], unit: float) -> None:
    thirds = Thirds(*(np.array([float(each)]) for each in counts))
    plain, scaled = derivatives(thirds, TEN), derivatives(thirds, TEN, unit)
    for name in Derivatives._fields:
        factor = unit if name.startswith(("acceleration", "jerk")) else 1.0
        expected = getattr(plain, name) * factor
        assert getattr(scaled, name) == pytest.approx(expected, rel=1e-5, nan_ok=True)


def test_what_is_empty_is_undefined_and_nothing_else() -> None:
    thirds = Thirds(np.array([0.0, 1.0]), np.array([0.0, 0.0]), np.array([0.0, 0.0]))
    for each in derivatives(thirds, scale((2_000, 10_000))):
        assert np.isnan(each).tolist() == [True, False]
    assert np.isnan(np.stack(derivatives(Thirds(*(each * np.nan for each in thirds)), TEN))).all()


def test_one_event_is_no_significant_change() -> None:
    for at in range(3):
        counts = [np.array([float(at == each)]) for each in range(3)]
        found = derivatives(Thirds(*counts), TEN)
        for name in ("acceleration", "jerk", "growth", "bend"):
            assert abs(getattr(found, name)[0]) <= 1.96 * getattr(found, f"{name}_error")[0]


def test_thirds_are_a_little_less_than_a_third() -> None:
    by: Scale = scale(WINDOWS)
    seconds = 1 / (2 * by.log_slope)
    assert seconds == pytest.approx([0.7 / 22, 3.5 / 22, 34 / 52, 170 / 52, 510 / 52, 1_020 / 52, 5_100 / 52])


def test_agreement_is_a_standard_score_where_the_rate_is_one() -> None:
    random = np.random.default_rng(5)
    inner = random.poisson(20, 20_000)
    count = np.stack([inner, inner + random.poisson(80, 20_000)], axis=1)
    z = agreement(count, np.array([2_000, 10_000]))
    assert abs(z[:, 0].mean()) < 0.03
    assert z[:, 0].std() == pytest.approx(1, abs=0.02)
    assert np.isnan(z[:, 1]).all()


def test_a_burst_makes_windows_disagree_and_an_empty_one_has_no_opinion() -> None:
    z = agreement(np.array([[10, 10], [0, 30], [0, 0]]), np.array([2_000, 10_000]))
    assert z[0, 0] == pytest.approx(8 / np.sqrt(1.6))
    assert z[1, 0] < -2
    assert np.isnan(z[2]).all()


@given(st.tuples(*(st.just(0.0) | st.floats(1, 1e6),) * 3), st.floats(1, 1e5))
def test_errors_alone_are_those_beside_the_derivatives(held: tuple[float, float, float], unit: float) -> None:
    thirds = Thirds(*(np.array([each]) for each in held))
    slope, curve = errors_of_rate(thirds, TEN)
    found = derivatives(thirds, TEN, unit)
    np.testing.assert_allclose(slope * unit, found.acceleration_error, rtol=1e-5)
    np.testing.assert_allclose(curve * unit, found.jerk_error, rtol=1e-5)
    assert np.isnan(slope[0]) == (sum(held) == 0)
