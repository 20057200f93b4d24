"""SignalsState: everything signals remembers of one partition, and its one step, `advance`."""

from __future__ import annotations

import msgspec
import numpy as np

from foreshock_model import metrics as metrics_codec
from foreshock_model.entries import ConfigDocument, OutputEntry
from foreshock_model.metrics import WindowMetrics
from foreshock_model.sight import Sight
from foreshock_model.signal import Volatility
from foreshock_signals.domain import assess, config, levels, snapshot
from foreshock_signals.domain.assess import Scorer, Step
from foreshock_signals.domain.baseline import SECOND
from foreshock_signals.domain.config import SignalsConfig
from foreshock_signals.domain.episodes import Episodes
from foreshock_signals.domain.features import LONG, positions
from foreshock_signals.domain.levels import Limits
from foreshock_signals.domain.market import Market
from foreshock_signals.domain.outcome import NOTHING, Outcome
from foreshock_signals.domain.prior_model import PRIOR_MODEL
from foreshock_signals.domain.probability import Model
from foreshock_signals.domain.publish import Publisher
from foreshock_signals.domain.speak import Context
from foreshock_signals.domain.table import MAX_VENUES, Array, SymbolTable

SERVICE = "signals"
STALE = 2 * SECOND
"""A symbol without input for this long is silent: velocity writes active ones ten times a second."""
REMEMBER = 600 * SECOND
"""A symbol's latest figures are kept alive for this long after its last input."""
FRESH_MARKET = 5 * SECOND
WARM = 300 * SECOND
"""A state that was rebuilt has seen a longest window of everything after this long."""


class SignalsState:
    """One partition. Its outcome depends on the entries alone, and a symbol's on its own rows, market and config.

    tracked: symbols whose latest figures are published from the start, before anything of them is known.
    """

    def __init__(self, *, tracked: tuple[str, ...] = (), model: Model = PRIOR_MODEL) -> None:
        self.config = SignalsConfig()
        self.revision = 0
        self.now = 0
        self.market: Market | None = None
        self.sight: Sight | None = None
        self.rejected_configs = 0
        self._model, self._vector = model, model.vector
        self._tracked = tracked
        self._table = SymbolTable()
        self._table.locate(tracked)
        self._venues: list[str] = []
        self._episodes = Episodes()
        self._publisher = Publisher(self._table, self._episodes)
        self._market_said = 0
        self._rebuilt: int | None = None
        self._retune()

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols heard of or tracked."""
        return tuple(self._table.symbols)

    @property
    def size_bytes(self) -> int:
        """Memory of the arrays."""
        return int(self._table.rows.nbytes)

    @property
    def warming(self) -> bool:
        """True when rebuilt without all that went before, until five minutes of entries have come since."""
        since = self._rebuilt
        return since is not None and (since == 0 or self.now - since < WARM)

    @warming.setter
    def warming(self, rebuilt: bool) -> None:
        self._rebuilt = 0 if rebuilt else None  # its age counts from the next entry

    def advance(self, entry_id: str, entry: OutputEntry) -> Outcome:
        """Take one entry of `metrics:{pN}`. Raises ValueError on data that cannot be read; then nothing changed."""
        metrics = self._read(entry)
        before, self.now = self.now, max(self.now, entry.clock)
        if self._rebuilt == 0:
            self._rebuilt = self.now
        steps = []
        if metrics is not None:
            self.sight = metrics.sight
        if metrics is not None and metrics.symbols:
            steps.append(self._assess(metrics))
        if self.now // SECOND > before // SECOND:
            steps += self._silent()
        market = self._market_due()
        if not steps:
            return NOTHING if market is None else Outcome(market=market, sight=self.sight)
        repeat = round(self.config.repeat_seconds * SECOND)
        return Outcome(*self._publisher.say(self._context(entry_id), steps, repeat), market, self.sight)

    def configure(self, wanted: SignalsConfig, revision: int) -> None:
        """Put a configuration in force. Within a stream `advance` does so, at the entry that carries it."""
        self.config, self.revision = wanted, revision
        self._retune()

    def dump(self) -> bytes:
        """Return the whole state; the same entries after `load` give the same outcomes byte for byte."""
        head = snapshot.Head(
            now=self.now,
            symbols=self._table.symbols,
            venues=self._venues,
            episodes=self._episodes.dump(),
            market=self.market,
            market_said=self._market_said,
            rebuilt=self._rebuilt,
            config=self.config,
            revision=self.revision,
            rejected_configs=self.rejected_configs,
            sight=self.sight,
        )
        return snapshot.dump(head, self._table.rows)

    def load(self, blob: bytes) -> None:
        """Take up a state made by `dump`. Raises ValueError when it is not one of this schema; then nothing changed."""
        head, rows = snapshot.load(blob)
        table = SymbolTable()
        table.restore(head.symbols, rows)
        self._table = table
        self._table.locate(self._tracked)
        self.now, self._venues = head.now, head.venues
        self._episodes = Episodes(head.episodes)
        self._publisher = Publisher(self._table, self._episodes)
        self.market, self._market_said, self._rebuilt = head.market, head.market_said, head.rebuilt
        self.config, self.revision, self.rejected_configs = head.config, head.revision, head.rejected_configs
        self.sight = head.sight
        self._retune()

    def _read(self, entry: OutputEntry) -> WindowMetrics | None:
        if entry.kind == "metrics":
            metrics = metrics_codec.decode(entry.data)
            positions(metrics.windows_ms)
            return metrics
        if entry.kind == "market":
            self.market = msgspec.json.decode(entry.data, type=Market)
        elif entry.kind == "config":
            self._take(msgspec.json.decode(entry.data, type=ConfigDocument))
        return None

    def _take(self, document: ConfigDocument) -> None:
        """Apply a revision of ours; one that is not valid changes nothing and is counted."""
        if document.service != SERVICE or document.revision <= self.revision:
            return
        try:
            wanted = config.decode(bytes(document.document))
        except ValueError:
            self.rejected_configs += 1
            return
        self.configure(wanted, document.revision)

    def _retune(self) -> None:
        """Work out what follows from the configuration for every symbol."""
        symbols = self._table.symbols
        self._limits = levels.limits(self.config, symbols)
        self._sensitivity = np.array([self._sensitivity_of(symbol) for symbol in symbols], np.float64)

    def _sensitivity_of(self, symbol: str) -> float:
        override = self.config.overrides.get(symbol)
        own = None if override is None else override.sensitivity
        return self.config.sensitivity if own is None else own

    def _tuned(self, at: Array) -> tuple[Scorer, Limits]:
        if len(self._sensitivity) != len(self._table):
            self._retune()
        multiplier = 1.0 if self.market is None else self.market.multiplier
        model, limit = self._model, self._limits
        return (
            Scorer(self._vector, model.intercept, model.rate_weight, multiplier, self._sensitivity[at]),
            limit._replace(on=limit.on[at], far=limit.far[at]),
        )

    def _assess(self, metrics: WindowMetrics) -> Step:
        """Take the rows of the metrics one step further."""
        at = self._table.locate(metrics.symbols)
        rows = self._table.rows[at]
        clock = np.clip(metrics.as_of, rows["last"], self.now)
        assess.learn(rows, clock, (metrics.total_count, metrics.total_usd), self._columns(metrics.venues))
        step = assess.look(at, clock, rows, metrics)
        rows["active"] = step.active.orders[:, :, LONG].any(axis=1)
        rows["input_warming"] = metrics.warming
        assess.decide(step, *self._tuned(at))
        self._table.rows[at] = rows
        return step

    def _silent(self) -> list[Step]:
        """Take symbols without input for a while one step further, as silence."""
        rows = self._table.rows
        age = self.now - rows["last"]
        kept = (age < REMEMBER) | (rows["level"] > 0).any(axis=1)
        kept[self._table.locate(self._tracked)] = True
        at = np.flatnonzero((age >= STALE) & kept)
        if not at.size:
            return []
        silent = rows[at]
        step = assess.look(at, np.full(len(at), self.now), silent, None)
        assess.decide(step, *self._tuned(at))
        self._table.rows[at] = silent
        return [step]

    def _columns(self, venues: tuple[str, ...]) -> Array:
        for venue in venues:
            if venue not in self._venues and len(self._venues) < MAX_VENUES:
                self._venues.append(venue)
        known = self._venues
        return np.array([known.index(venue) if venue in known else MAX_VENUES for venue in venues], np.int64)

    def _market_due(self) -> Market | None:
        market = self.market
        if market is None or self.now - market.clock > FRESH_MARKET or self.now - self._market_said < SECOND:
            return None
        self._market_said = self.now
        return market

    def _context(self, entry_id: str) -> Context:
        market = self.market
        return Context(
            entry_id=entry_id,
            regime=Volatility.NORMAL.name if market is None else market.regime,
            regime_known=market is not None and not market.warming,
            model=self._model.version,
            vector=self._vector,
            weights=self.config.weights,
            revision=self.revision,
            warming=self.warming,
            venues=(*self._venues, *("other",) * (MAX_VENUES + 1 - len(self._venues))),
            sight=self.sight,
            blind=self._blind(),
        )

    def _blind(self) -> bool:
        sight = self.sight
        return sight is not None and (not sight.used or sight.coverage < self.config.coverage_ratio * sight.possible)
