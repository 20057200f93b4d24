"""From windows to levels: one step of many symbols, on a working copy of their rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from foreshock_model.metrics import WindowMetrics
from foreshock_signals.domain import baseline, correlation, features, levels
from foreshock_signals.domain.baseline import Usual
from foreshock_signals.domain.features import Activity
from foreshock_signals.domain.levels import Limits
from foreshock_signals.domain.probability import probability
from foreshock_signals.domain.table import Array, Rows


class Scorer(NamedTuple):
    """What turns features into probability now.

    vector, intercept, rate_weight   the model
    multiplier                       the regime's, for bursts that begin
    sensitivity                      (R,) the operator's, by symbol
    """

    vector: Array
    intercept: float
    rate_weight: float
    multiplier: float
    sensitivity: Array


class Step(NamedTuple):
    """R symbols after one step; rows are a working copy, to be written back.

    at       (R,) row numbers; clock (R,) ns
    seen     (R, 2, F) features; correlation (R, 2), NaN where undefined
    metrics  what it was made from, row by row; None for silence
    """

    at: Array
    clock: Array
    rows: Rows
    active: Activity
    usual: Usual
    seen: Array
    correlation: Array
    metrics: WindowMetrics | None


def learn(rows: Rows, clock: Array, totals: tuple[Array, Array], venues: Array) -> None:
    """Bring baselines and correlation up to `clock` with total count and USD, (R, 2, V) each.

    venues (V,) is the column of each in the table, MAX_VENUES for those beyond.
    """
    count, usd = (baseline.believable(each, baseline.MOST_TOTAL) for each in totals)
    correlation.update(rows, clock, count, venues)
    baseline.update(rows, clock, count.sum(axis=2), usd.sum(axis=2))
    rows["venues"][:, venues] |= count.any(axis=1)


def look(at: Array, clock: Array, rows: Rows, metrics: WindowMetrics | None) -> Step:
    """Measure what the windows show; without metrics, silence."""
    usual = baseline.usual(rows)
    active = features.silence(len(rows)) if metrics is None else features.activity(metrics, usual)
    related = correlation.correlation(rows)
    return Step(at, clock, rows, active, usual, features.features(active, usual, related), related, metrics)


def decide(step: Step, scorer: Scorer, limit: Limits) -> None:
    """Find probability and level of each side; a burst keeps the regime's multiplier it began with."""
    rows = step.rows
    calm = rows["burst"] == 0
    needed = np.where(calm, scorer.multiplier, rows["multiplier"])
    rows["multiplier"] = needed
    log_odds = step.seen @ scorer.vector + scorer.intercept
    likely = probability(log_odds, needed / scorer.sensitivity[:, None], scorer.rate_weight)
    likely = levels.restrain(likely, step.active.orders[:, :, features.TEN], limit)
    levels.step(rows, step.clock, likely, limit)
    bursting = (rows["level"] > 0) | (likely >= limit.on[:, :1] * limit.off_ratio)
    rows["burst"] = np.where(bursting, np.where(calm, step.clock[:, None], rows["burst"]), 0)
