"""Rows of metrics as messages for people and programs that ask."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from foreshock_model.derivatives import Derivatives
from foreshock_model.insight import GAUGES
from foreshock_model.metrics import WindowMetrics
from foreshock_protos.velocity.v1 import control_pb2
from foreshock_sdk.events import LiquidatedSide


def symbol_metrics(metrics: WindowMetrics, rows: Sequence[int], partition: int) -> list[control_pb2.SymbolMetrics]:
    """Return one message a row."""
    view = _View(metrics)
    return [view.symbol(row, partition) for row in rows]


class _View:
    """What is worked out once for all rows."""

    def __init__(self, metrics: WindowMetrics) -> None:
        self._metrics = metrics
        self._of_count = metrics.count_derivatives
        self._of_usd = metrics.usd_derivatives
        self._agreement = metrics.agreement
        self._largest = np.fmax.reduce(metrics.largest, axis=2, initial=0)

    def symbol(self, row: int, partition: int) -> control_pb2.SymbolMetrics:
        metrics, sight = self._metrics, self._metrics.sight
        return control_pb2.SymbolMetrics(
            symbol=metrics.symbols[row],
            partition=partition,
            as_of=int(metrics.as_of[row]),
            warming=metrics.warming,
            mark=float(metrics.mark[row]),
            mark_ts=int(metrics.mark_ts[row]),
            windows=[self._window(row, side, at) for at in range(len(metrics.windows_ms)) for side in LiquidatedSide],
            totals=[total for side in LiquidatedSide for total in self._totals(row, side)],
            coverage=math.nan if sight is None else sight.coverage,
            venues_used=() if sight is None else sight.used,
            venues_missing=() if sight is None else sight.missing,
            gauges=self._gauges(row),
        )

    def _window(self, row: int, side: LiquidatedSide, at: int) -> control_pb2.WindowFigures:
        metrics, insight = self._metrics, self._metrics.insight
        cell = row, side, at
        count = float(metrics.count[row, side, :, at].sum(dtype=np.float64))
        usd = float(metrics.usd[row, side, :, at].sum(dtype=np.float64))
        seconds = metrics.windows_ms[at] / 1_000
        return control_pb2.WindowFigures(
            window_ms=metrics.windows_ms[at],
            side=side.name,
            count=count,
            usd=usd,
            largest=float(self._largest[cell]),
            mean=usd / count if count else math.nan,
            count_rate=count / seconds,
            usd_rate=usd / seconds,
            of_count=_derivatives(self._of_count, cell),
            of_usd=_derivatives(self._of_usd, cell),
            agreement=float(self._agreement[cell]),
            usd_gain=math.nan if insight is None else float(insight.usd_gain[cell]),
            count_gain=math.nan if insight is None else float(insight.count_gain[cell]),
            venues=self._venues(row, side, at),
        )

    def _venues(self, row: int, side: LiquidatedSide, at: int) -> list[control_pb2.VenueFigures]:
        metrics, insight = self._metrics, self._metrics.insight
        return [
            control_pb2.VenueFigures(
                venue=venue,
                count=float(metrics.count[row, side, number, at]),
                usd=float(metrics.usd[row, side, number, at]),
                largest=float(metrics.largest[row, side, number, at]),
                censored=insight is not None and bool(insight.censored[row, number]),
            )
            for number, venue in enumerate(metrics.venues)
            if metrics.count[row, side, number, at] > 0
        ]

    def _totals(self, row: int, side: LiquidatedSide) -> list[control_pb2.VenueTotal]:
        metrics = self._metrics
        return [
            control_pb2.VenueTotal(
                venue=venue,
                side=side.name,
                count=int(metrics.total_count[row, side, number]),
                usd=float(metrics.total_usd[row, side, number]),
            )
            for number, venue in enumerate(metrics.venues)
        ]

    def _gauges(self, row: int) -> dict[str, float]:
        insight = self._metrics.insight
        if insight is None:
            return {}
        told = zip(GAUGES, insight.gauges[row].tolist(), strict=True)
        return {name: value for name, value in told if math.isfinite(value)}


def _derivatives(found: Derivatives, cell: tuple[int, int, int]) -> control_pb2.DerivativeFigures:
    return control_pb2.DerivativeFigures(**{name: float(value[cell]) for name, value in found._asdict().items()})
