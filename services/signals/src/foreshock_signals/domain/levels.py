"""NONE, WATCH, ALERT, CRITICAL, EXTREME: one table of thresholds, entered with persistence and left with hysteresis.

| event | condition on probability p | then |
|---|---|---|
| reached L | p >= on(L) for `persistence`, or p far above on(L) at once | level rises to the highest L reached |
| held L | p >= off_ratio x on(L) | level stays |
| released | level not held for `release` | level falls to the highest L still held, NONE if none |

Too few liquidations never reach ALERT, whatever their size. Levels rise with p, so the rules for all four are one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from foreshock_model.signal import Level
from foreshock_signals.domain.baseline import SECOND
from foreshock_signals.domain.config import SignalsConfig, Thresholds
from foreshock_signals.domain.table import Array, Rows

FAR_LOG_ODDS = 1.5
"""Above a threshold by this much in log odds (0.5 by 0.82), a level begins at once."""
LEAST_ORDERS = 4.0
"""Liquidations in 10 s without which it is no cascade."""
FEW_SHARE = 0.95
"""With fewer, probability stays below this share of the ALERT threshold."""


class Limits(NamedTuple):
    """Thresholds of R symbols and the timing, ns.

    on    (R, 4) probability at which WATCH .. EXTREME begin
    far   (R, 4) probability at which they begin at once
    """

    on: Array
    far: Array
    off_ratio: float
    persistence: int
    release: int


def far_above(on: Array) -> Array:
    """Return the probability FAR_LOG_ODDS above each threshold."""
    above: Array = 1.0 / (1.0 + (1.0 - on) / on * np.exp(-FAR_LOG_ODDS))
    return above


def limits(config: SignalsConfig, symbols: list[str]) -> Limits:
    """Return the limits of these symbols, exceptions applied."""
    on = np.tile(_ascending(config.thresholds), (len(symbols), 1))
    if config.overrides:
        for at, symbol in enumerate(symbols):
            override = config.overrides.get(symbol)
            if override is not None and override.thresholds is not None:
                on[at] = _ascending(override.thresholds)
    persistence, release = round(config.persistence_seconds * SECOND), round(config.release_seconds * SECOND)
    return Limits(on, far_above(on), config.off_ratio, persistence, release)


def _ascending(thresholds: Thresholds) -> Array:
    return np.array([thresholds.watch, thresholds.alert, thresholds.critical, thresholds.extreme])


def restrain(probability: Array, orders: Array, limit: Limits) -> Array:
    """Keep probability (R, 2) below ALERT where `orders` (R, 2) in 10 s are too few for a cascade."""
    most = limit.on[:, Level.ALERT - 1, None] * FEW_SHARE
    restrained: Array = np.where(orders < LEAST_ORDERS, np.minimum(probability, most), probability)
    return restrained


def step(rows: Rows, clock: Array, probability: Array, limit: Limits) -> None:
    """Bring `level` of the rows up to `clock` (R,) ns with the probability (R, 2) of then."""
    now = clock[:, None]
    p = probability[:, :, None]
    meets = p >= limit.on[:, None, :]
    since = np.where(meets, np.where(rows["above"] > 0, rows["above"], now[:, :, None]), 0)
    lasting = meets & (now[:, :, None] - since >= limit.persistence)
    reached = (lasting | (p >= limit.far[:, None, :])).sum(axis=2)
    held = (p >= limit.on[:, None, :] * limit.off_ratio).sum(axis=2)
    level = rows["level"]
    below = np.where(held < level, np.where(rows["below"] > 0, rows["below"], now), 0)
    released = (below > 0) & (now - below >= limit.release)
    after = np.maximum(reached, np.where(released, held, level))
    rows["above"], rows["probability"], rows["level"] = since, probability, after
    rows["below"] = np.where(after == level, below, 0)
