"""The six factors: 0 to 100, noise is no growth, braking is no danger."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.signals.metrics_made import SECOND, Hit, cascade, measure

from foreshock_signals.domain import features, scores
from foreshock_signals.domain.baseline import Usual
from foreshock_signals.domain.config import FactorWeights
from foreshock_signals.domain.features import Activity

USUAL = Usual(np.full((1, 2), 0.2), np.full((1, 2), 9_600.0))
NAMES = FactorWeights.__struct_fields__


def factors(hits: list[Hit], now: int, correlation: float = float("nan")) -> scores.Factors:
    active = features.activity(measure(hits, now, ("BTCUSDT",)), USUAL)
    return scores.factors(active, USUAL, np.full((1, 2), correlation))


def test_silence_scores_nothing() -> None:
    quiet = scores.factors(features.silence(1), USUAL, np.full((1, 2), np.nan))
    assert all((getattr(quiet, name) == 0).all() for name in NAMES)
    assert (scores.risk(quiet, FactorWeights()) == 0).all()


def test_a_rising_cascade_scores_high_in_every_factor_but_the_undefined() -> None:
    found = factors(cascade(0), 4 * SECOND)
    assert found.velocity[0, 0] > 80
    assert found.acceleration[0, 0] > 0
    assert found.volume[0, 0] > 50
    assert found.clustering[0, 0] > 50
    assert found.correlation[0, 0] == 0


def test_one_isolated_order_of_any_size_does_not_accelerate_or_cluster() -> None:
    found = factors([Hit(0, 5e9)], 0)
    assert found.acceleration[0, 0] == found.jerk[0, 0] == found.clustering[0, 0] == 0
    assert scores.risk(found, FactorWeights())[0, 0] < 50


def test_poisson_noise_is_no_acceleration() -> None:
    times = np.random.default_rng(7).uniform(0, 600, 1_200) * SECOND
    hits = [Hit(int(at)) for at in times]
    found = [factors(hits, now * SECOND) for now in range(60, 600, 5)]
    assert np.mean([each.acceleration[0, 0] > 0 for each in found]) < 0.03
    assert np.mean([each.jerk[0, 0] > 0 for each in found]) < 0.03


def test_braking_is_no_danger() -> None:
    hits = [Hit(number * SECOND // 50) for number in range(500)]
    found = factors(hits, 14 * SECOND)
    assert found.acceleration[0, 0] == 0
    assert found.jerk[0, 0] == 0


@pytest.mark.parametrize(("correlation", "score"), [(float("nan"), 0), (-0.4, 0), (0.35, 35)])
def test_correlation_scores_only_where_it_is_positive(correlation: float, score: float) -> None:
    assert factors([], 0, correlation).correlation[0, 0] == pytest.approx(score)


def test_risk_is_the_weighted_mean_whatever_the_weights_add_up_to() -> None:
    found = factors(cascade(0), 4 * SECOND, 0.5)
    only = FactorWeights(velocity=0.3, acceleration=0, jerk=0, volume=0, correlation=0.1, clustering=0)
    expected = 0.75 * found.velocity + 0.25 * found.correlation
    assert scores.risk(found, only) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1e6), min_size=8, max_size=8), st.lists(st.floats(0, 1e12), min_size=8, max_size=8))
def test_factors_lie_within_0_and_100(orders: list[float], usd: list[float]) -> None:
    nested = np.cumsum(np.array(orders).reshape(1, 2, 4), axis=2)
    money = np.cumsum(np.array(usd).reshape(1, 2, 4), axis=2)
    venue = np.zeros((1, 2, 1))
    found = scores.factors(Activity(nested, money, money, venue, venue, venue), USUAL, np.full((1, 2), 0.3))
    for name in NAMES:
        value = getattr(found, name)
        assert ((value >= 0) & (value <= 100)).all()
