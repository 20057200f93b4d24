"""From the analysis to the columns that stand beside the windows of an output."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from foreshock_model.insight import GAUGES, Insight, nothing
from foreshock_model.metrics import WindowMetrics
from foreshock_sdk.events import LiquidatedSide
from foreshock_velocity.domain.analysis import Analysis
from foreshock_velocity.domain.arrays import Array
from foreshock_velocity.domain.book import Book
from foreshock_velocity.domain.context import impact
from foreshock_velocity.domain.windows import NS_PER_MS

IMPACT_WINDOWS_MS = (10_000, 60_000)
MOST_GAIN = 60_000.0
"""What a 16 bit number holds."""
TINY = 1e-300
CENSORED_FOR_NS = 30_000 * NS_PER_MS
"""A venue that fell silent hides nothing any more."""
_IMPACT = [GAUGES.index(name) for name in ("impact_10s", "impact_60s", "impact_depth_10s", "impact_depth_60s")]
_BACK = np.array(IMPACT_WINDOWS_MS) * NS_PER_MS


def insight(analysis: Analysis, book: Book, metrics: WindowMetrics, *, whole: bool = True) -> Insight:
    """Return what is known of the symbols of `metrics`; not whole: of hidden orders alone, the rest is NaN."""
    analysis.fit(book)
    ids = np.array([book.registry.find_symbol(each) for each in metrics.symbols], np.int64)
    pairs, _ = book.registry.table(ids)
    usd_gain, count_gain = _gains(analysis, metrics, ids, pairs)
    hidden = censored(analysis, pairs, metrics.as_of[:, None])
    if not whole:
        none = nothing(len(ids), pairs.shape[1], len(metrics.windows_ms))
        return none._replace(usd_gain=usd_gain, count_gain=count_gain, censored=hidden)
    first, second = _edges(pairs.shape[1])
    correlated = analysis.correlation.evaluate(np.stack([pairs[:, first], pairs[:, second]], axis=2))
    return Insight(
        gauges=_gauges(analysis, book, metrics, ids),
        usd_gain=usd_gain,
        count_gain=count_gain,
        censored=hidden,
        correlation=correlated.shrunk,
        samples=correlated.samples,
        lead=correlated.lead,
    )


def censored(analysis: Analysis, pairs: Array, now: Array | int) -> Array:
    """Return which of some pairs, known to the analysis, hide a good part of their orders at `now` [ns UTC]."""
    saturation = analysis.saturation
    hide: Array = saturation.censored[pairs] & (now - saturation.stamp[pairs] <= CENSORED_FOR_NS)
    return hide


@lru_cache(maxsize=32)
def _edges(venues: int) -> tuple[Array, Array]:
    first, second = np.triu_indices(venues, 1)
    return first, second


def _gains(analysis: Analysis, metrics: WindowMetrics, ids: Array, pairs: Array) -> tuple[Array, Array]:
    """Return (R, 2, W) what USD and counts over all venues are to be multiplied with."""
    by_venue = analysis.saturation.gain[pairs]
    hides = by_venue[..., 0, 0] > 1
    if not hides.any():
        ones = np.ones((len(ids), len(LiquidatedSide), len(metrics.windows_ms)))
        return ones, ones
    hidden = (by_venue - 1) * analysis.told.correction[ids][:, None, None, None]
    return _gain(metrics.usd, hidden[:, :, 0]), _gain(metrics.count, hidden[:, :, 1])


def _gain(sums: Array, hidden: Array) -> Array:
    """Return (R, 2, W) gains over all venues: sums (R, 2, V, W), hidden parts of them by venue (R, V, W)."""
    raw = np.add.reduce(sums, axis=2)
    more = np.add.reduce(sums * hidden[:, None], axis=2)
    found: Array = np.minimum(1 + more / np.maximum(raw, TINY), MOST_GAIN)
    return found


def _gauges(analysis: Analysis, book: Book, metrics: WindowMetrics, ids: Array) -> Array:
    gauges = analysis.told.gauges[ids]
    at = [number for number, each in enumerate(metrics.windows_ms) if each in IMPACT_WINDOWS_MS]
    if len(at) == len(IMPACT_WINDOWS_MS):
        usd = np.add.reduce(metrics.usd[..., at], axis=2)
        net = usd[:, LiquidatedSide.SHORT] - usd[:, LiquidatedSide.LONG]
        moved = analysis.marks.move_bp(
            ids[:, None], metrics.as_of[:, None], mark=book.symbols.mark[ids, None], back_ns=_BACK
        )
        found = impact(moved, net, depth=analysis.told.depth[ids])
        gauges[:, _IMPACT] = np.concatenate(found, axis=1)
    return gauges
