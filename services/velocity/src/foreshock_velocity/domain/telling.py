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
from foreshock_velocity.domain.evaluate import Selection
from foreshock_velocity.domain.windows import NS_PER_MS

IMPACT_WINDOWS_MS = (10_000, 60_000)
MOST_GAIN = 60_000.0
"""What a 16 bit number holds."""
TINY = 1e-300
CENSORED_FOR_NS = 30_000 * NS_PER_MS
"""A venue that fell silent hides nothing any more."""
_IMPACT = [GAUGES.index(name) for name in ("impact_10s", "impact_60s", "impact_depth_10s", "impact_depth_60s")]
_BACK = np.array(IMPACT_WINDOWS_MS) * NS_PER_MS


def insight(
    analysis: Analysis, book: Book, metrics: WindowMetrics, chosen: Selection, *, whole: bool = True
) -> Insight:
    """Return what is known of the symbols of `metrics`; not whole: of hidden orders alone, the rest is NaN.

    chosen: the rows that `metrics` were evaluated for.
    """
    analysis.fit(book)
    ids, pairs = chosen.ids, chosen.pairs
    known = nothing(len(ids), pairs.shape[1], len(metrics.windows_ms))
    if not whole or analysis.hides(pairs):
        known = known._replace(censored=censored(analysis, pairs, metrics.as_of[:, None]))
        gain = analysis.saturation.gain.take(pairs, axis=0)
        if np.count_nonzero(gain[..., 0, 0] > 1):
            hidden = (gain - 1) * analysis.told.correction.take(ids)[:, None, None, None]
            sums = np.array((metrics.usd, metrics.count))
            usd_gain, count_gain = _gain(sums, hidden.transpose(2, 0, 1, 3)[:, :, None])
            known = known._replace(usd_gain=usd_gain, count_gain=count_gain)
    if not whole:
        return known
    if analysis.correlation.size and pairs.shape[1] > 1:
        first, second = _edges(pairs.shape[1])
        found = analysis.correlation.evaluate(np.stack([pairs[:, first], pairs[:, second]], axis=2))
        known = known._replace(correlation=found.shrunk, samples=found.samples, lead=found.lead)
    return known._replace(gauges=_gauges(analysis, book, metrics, ids))


def censored(analysis: Analysis, pairs: Array, now: Array | int) -> Array:
    """Return which of some pairs, known to the analysis, hide a good part of their orders at `now` [ns UTC]."""
    saturation = analysis.saturation
    hide: Array = now - saturation.stamp.take(pairs) <= CENSORED_FOR_NS
    hide &= saturation.censored.take(pairs)
    return hide


@lru_cache(maxsize=32)
def _edges(venues: int) -> tuple[Array, Array]:
    first, second = np.triu_indices(venues, 1)
    return first, second


def _gain(sums: Array, hidden: Array) -> Array:
    """Return (..., W) gains over all venues: sums (..., V, W), hidden parts of them likewise."""
    more: Array = np.add.reduce(sums * hidden, axis=-2)
    more /= np.maximum(np.add.reduce(sums, axis=-2), TINY)
    more += 1
    np.minimum(more, MOST_GAIN, out=more)
    return more


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
