"""The JSON of what is concluded beyond windows. What is missing is null, and named."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import combinations
from typing import Any

import msgspec
import numpy as np

from foreshock_model import keys
from foreshock_model.insight import GAUGES, Insight
from foreshock_model.metrics import WindowMetrics
from foreshock_sdk.events import LiquidatedSide
from foreshock_velocity.domain.arrays import Array
from foreshock_velocity.domain.frames import HOLE, filled, framed

SCHEMA = 1


def conclusions(metrics: WindowMetrics, row: int) -> dict[str, Any]:
    """Return fields of `velocity:{symbol}:current`: nothing when the metrics hold no insight.

    estimated   windows in the order of `windows`, each by side: count and USD with what throttled venues hide
    censored    venues whose sums are lower bounds just now
    gauges      figures of `foreshock_model.insight.GAUGES`;  missing: those that are null
    correlation of pairs of venues where it is defined, with the first's lead in seconds where that is sure
    """
    insight = metrics.insight
    if insight is None:
        return {}
    gauges = dict(zip(GAUGES, (_or_none(each) for each in insight.gauges[row].tolist()), strict=True))
    return {
        "estimated": _estimated(metrics, insight, row),
        "censored": [
            venue for venue, hides in zip(metrics.venues, insight.censored[row].tolist(), strict=True) if hides
        ],
        "gauges": gauges,
        "missing": [name for name, value in gauges.items() if value is None],
        "correlation": _correlation(metrics.venues, insight, row),
    }


def _estimated(metrics: WindowMetrics, insight: Insight, row: int) -> msgspec.Raw:
    count = metrics.count[row].sum(axis=1, dtype=np.float64) * insight.count_gain[row]
    usd = metrics.usd[row].sum(axis=1, dtype=np.float64) * insight.usd_gain[row]
    both = np.stack([count, usd], axis=2).transpose(1, 0, 2)
    return filled(_estimated_frame(len(metrics.windows_ms)), both.reshape(1, -1))[0]


@lru_cache(maxsize=16)
def _estimated_frame(windows: int) -> bytes:
    return framed([{side.name: {"count": HOLE, "usd": HOLE} for side in LiquidatedSide}] * windows)


def _correlation(venues: tuple[str, ...], insight: Insight, row: int) -> list[dict[str, Any]]:
    values = insight.correlation[row]
    defined = np.flatnonzero(np.isfinite(values)).tolist()
    if not defined:
        return []
    pairs = list(combinations(venues, 2))  # in the order of numpy.triu_indices
    return [
        {
            "venues": pairs[at],
            "value": float(values[at]),
            "samples": float(insight.samples[row, at]),
            "lead": _or_none(float(insight.lead[row, at])),
        }
        for at in defined
    ]


def interest_publication(symbol: str, gauges: Array, *, interest: float, ts: int) -> tuple[str, bytes]:
    """Return key and JSON of a symbol's open interest [base coins] at `ts`, ns UTC, with its changes [fraction]."""
    told = dict(zip(GAUGES, gauges.tolist(), strict=True))
    document = {
        "schema": SCHEMA,
        "symbol": symbol,
        "ts": ts,
        "open_interest": interest,
        "change_60s": _or_none(told["oi_change_60s"]),
        "change_300s": _or_none(told["oi_change_300s"]),
    }
    return keys.interest_change(symbol), msgspec.json.encode(document)


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
