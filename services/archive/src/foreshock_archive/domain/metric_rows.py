"""Rows of `metrics`: one a symbol, side and window for all venues together, and one for each venue that has any."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from foreshock_archive.domain.columns import Array, Codes, Growing, Origin, numbers, times, words
from foreshock_archive.domain.schemas import METRICS, TIME
from foreshock_model.metrics import WindowMetrics
from foreshock_sdk.events import LiquidatedSide

ALL = "all"
"""What stands for the venue in a row over all of them."""
DERIVATIVES = ("acceleration", "jerk", "count_acceleration", "count_jerk")
OF_SYMBOL = ("as_of", "ts_recv", "mark", "mark_ts")
COLUMNS = (
    *OF_SYMBOL, "symbol", "side", "venue", "window_ms", "count", "usd", "total_count", "total_usd", *DERIVATIVES,
    "coverage", "warming",
)  # fmt: skip
FLOATS = ("mark", "count", "usd", "total_usd", *DERIVATIVES, "coverage")
SIDE_NAMES = [side.name for side in LiquidatedSide]


class MetricRows:
    """Metrics in long form.

    A row over all venues is always there and has the derivatives; a venue's row is there while its window holds
    something: a missing one means zero.
    """

    def __init__(self) -> None:
        self._rows = Growing(COLUMNS)
        self._symbols: Codes[str] = Codes()
        self._venues: Codes[str] = Codes()
        self._venues.of([ALL])

    def __len__(self) -> int:
        return self._rows.rows

    def add(self, origin: Origin, metrics: WindowMetrics) -> None:
        """Take in an entry."""
        if not metrics.symbols:
            return
        self._rows.add(origin, self._long(metrics, self._over_all(metrics)))
        venues = self._by_venue(metrics)
        if venues["row"].size:
            self._rows.add(origin, self._long(metrics, venues))

    def table(self) -> pa.Table:
        """Return what was taken in."""
        rows = self._rows
        if not rows.rows:
            return METRICS.empty_table()
        return pa.table(
            {
                "symbol": words(rows.column("symbol"), self._symbols.values),
                "side": words(rows.column("side"), SIDE_NAMES),
                "venue": words(rows.column("venue"), self._venues.values),
                "as_of": times(rows.column("as_of"), TIME),
                "ts_recv": times(rows.column("ts_recv"), TIME, zero_is_none=True),
                "mark_ts": times(rows.column("mark_ts"), TIME, zero_is_none=True),
                **{name: numbers(rows.column(name)) for name in FLOATS},
                **{name: pa.array(rows.column(name)) for name in ("total_count", "window_ms", "warming")},
                **rows.origins(),
            },
            METRICS,
        )

    def _long(self, metrics: WindowMetrics, columns: dict[str, Array]) -> dict[str, Array]:
        """Add to the columns of rows those that follow from their symbol and window."""
        row = columns["row"]
        return {
            **columns,
            **{name: getattr(metrics, name)[row] for name in OF_SYMBOL},
            "symbol": self._symbols.of(metrics.symbols)[row],
            "window_ms": np.asarray(metrics.windows_ms, np.int64)[columns["window"]],
            "coverage": np.full(row.size, np.nan if metrics.sight is None else metrics.sight.coverage),
            "warming": np.full(row.size, metrics.warming),
        }

    def _over_all(self, metrics: WindowMetrics) -> dict[str, Array]:
        shape = metrics.acceleration.shape
        row, side, window = (each.ravel() for each in np.indices(shape))
        return {
            "row": row,
            "side": side,
            "window": window,
            "venue": np.zeros(row.size, np.int32),
            "count": metrics.count.sum(axis=2, dtype=np.float64).ravel(),
            "usd": metrics.usd.sum(axis=2, dtype=np.float64).ravel(),
            "total_count": metrics.total_count.sum(axis=2)[row, side],
            "total_usd": metrics.total_usd.sum(axis=2)[row, side],
            **{name: getattr(metrics, name).ravel() for name in DERIVATIVES},
        }

    def _by_venue(self, metrics: WindowMetrics) -> dict[str, Array]:
        row, side, venue, window = np.nonzero((metrics.count > 0) | (metrics.usd > 0))
        undefined = np.full(row.size, np.nan)
        return {
            "row": row,
            "side": side,
            "window": window,
            "venue": self._venues.of(metrics.venues)[venue],
            "count": metrics.count[row, side, venue, window],
            "usd": metrics.usd[row, side, venue, window],
            "total_count": metrics.total_count[row, side, venue],
            "total_usd": metrics.total_usd[row, side, venue],
            **dict.fromkeys(DERIVATIVES, undefined),
        }
