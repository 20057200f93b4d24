"""The probability that a cascade is under way: a logistic on log ratios, monotone in every input."""

from __future__ import annotations

from math import isfinite

import msgspec
import numpy as np

from foreshock_signals.domain.features import NAMES
from foreshock_signals.domain.table import Array


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Weights of a logistic.

    version     names it in signals
    origin      how the weights were chosen
    intercept   log odds when nothing is above what is usual
    weights     by feature name, all of features.NAMES, none negative (more activity never means less danger)
    """

    version: str
    origin: str
    intercept: float
    weights: dict[str, float]

    def __post_init__(self) -> None:
        """Raise ValueError unless there is one finite weight, not negative, for each feature."""
        if set(self.weights) != set(NAMES):
            msg = f"weights are for {sorted(self.weights)}, expected {sorted(NAMES)}"
            raise ValueError(msg)
        for name, weight in self.weights.items():
            if not (isfinite(weight) and weight >= 0):
                msg = f"weight of {name!r} must be finite and not negative, got {weight}"
                raise ValueError(msg)

    @property
    def vector(self) -> Array:
        """Weights in the order of features.NAMES."""
        return np.array([self.weights[name] for name in NAMES])

    @property
    def rate_weight(self) -> float:
        """Log odds lost when all activity is divided by e: what turns a multiplier on rates into log odds."""
        return sum(weight for name, weight in self.weights.items() if name.startswith(("count_", "usd_")))


def probability(log_odds: Array, rate_needed: Array, rate_weight: float) -> Array:
    """Return the probability when `rate_needed` times the activity is asked for: logit p' = logit p - k ln m."""
    shifted = log_odds - rate_weight * np.log(rate_needed)
    likely: Array = 1.0 / (1.0 + np.exp(-np.clip(shifted, -60.0, 60.0)))
    return likely
