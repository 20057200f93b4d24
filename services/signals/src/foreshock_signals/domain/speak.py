"""Put a step into words: signals and assessments from the arrays, for the few rows that are to be said."""

from __future__ import annotations

from math import isfinite
from typing import NamedTuple

import numpy as np

from foreshock_model.sight import Sight
from foreshock_model.signal import DataQuality, Level, Scores, Signal, SignalMetrics
from foreshock_signals.domain import baseline, explain, scores
from foreshock_signals.domain.assess import Step
from foreshock_signals.domain.baseline import Usual
from foreshock_signals.domain.config import FactorWeights
from foreshock_signals.domain.features import SECONDS, SIXTY, TEN, TWO, WINDOWS_MS, Activity
from foreshock_signals.domain.outcome import Assessment, SideAssessment
from foreshock_signals.domain.table import SIDES, Array


class Context(NamedTuple):
    """What all rows of one entry share.

    regime_known   False while the regime is a prior
    warming        True while the state misses what went before it
    vector         weights of the model, in the order of features
    venues         names of the table's venue columns
    sight          how much of the market is seen, None while feeds have not told
    blind          True when too much of what could be seen is not live
    """

    entry_id: str
    regime: str
    regime_known: bool
    model: str
    vector: Array
    weights: FactorWeights
    revision: int
    warming: bool
    venues: tuple[str, ...]
    sight: Sight | None
    blind: bool


class Voice:
    """Says rows of a step; factors are worked out for the chosen rows only."""

    def __init__(self, context: Context, step: Step, chosen: Array) -> None:
        self.step = step
        self._context = context
        self._metrics = step.metrics
        self._place = {int(row): place for place, row in enumerate(chosen)}
        active = Activity(*(column[chosen] for column in step.active))
        usual = Usual(*(column[chosen] for column in step.usual))
        self._factors = scores.factors(active, usual, step.correlation[chosen])
        self._risk = scores.risk(self._factors, context.weights)

    def signal(self, row: int, side: int, symbol: str, ids: tuple[str, str]) -> Signal:
        """Return the signal of one side; ids are its own and its episode's."""
        rows = self.step.rows
        level = Level(int(rows["level"][row, side])).name
        return Signal(
            signal_id=ids[0],
            episode_id=ids[1],
            symbol=symbol,
            side=SIDES[side],
            ts=int(self.step.clock[row]),
            level=level,
            signal=level,
            probability=_probability(rows["probability"][row, side]),
            scores=self._scores(row, side),
            metrics=self._figures(row, side),
            regime=self._context.regime,
            leading_venue=self._leader(row, side),
            explanation=self._explanation(row, side),
            data_quality=self._quality(row, (side,)),
            config_revision=self._context.revision,
        )

    def assessment(self, row: int, symbol: str, episodes: tuple[str | None, str | None]) -> Assessment:
        """Return the latest figures of a symbol; episodes are those of LONG and SHORT."""
        rows = self.step.rows
        known = bool(rows["last"][row])
        sides = {name: self._side(row, side, episodes[side]) for side, name in enumerate(SIDES)} if known else {}
        worst = max(sides, key=lambda name: (Level[sides[name].level], sides[name].probability), default=None)
        return Assessment(
            symbol=symbol,
            ts=int(self.step.clock[row]),
            probability=sides[worst].probability if worst else None,
            level=sides[worst].level if worst else None,
            side=worst,
            sides=sides,
            regime=self._context.regime,
            model=self._context.model,
            data_quality=self._quality(row, (0, 1)),
            config_revision=self._context.revision,
        )

    def _side(self, row: int, side: int, episode: str | None) -> SideAssessment:
        rows = self.step.rows
        return SideAssessment(
            probability=_probability(rows["probability"][row, side]),
            level=Level(int(rows["level"][row, side])).name,
            risk=round(float(self._risk[self._place[row], side]), 2),
            episode_id=episode,
        )

    def _scores(self, row: int, side: int) -> Scores:
        at = self._place[row], side
        found = {name: round(float(getattr(self._factors, name)[at]), 2) for name in FactorWeights.__struct_fields__}
        return Scores(risk=round(float(self._risk[at]), 2), **found)

    def _figures(self, row: int, side: int) -> SignalMetrics:
        active, usual = self.step.active, self.step.usual
        usd = active.usd[row, side].tolist()
        beyond_noise = self._factors.growth[self._place[row], side] > 0
        bends = self._factors.bend[self._place[row], side] > 0
        return SignalMetrics(
            usd_10s=round(usd[TEN], 2),
            count_10s=float(active.orders[row, side, TEN]),
            usd_60s=round(usd[SIXTY], 2),
            usd_rate_2s=round(usd[TWO] / float(SECONDS[TWO]), 2),
            usd_rate_10s=round(usd[TEN] / float(SECONDS[TEN]), 2),
            times_usual=round(usd[TEN] / float(usual.usd_rate[row, side] * SECONDS[TEN]), 2),
            venues_active=int((active.venue_orders[row, side] > 0).sum()),
            acceleration=self._derivative("acceleration", row, side) if beyond_noise else None,
            jerk=self._derivative("jerk", row, side) if bends else None,
            mark=self._mark(row),
        )

    def _derivative(self, name: str, row: int, side: int) -> float | None:
        """Return velocity's derivative of the 2 s window; it is shown only where counts grow beyond noise."""
        if self._metrics is None:
            return None
        value = float(getattr(self._metrics, name)[row, side, self._metrics.windows_ms.index(WINDOWS_MS[TWO])])
        return round(value, 2) if isfinite(value) else None

    def _mark(self, row: int) -> float | None:
        mark = float("nan") if self._metrics is None else float(self._metrics.mark[row])
        return mark if isfinite(mark) and mark > 0 else None

    def _leader(self, row: int, side: int) -> str | None:
        if self._metrics is None:
            return None
        usd = self.step.active.venue_usd[row, side]
        leader = int(usd.argmax()) if usd.size else 0
        return self._metrics.venues[leader] if usd.size and usd[leader] > 0 else None

    def _explanation(self, row: int, side: int) -> str:
        step = self.step
        usual_orders = step.usual.rate[row, side] * SECONDS
        words = explain.explain(
            explain.Facts(
                side=SIDES[side],
                orders=step.active.orders[row, side].tolist(),
                usd=step.active.usd[row, side].tolist(),
                usual_orders=usual_orders.tolist(),
                usual_usd=(usual_orders * step.usual.size[row, side]).tolist(),
                contributions=(self._context.vector * step.seen[row, side]).tolist(),
                venues=int((step.active.venue_orders[row, side] > 0).sum()),
                growth=float(self._factors.growth[self._place[row], side]),
            )
        )
        if self._stopped(row):
            return f"input has stopped; {words}"
        sight = self._context.sight
        return f"{sight.coverage:.0%} of the market is seen; {words}" if sight and self._context.blind else words

    def _stopped(self, row: int) -> bool:
        return self._metrics is None and bool(self.step.rows["active"][row])

    def _quality(self, row: int, sides: tuple[int, ...]) -> DataQuality:
        rows, clock = self.step.rows, self.step.clock
        young = bool(
            self._context.warming
            or baseline.warming(rows[row : row + 1], clock[row : row + 1])[0]
            or rows["input_warming"][row]
        )
        received = 0 if self._metrics is None else int(self._metrics.ts_recv[row])
        sight = self._context.sight
        return DataQuality(
            status=self._status(row, warming=young),
            warming=young,
            input_ts=received if received > 0 else int(clock[row]),
            input_id=self._context.entry_id,
            venues=tuple(sorted(self._context.venues[at] for at in np.flatnonzero(rows["venues"][row]))),
            missing=self._missing(row),
            coverage=None if sight is None else sight.coverage,
            venues_used=() if sight is None else sight.used,
            venues_missing=() if sight is None else sight.missing,
            censored=self._censored(row, sides),
        )

    def _censored(self, row: int, sides: tuple[int, ...]) -> tuple[str, ...]:
        """Return the venues that hide orders, of those that told any of the sides in the longest window of a figure."""
        metrics = self._metrics
        if metrics is None or metrics.insight is None:
            return ()
        orders = metrics.count[row, :, :, metrics.windows_ms.index(WINDOWS_MS[SIXTY])]
        told = (orders[list(sides)] > 0).any(axis=0)
        return tuple(sorted(metrics.venues[at] for at in np.flatnonzero(told & metrics.insight.censored[row])))

    def _status(self, row: int, *, warming: bool) -> str:
        if not self.step.rows["last"][row]:
            return "UNKNOWN"
        if self._stopped(row) or self._context.blind:
            return "DEGRADED"
        return "WARMING" if warming else "OK"

    def _missing(self, row: int) -> tuple[str, ...]:
        absent = {
            "correlation": bool(np.isnan(self.step.correlation[row]).all()),
            "mark": self._mark(row) is None,
            "regime": not self._context.regime_known,
        }
        return tuple(name for name, missing in absent.items() if missing)


def _probability(value: np.float64) -> float:
    return round(float(value), 6)
