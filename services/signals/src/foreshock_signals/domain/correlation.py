"""Do venues burst together? Residual correlation of their counts in 1 s bins, without matrices.

Counts are variance-stabilised (square root) and taken against each venue's own slow level, so that a shared trend is no
correlation (plain Pearson of smoothed rates gives 0.86 to 0.98 for independent venues on a common ramp). With residuals
z_v of deviation s_v, the mean of z_v z_w over pairs follows from the variance of their sum:

    r = (E[(sum z)^2] - sum s^2) / ((sum s)^2 - sum s^2)

shrunk by N / (N + 20), N = bins in which any venue spoke; undefined below N = 10 or with one venue alone.
"""

from __future__ import annotations

import numpy as np

from foreshock_signals.domain.baseline import SECOND
from foreshock_signals.domain.table import MAX_VENUES, Array, Rows

BIN = SECOND
LEVEL_SECONDS = 10.0
MEMORY_SECONDS = 60.0
LEAST_BINS = 10.0
SHRINK_BINS = 20.0


def update(rows: Rows, clock: Array, totals: Array, venues: Array) -> None:
    """Close the 1 s bins that `clock` (R,) has passed.

    totals (R, 2, V) are believable liquidations since the stream began; venues (V,) tells the column of each in the
    table, MAX_VENUES for none.
    """
    current = clock // BIN
    elapsed = current - rows["bin"]
    if not (elapsed > 0).any():
        return
    placed = np.zeros((len(rows), 2, MAX_VENUES + 1))
    placed[:, :, venues] = totals
    placed = placed[:, :, :MAX_VENUES]
    closing = (elapsed > 0) & (rows["bin"] > 0)
    _close(rows, np.flatnonzero(closing), np.minimum(elapsed, 600), placed)
    opening = np.flatnonzero(elapsed > 0)
    rows["bin"][opening] = current[opening]
    rows["bin_total"][opening] = placed[opening]


def _close(rows: Rows, which: Array, elapsed: Array, totals: Array) -> None:
    """Take the counts since the bin began into the moments; empty bins skipped in between only decay."""
    if not which.size:
        return
    some = rows[which]
    bins = elapsed[which].astype(np.float64)[:, None]
    spoken = np.sqrt(np.maximum(totals[which] - some["bin_total"], 0.0))
    residual = spoken - some["bin_level"]
    level, memory = np.exp(bins / -LEVEL_SECONDS), np.exp(bins / -MEMORY_SECONDS)
    rows["bin_level"][which] = spoken + (some["bin_level"] - spoken) * level[:, :, None]
    rows["bin_variance"][which] = some["bin_variance"] * memory[:, :, None] + residual**2
    rows["bin_sum_variance"][which] = some["bin_sum_variance"] * memory + residual.sum(axis=2) ** 2
    rows["bins"][which] = some["bins"] * memory + spoken.any(axis=2)


def correlation(rows: Rows) -> Array:
    """Return (R, 2): mean residual correlation over pairs of venues within -1..1, NaN where undefined."""
    deviation = np.sqrt(rows["bin_variance"])
    squares = rows["bin_variance"].sum(axis=2)
    pairs = deviation.sum(axis=2) ** 2 - squares
    bins = rows["bins"]
    defined = (bins >= LEAST_BINS) & (pairs > 1e-9 * squares) & (pairs > 0)
    raw = (rows["bin_sum_variance"] - squares) / np.where(defined, pairs, 1.0)
    shrunk = np.clip(raw, -1.0, 1.0) * bins / (bins + SHRINK_BINS)
    return np.where(defined, shrunk, np.nan)
