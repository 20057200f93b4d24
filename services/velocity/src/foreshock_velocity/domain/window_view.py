"""Windows as people read them: each figure by its name, derivatives with their standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from foreshock_model.derivatives import Derivatives, Thirds, agreement, derivatives, scale
from foreshock_model.metrics import WindowMetrics
from foreshock_sdk.events import LiquidatedSide
from foreshock_velocity.domain.arrays import Array

FIGURES = (
    "count", "usd", "largest", "mean", "count_rate", "usd_rate", "agreement",
    *Derivatives._fields, *(f"count_{name}" for name in Derivatives._fields),
)  # fmt: skip
"""Of a window over all venues; agreement and derivatives as in `foreshock_model.derivatives`, of USD and of counts."""
OF_VENUE = ("count", "usd", "largest")
Windows = dict[str, dict[str, Any]]
"""Windows by name, sides by name."""


def window_name(window_ms: int) -> str:
    """Name a window as people do: 100ms, 2s, 300s."""
    return f"{window_ms}ms" if window_ms % 1_000 else f"{window_ms // 1_000}s"


def windows_of(metrics: WindowMetrics, rows: Sequence[int]) -> list[Windows]:
    """Return the windows of each of these rows; what is undefined is NaN."""
    names = [window_name(each) for each in metrics.windows_ms]
    figures = np.moveaxis(_figures(metrics, rows), 0, -1).tolist()
    by_venue = np.stack([getattr(metrics, name)[rows] for name in OF_VENUE], axis=-1).transpose(0, 1, 3, 2, 4).tolist()
    return [
        {
            name: {side.name: _window(row[side][at], venues[side][at], metrics.venues) for side in LiquidatedSide}
            for at, name in enumerate(names)
        }
        for row, venues in zip(figures, by_venue, strict=True)
    ]


def _window(figures: list[float], by_venue: list[list[float]], venues: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = dict(zip(FIGURES, figures, strict=True))
    found["by_venue"] = {
        venue: dict(zip(OF_VENUE, each, strict=True)) for venue, each in zip(venues, by_venue, strict=True)
    }
    return found


def _figures(metrics: WindowMetrics, rows: Sequence[int]) -> Array:
    """Return (F, R, 2, W) in the order of FIGURES."""
    count, usd = (getattr(metrics, name)[rows].sum(axis=2, dtype=np.float64) for name in ("count", "usd"))
    largest = np.maximum.reduce(metrics.largest[rows], axis=2, initial=0)
    mean = np.divide(usd, count, out=np.full(usd.shape, np.nan), where=count > 0)
    unit, by = metrics.usd_unit[rows], scale(metrics.windows_ms)
    counted, valued = (
        Thirds(*(getattr(metrics, f"{kind}_{third}")[rows] for third in Thirds._fields)) for kind in ("count", "usd")
    )
    return np.stack(
        [
            *(count, usd, largest, mean, count / metrics.seconds, usd / metrics.seconds),
            agreement(count, np.asarray(metrics.windows_ms)),
            *derivatives(Thirds(*(each / unit for each in valued)), by, unit),
            *derivatives(counted, by),
        ]
    )
