"""The model: what it refuses, and how a multiplier acts on it."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from foreshock_signals.domain.prior_model import PRIOR_MODEL
from foreshock_signals.domain.probability import Model, probability


def changed(**weights: float) -> dict[str, Any]:
    return {**msgspec.to_builtins(PRIOR_MODEL), "weights": {**PRIOR_MODEL.weights, **weights}}


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_a_weight_that_would_reward_calm_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="count_2s"):
        Model(**changed(count_2s=weight))


def test_a_model_for_other_features_is_refused() -> None:
    with pytest.raises(ValueError, match="price_move"):
        Model(**changed(price_move=1.0))


def test_a_model_survives_as_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(PRIOR_MODEL), type=Model) == PRIOR_MODEL


def test_a_multiplier_acts_once_on_the_rate_needed() -> None:
    log_odds = np.array([0.7])
    shifted = probability(log_odds, np.array([2.0]), PRIOR_MODEL.rate_weight)
    expected = 1 / (1 + np.exp(-(0.7 - PRIOR_MODEL.rate_weight * np.log(2))))
    assert shifted == pytest.approx(expected)


def test_extreme_log_odds_stay_finite() -> None:
    assert np.isfinite(probability(np.array([1e9, -1e9]), np.array([0.5, 2.5]), 3.0)).all()
