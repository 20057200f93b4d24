"""Windows as people read them: each figure by its name, derivatives with their standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec
import numpy as np

from foreshock_model.derivatives import Derivatives, Thirds, agreement, derivatives, scale
from foreshock_model.metrics import WindowMetrics
from foreshock_sdk.events import LiquidatedSide
from foreshock_velocity.domain.arrays import Array
from foreshock_velocity.domain.frames import HOLE, filled, framed

FIGURES = (
    "count", "usd", "largest", "mean", "count_rate", "usd_rate", "agreement",
    *Derivatives._fields, *(f"count_{name}" for name in Derivatives._fields),
)  # fmt: skip
"""Of a window over all venues; agreement and derivatives as in `foreshock_model.derivatives`, of USD and of counts."""
OF_VENUE = ("count", "usd", "largest")


def window_name(window_ms: int) -> str:
    """Name a window as people do: 100ms, 2s, 300s."""
    return f"{window_ms}ms" if window_ms % 1_000 else f"{window_ms // 1_000}s"


def windows_of(metrics: WindowMetrics, rows: Sequence[int]) -> list[msgspec.Raw]:
    """Return the JSON of each row's windows by name, and in them sides by name; what is undefined is null."""
    over_all = np.moveaxis(_figures(metrics, rows), 0, -1).swapaxes(1, 2)
    by_venue = np.stack([getattr(metrics, name)[rows] for name in OF_VENUE], axis=-1).transpose(0, 3, 1, 2, 4)
    flat = np.concatenate([over_all, by_venue.reshape(*by_venue.shape[:3], -1)], axis=-1).reshape(len(rows), -1)
    return filled(_frame(metrics.windows_ms, metrics.venues), flat)


@lru_cache(maxsize=256)
def _frame(windows_ms: tuple[int, ...], venues: tuple[str, ...]) -> bytes:
    side = dict.fromkeys(FIGURES, HOLE) | {"by_venue": {venue: dict.fromkeys(OF_VENUE, HOLE) for venue in venues}}
    return framed({window_name(each): {name.name: side for name in LiquidatedSide} for each in windows_ms})


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
