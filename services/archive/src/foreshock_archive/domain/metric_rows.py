"""Rows of `metrics`: one a symbol, side and window for all venues together, and one for each venue that has any."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from foreshock_archive.domain.columns import Array, Codes, Growing, Origin, numbers, times, words
from foreshock_archive.domain.schemas import METRICS, TIME
from foreshock_model.derivatives import Thirds, errors_of_rate, scale
from foreshock_model.metrics import WindowMetrics
from foreshock_sdk.events import LiquidatedSide

ALL = "all"
"""What stands for the venue in a row over all of them."""
DERIVATIVES = ("acceleration", "jerk", "count_acceleration", "count_jerk")
ERRORS = tuple(f"{name}_error" for name in DERIVATIVES)
OF_SYMBOL = ("as_of", "ts_recv", "mark", "mark_ts")
COLUMNS = (
    *OF_SYMBOL, "symbol", "side", "venue", "window_ms", "count", "usd", "largest", "estimated_usd", "censored",
    "total_count", "total_usd", *DERIVATIVES, *ERRORS, "coverage", "warming",
)  # fmt: skip
FLOATS = ("mark", "count", "usd", "largest", "estimated_usd", "total_usd", *DERIVATIVES, *ERRORS, "coverage")
UNTOLD = -1
"""In `censored`, beside 0 and 1: the writer of the metrics does not tell."""
SIDE_NAMES = [side.name for side in LiquidatedSide]


class MetricRows:
    """Metrics in long form.

    A row over all venues is always there and alone has derivatives with their errors, and the USD with what throttled
    venues hide; a venue's row is there while its window holds something: a missing one means zero.
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
                "censored": _flags(rows.column("censored")),
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
        usd = metrics.usd.sum(axis=2, dtype=np.float64)
        gain = np.nan if metrics.insight is None else metrics.insight.usd_gain.astype(np.float64)
        return {
            "row": row,
            "side": side,
            "window": window,
            "venue": np.zeros(row.size, np.int32),
            "count": metrics.count.sum(axis=2, dtype=np.float64).ravel(),
            "usd": usd.ravel(),
            "largest": np.fmax.reduce(metrics.largest, axis=2, initial=np.nan).ravel(),
            "estimated_usd": (usd * gain).ravel(),
            "censored": _censored(metrics).max(axis=2, initial=_least(metrics)).ravel(),
            "total_count": metrics.total_count.sum(axis=2)[row, side],
            "total_usd": metrics.total_usd.sum(axis=2)[row, side],
            **{name: getattr(metrics, name).ravel() for name in DERIVATIVES},
            **_errors(metrics),
        }

    def _by_venue(self, metrics: WindowMetrics) -> dict[str, Array]:
        row, side, venue, window = np.nonzero(_there(metrics))
        undefined = np.full(row.size, np.nan)
        return {
            "row": row,
            "side": side,
            "window": window,
            "venue": self._venues.of(metrics.venues)[venue],
            "count": metrics.count[row, side, venue, window],
            "usd": metrics.usd[row, side, venue, window],
            "largest": metrics.largest[row, side, venue, window],
            "estimated_usd": undefined,
            "censored": _censored(metrics)[row, side, venue, window],
            "total_count": metrics.total_count[row, side, venue],
            "total_usd": metrics.total_usd[row, side, venue],
            **dict.fromkeys((*DERIVATIVES, *ERRORS), undefined),
        }


def _there(metrics: WindowMetrics) -> Array:
    """Return (R, 2, V, W): True where a window holds something."""
    there: Array = (metrics.count > 0) | (metrics.usd > 0)
    return there


def _least(metrics: WindowMetrics) -> int:
    return UNTOLD if metrics.insight is None else 0


def _censored(metrics: WindowMetrics) -> Array:
    """Return (R, 2, V, W) int8: 1 where what a window holds is a lower bound, 0 where it is all, or UNTOLD."""
    if metrics.insight is None:
        return np.full(metrics.count.shape, UNTOLD, np.int8)
    if not metrics.insight.censored.any():
        return np.zeros(metrics.count.shape, np.int8)
    return (_there(metrics) & metrics.insight.censored[:, None, :, None]).astype(np.int8)


def _errors(metrics: WindowMetrics) -> dict[str, Array]:
    """Return the standard errors of DERIVATIVES; NaN where a window holds nothing, or a writer told none."""
    by, unit = scale(metrics.windows_ms), metrics.usd_unit
    count = Thirds(metrics.count_oldest, metrics.count_middle, metrics.count_newest)
    with np.errstate(all="ignore"):
        usd = Thirds(metrics.usd_oldest / unit, metrics.usd_middle / unit, metrics.usd_newest / unit)
        found = (*(each * unit for each in errors_of_rate(usd, by)), *errors_of_rate(count, by))
    return {name: column.ravel() for name, column in zip(ERRORS, found, strict=True)}


def _flags(values: Array) -> pa.Array:
    return pa.array(values == 1, pa.bool_(), mask=values == UNTOLD)
