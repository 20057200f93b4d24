"""Six transparent factors, each 0 to 100, beside the probability: they explain, they do not decide.

Ratios are in usual activity: 100 stands for a hundred times usual. Growth counts only as far as it is beyond three
standard errors of Poisson counts, and only upward: braking is not danger.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from foreshock_signals.domain.baseline import Usual
from foreshock_signals.domain.config import FactorWeights
from foreshock_signals.domain.features import SECONDS, SIXTY, TEN, TWO, Activity, log_ratio
from foreshock_signals.domain.table import Array

FULL_RATIO = 100.0
FULL_GROWTH = 4.0
ERRORS = 3.0
LEAST_CLUSTER = 5.0


class Factors(NamedTuple):
    """Each (R, 2), 0 to 100. growth, bend: the lower bounds behind acceleration and jerk, 0 where within noise."""

    velocity: Array
    acceleration: Array
    jerk: Array
    volume: Array
    correlation: Array
    clustering: Array
    growth: Array
    bend: Array


def _percent(value: Array) -> Array:
    percent: Array = np.clip(value, 0.0, 1.0) * 100.0
    return percent


def _growth(count: Array, short: int, long: int) -> tuple[Array, Array]:
    """Return ln(rate in the short window / rate in the rest of the long one) and its standard error.

    The two counts are disjoint, so Poisson: variance 1/n_short + 1/n_rest, with half an order added to each.
    """
    recent, rest = count[:, :, short] + 0.5, count[:, :, long] - count[:, :, short] + 0.5
    growth = np.log(recent / SECONDS[short]) - np.log(rest / (SECONDS[long] - SECONDS[short]))
    return growth, np.sqrt(1.0 / recent + 1.0 / rest)


def _clustering(count: Array) -> Array:
    """Share of the minute's orders in its last 2 or 10 s beyond chance (three errors of a binomial)."""
    total = count[:, :, SIXTY]
    some = np.maximum(total, 1.0)
    worst = np.zeros_like(total)
    for window in (TWO, TEN):
        even = SECONDS[window] / SECONDS[SIXTY]
        chance = even + ERRORS * np.sqrt(even * (1.0 - even) / some)
        worst = np.maximum(worst, (count[:, :, window] / some - chance) / (1.0 - even))
    return np.where(total >= LEAST_CLUSTER, worst, 0.0)


def factors(active: Activity, usual: Usual, correlation: Array) -> Factors:
    """Return the six factors; correlation (R, 2), NaN where undefined, scores 0 there."""
    expected = usual.rate[:, :, None] * SECONDS
    usd = log_ratio(active.clipped / usual.size[:, :, None], expected) / np.log(FULL_RATIO)
    recent, recent_error = _growth(active.orders, TWO, TEN)
    slow, slow_error = _growth(active.orders, TEN, SIXTY)
    braking = recent + ERRORS * recent_error < 0
    growth = np.maximum(recent - ERRORS * recent_error, np.where(braking, 0.0, slow - ERRORS * slow_error))
    bend = recent - slow - ERRORS * np.hypot(recent_error, slow_error)
    growth, bend = np.maximum(growth, 0.0), np.maximum(bend, 0.0)
    return Factors(
        velocity=_percent(np.maximum(usd[:, :, TWO], usd[:, :, TEN])),
        acceleration=_percent(growth / np.log(FULL_GROWTH)),
        jerk=_percent(bend / np.log(FULL_GROWTH)),
        volume=_percent(usd[:, :, SIXTY]),
        correlation=_percent(np.where(correlation > 0, correlation, 0.0)),
        clustering=_percent(_clustering(active.orders)),
        growth=growth,
        bend=bend,
    )


def risk(found: Factors, weights: FactorWeights) -> Array:
    """Return the weighted score, (R, 2), 0 to 100."""
    shares = [getattr(weights, name) for name in weights.__struct_fields__]
    scores = np.stack([getattr(found, name) for name in weights.__struct_fields__])
    weighted: Array = np.tensordot(np.array(shares) / sum(shares), scores, axes=1)
    return weighted
