"""BTC's volatility regime: six levels of realised volatility, from mark prices in event time.

Squared log returns over at least 5 s go into a decayed average of 5 minutes, started from an ordinary day as if that
had been watched for a minute. The floors of the levels are absolute while there is no month of history to take
percentiles from: 15, 30, 60, 100 and 180 % a year, in basis points per 5 minutes (1 % a year = 0.308 bp per 5 min).
A level changes when volatility is 15 % past the border, and not within 5 minutes of the last change.
"""

from __future__ import annotations

from bisect import bisect_right
from math import exp, log, sqrt

import msgspec

from foreshock_model.signal import Volatility
from foreshock_signals.domain.baseline import SECOND

BP_PER_YEAR_PERCENT = 10_000 / 100 / sqrt(365 * 24 * 12)
FLOORS_PERCENT = (15.0, 30.0, 60.0, 100.0, 180.0)
FLOORS_BP = tuple(percent * BP_PER_YEAR_PERCENT for percent in FLOORS_PERCENT)
MULTIPLIERS = (0.7, 0.85, 1.0, 1.25, 1.6, 2.0)
"""How much more activity each regime asks for, applied once on the rate needed."""
HYSTERESIS = 1.15
DWELL = 300 * SECOND
STEP = 5 * SECOND
LONGEST_STEP = 60 * SECOND
MEMORY_SECONDS = 300.0
PRIOR_SECONDS = 60.0
PRIOR_BP = 12.0
LARGEST_RETURN = 0.2
"""A jump beyond this in a minute is a fault of the data."""
WARM = 300 * SECOND


class RegimeState(msgspec.Struct):
    """What the estimator remembers; plain numbers, so that it survives as JSON."""

    level: int = int(Volatility.NORMAL)
    changed: int = 0
    first: int = 0
    anchor: float = 0.0
    anchor_ts: int = 0
    mark: float = 0.0
    mark_ts: int = 0
    squares: float = 0.0
    exposure: float = 0.0


def multiplier(level: int) -> float:
    """Return how much more activity a regime asks for."""
    return MULTIPLIERS[level]


def volatility_bp(state: RegimeState) -> float:
    """Return realised volatility in basis points per 5 minutes."""
    # The prior steps back as prices come in: it must not hold up the volatility of a dead calm.
    weight = PRIOR_SECONDS * max(0.0, 1.0 - state.exposure / MEMORY_SECONDS) + 1e-6
    prior = (PRIOR_BP / 10_000) ** 2 / 300 * weight
    return sqrt((state.squares + prior) / (state.exposure + weight) * 300) * 10_000


def warming(state: RegimeState) -> bool:
    """Tell whether less than five minutes of prices are known."""
    return state.first == 0 or state.mark_ts - state.first < WARM


def observe(state: RegimeState, price: float, ts: int) -> None:
    """Take in a mark price [USD] of `ts` ns. Prices that are not positive and finite, or older, are ignored."""
    if not 0 < price < float("inf") or ts <= state.mark_ts:
        return
    state.mark, state.mark_ts = price, ts
    state.first = state.first or ts
    elapsed = ts - state.anchor_ts
    if elapsed < STEP:
        return
    if state.anchor > 0 and elapsed <= LONGEST_STEP:
        _learn(state, log(price / state.anchor), elapsed / SECOND)
    state.anchor, state.anchor_ts = price, ts
    _settle(state, ts)


def _learn(state: RegimeState, change: float, seconds: float) -> None:
    if abs(change) > LARGEST_RETURN:
        return
    decay = exp(-seconds / MEMORY_SECONDS)
    state.squares = state.squares * decay + change * change
    state.exposure = state.exposure * decay + MEMORY_SECONDS * (1 - decay)


def _settle(state: RegimeState, ts: int) -> None:
    if warming(state) or (state.changed and ts - state.changed < DWELL):
        return
    value = volatility_bp(state)
    up, down = bisect_right(FLOORS_BP, value / HYSTERESIS), bisect_right(FLOORS_BP, value * HYSTERESIS)
    # Within the band around a border `up` is the lower and `down` the higher side of it: the level stays.
    level = max(up, min(state.level, down))
    if level != state.level:
        state.level, state.changed = level, ts
