"""What crosses partitions: BTC's regime, how many symbols burst at once, and the most endangered of them.

A market entry is made at most once per 100 ms of the metrics' clock, and only when an answer to something else than a
market entry has come: the stage never answers itself.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np

from foreshock_model import metrics as metrics_codec
from foreshock_model.entries import OutputEntry
from foreshock_model.metrics import WindowMetrics
from foreshock_model.signal import Volatility
from foreshock_signals.domain import baseline, features, priors, regime
from foreshock_signals.domain.probability import Model, probability
from foreshock_signals.domain.table import Array

SCHEMA = 1
BTC = "BTCUSDT"
CADENCE = 100_000_000
FORGET = 2 * baseline.SECOND
"""A symbol's figure counts for this long."""
BREADTH_PROBABILITY = 0.2

Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Finite = Annotated[float, msgspec.Meta(ge=0, le=1e300)]
Price = Annotated[float, msgspec.Meta(gt=0, le=1e300)]
Multiplier = Annotated[float, msgspec.Meta(ge=0.5, le=2.5)]
"""Beyond what any regime asks for (`regime.MULTIPLIERS`) it would make calm look like a burst, or hide one."""
Regime = Annotated[str, msgspec.Meta(pattern=rf"^({'|'.join(Volatility.__members__)})\Z")]


class Market(msgspec.Struct, frozen=True):
    """data of a `market` entry; what is outside its bounds cannot be decoded.

    clock            newest metrics clock seen, ns UTC
    regime           name of a `Volatility` level, NORMAL while nothing is known (`warming`)
    multiplier       how much more activity the regime asks for
    volatility_bp    realised volatility of BTC, basis points per 5 minutes; volatility_percent the same a year
    btc_mark         newest mark price [USD], null when none; btc_mark_ts its time, ns UTC
    breadth          symbols that burst at this moment, against their own last 5 minutes
    symbols          symbols heard of in the last 2 s
    max_probability  the largest figure among them, and max_symbol whose it is (empty: none)
    """

    clock: Count
    schema: Count = SCHEMA
    regime: Regime = Volatility.NORMAL.name
    multiplier: Multiplier = 1.0
    volatility_bp: Finite = 0.0
    volatility_percent: Finite = 0.0
    warming: bool = True
    btc_mark: Price | None = None
    btc_mark_ts: Count = 0
    breadth: Count = 0
    symbols: Count = 0
    max_probability: Share = 0.0
    max_symbol: str = ""


class Snapshot(msgspec.Struct):
    """What survives a restart of the market stage."""

    schema: int
    written: int
    regime: regime.RegimeState


class MarketState:
    """Sees the newest metrics of all partitions and says what a `market` entry should hold."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._vector = model.vector
        self._regime = regime.RegimeState()
        self._seen: dict[str, tuple[int, float]] = {}
        self._clock = 0
        self._written = 0

    def observe(self, entry: OutputEntry) -> None:
        """Take in one entry of any `metrics:{pN}`. Raises CodecError on metrics that cannot be read."""
        if entry.kind == "market":
            return
        if entry.kind == "metrics":
            self._measure(metrics_codec.decode(entry.data))
        self._clock = max(self._clock, entry.clock)

    def due(self) -> Market | None:
        """Return the market entry to write now, None when there is nothing new; it counts as written."""
        if self._clock == 0 or self._clock - self._written < CADENCE:
            return None
        self._written = self._clock
        return self.current()

    def current(self) -> Market:
        """Return the market as it stands."""
        self._seen = {name: each for name, each in self._seen.items() if self._clock - each[0] <= FORGET}
        top = max(self._seen, key=lambda name: (self._seen[name][1], name), default="")
        volatility = regime.volatility_bp(self._regime)
        return Market(
            clock=self._clock,
            regime=Volatility(self._regime.level).name,
            multiplier=regime.multiplier(self._regime.level),
            volatility_bp=round(volatility, 3),
            volatility_percent=round(volatility / regime.BP_PER_YEAR_PERCENT, 2),
            warming=regime.warming(self._regime),
            btc_mark=self._regime.mark or None,
            btc_mark_ts=self._regime.mark_ts,
            breadth=sum(each[1] >= BREADTH_PROBABILITY for each in self._seen.values()),
            symbols=len(self._seen),
            max_probability=round(self._seen[top][1], 6) if top else 0.0,
            max_symbol=top,
        )

    def dump(self) -> bytes:
        """Return what survives a restart, as JSON."""
        return msgspec.json.encode(Snapshot(SCHEMA, self._written, self._regime))

    def load(self, blob: bytes) -> None:
        """Take up a state made by `dump`. Raises ValueError when it is not one."""
        snapshot = msgspec.json.decode(blob, type=Snapshot)
        if snapshot.schema != SCHEMA:
            msg = f"market state schema {snapshot.schema} is not {SCHEMA}"
            raise ValueError(msg)
        self._written, self._regime = snapshot.written, snapshot.regime

    def _measure(self, metrics: WindowMetrics) -> None:
        """Score rows against their own last five minutes: this stage keeps no baselines."""
        if not metrics.symbols:
            return
        likely = self._likely(metrics)
        for at, symbol in enumerate(metrics.symbols):
            self._seen[symbol] = (int(metrics.as_of[at]), float(likely[at]))
            if symbol == BTC:
                regime.observe(self._regime, float(metrics.mark[at]), int(metrics.mark_ts[at]))

    def _likely(self, metrics: WindowMetrics) -> Array:
        known = [priors.of(symbol) for symbol in metrics.symbols]
        packaged = baseline.Usual(
            np.repeat([[each.rate] for each in known], 2, axis=1),
            np.repeat([[each.size] for each in known], 2, axis=1),
        )
        active = features.activity(metrics, packaged)
        # The last minute is left out: it may hold the burst itself.
        before = active.orders[:, :, features.LONG] - active.orders[:, :, features.SIXTY]
        usual = packaged._replace(rate=np.maximum(packaged.rate, before / 240.0))
        seen = features.features(active, usual, np.full(usual.rate.shape, np.nan))
        log_odds = seen @ self._vector + self._model.intercept
        likely: Array = probability(log_odds, np.ones_like(usual.rate), self._model.rate_weight).max(axis=1)
        return likely
