"""What the model sees of each symbol and side: log ratios to what is usual, never negative, 0 where nothing is known.

Every feature grows (or stays) when a liquidation is added or grows, and none grows when an input is missing or absurd.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from foreshock_model.metrics import WindowMetrics
from foreshock_signals.domain.baseline import MOST_TOTAL, SIZE_CAP, Usual, believable
from foreshock_signals.domain.table import Array

WINDOWS_MS = (2_000, 10_000, 60_000, 300_000)
"""Windows that are read; shorter ones lie below the resolution of most feeds and measure their batching."""
SECONDS = np.array(WINDOWS_MS) / 1_000
TWO, TEN, SIXTY, LONG = range(4)
NAMES = (
    "count_2s",
    "count_10s",
    "count_60s",
    "count_300s",
    "usd_2s",
    "usd_10s",
    "usd_60s",
    "usd_300s",
    "breadth",
    "correlation",
)
MOST_COUNT = 1e6
MOST_USD = 1e12
"""More than this in one window of one venue is a fault of the data."""
BREADTH_RATIO = 3.0
BREADTH_EVENTS = 2.0
LEAST_SHARE = 0.15
"""A venue's usual share is at least this, so that a newcomer's first orders are no breadth."""


class Activity(NamedTuple):
    """Believable input, windows of WINDOWS_MS.

    orders, usd   (R, 2, 4) over all venues, usd as reported
    clipped       (R, 2, 4) usd with each order at most SIZE_CAP usual ones on average
    venue_orders, venue_usd   (R, 2, V) in 10 s
    share         (R, 2, V) of the liquidations since the stream began
    """

    orders: Array
    usd: Array
    clipped: Array
    venue_orders: Array
    venue_usd: Array
    share: Array


@lru_cache(maxsize=8)
def positions(windows_ms: tuple[int, ...]) -> tuple[int, ...]:
    """Return where WINDOWS_MS stand among these. Raises ValueError when one is missing."""
    try:
        return tuple(windows_ms.index(each) for each in WINDOWS_MS)
    except ValueError:
        msg = f"windows_ms {windows_ms} lack one of {WINDOWS_MS}"
        raise ValueError(msg) from None


def _nested(values: Array) -> Array:
    """A window holds at least what shorter ones hold; where it does not, the shorter ones are not believed."""
    nested: Array = np.minimum.accumulate(values[..., ::-1], axis=-1)[..., ::-1]
    return nested


def activity(metrics: WindowMetrics, usual: Usual) -> Activity:
    """Read the windows of a WindowMetrics. Raises ValueError when a window of WINDOWS_MS is not in it."""
    at = positions(metrics.windows_ms)
    count = _nested(believable(metrics.count[..., at], MOST_COUNT))
    usd = _nested(np.where(count > 0, believable(metrics.usd[..., at], MOST_USD), 0.0))
    clipped = np.minimum(usd, count * (usual.size * SIZE_CAP)[:, :, None, None])
    totals = believable(metrics.total_count, MOST_TOTAL)
    share = totals / np.maximum(totals.sum(axis=2, keepdims=True), 1.0)
    # A total below what its own window holds is not believed: such a venue must burst alone to count as broad.
    share = np.where(totals >= count[..., LONG], share, 1.0)
    return Activity(count.sum(axis=2), usd.sum(axis=2), clipped.sum(axis=2), count[..., TEN], usd[..., TEN], share)


def silence(rows: int) -> Activity:
    """Return the activity of rows without any."""
    none, venue = np.zeros((rows, 2, len(WINDOWS_MS))), np.zeros((rows, 2, 1))
    return Activity(none, none, none, venue, venue, venue)


def log_ratio(seen: Array, expected: Array) -> Array:
    """Return ln((seen + 1) / (expected + 1)), at least 0; both in usual liquidations."""
    ratio: Array = np.maximum(np.log((seen + 1.0) / (expected + 1.0)), 0.0)
    return ratio


def breadth(active: Activity, usual: Usual) -> Array:
    """Return (R, 2): venues that saw at least two liquidations in 10 s and three times their own usual rate."""
    own = np.maximum(active.share, LEAST_SHARE) * (usual.rate * SECONDS[TEN])[:, :, None]
    wide: Array = (active.venue_orders >= np.maximum(own * BREADTH_RATIO, BREADTH_EVENTS)).sum(axis=2)
    return wide


def features(active: Activity, usual: Usual, correlation: Array) -> Array:
    """Return (R, 2, F) in the order of NAMES; correlation (R, 2) is NaN where undefined and then counts as none."""
    expected = usual.rate[:, :, None] * SECONDS
    # Breadth counts as log2 of the venues: the second one says more than the fourth.
    wide = np.log2(np.maximum(breadth(active, usual), 1.0))
    shared = np.where(correlation > 0, correlation, 0.0)
    return np.concatenate(
        [
            log_ratio(active.orders, expected),
            log_ratio(active.clipped / usual.size[:, :, None], expected),
            wide[:, :, None],
            shared[:, :, None],
        ],
        axis=2,
    )
