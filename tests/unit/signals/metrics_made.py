"""Metrics made from a list of liquidations by brute force, for signals' tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
import numpy as np

from foreshock_model import metric_columns
from foreshock_model import metrics as metrics_codec
from foreshock_model.entries import OutputEntry
from foreshock_model.metrics import WINDOWS_MS, WindowMetrics
from foreshock_model.signal import Level, Signal
from foreshock_signals.domain import snapshot
from foreshock_signals.domain.market import Market
from foreshock_signals.domain.state import SignalsState
from foreshock_signals.domain.table import SIDES

MS = 1_000_000
SECOND = 1_000 * MS
NOW = 1_700_000_000 * SECOND
VENUES = ("binance", "bybit", "okx")


class Hit(NamedTuple):
    """One liquidation: ns after NOW, side 0 LONG or 1 SHORT."""

    at: int
    usd: float = 1_000.0
    side: int = 0
    venue: str = "bybit"
    symbol: str = "BTCUSDT"


def rows(symbols: tuple[str, ...], venues: tuple[str, ...] = VENUES) -> dict[str, Any]:
    """Return the columns of quiet metrics."""
    layout = metric_columns.layout(len(symbols), len(venues), len(WINDOWS_MS))
    return {name: np.zeros(shape, kind) for name, kind, shape in layout}


def measure(hits: Iterable[Hit], now: int, symbols: tuple[str, ...], mark: float = float("nan")) -> WindowMetrics:
    """Return what velocity would say of the symbols at `now` (ns after NOW), derivatives left at zero."""
    columns = rows(symbols)
    columns["as_of"][:] = NOW + now
    columns["mark"][:] = mark
    columns["mark_ts"][:] = NOW + now if mark > 0 else 0
    for hit in hits:
        if hit.at > now or hit.symbol not in symbols:
            continue
        cell = symbols.index(hit.symbol), hit.side, VENUES.index(hit.venue)
        columns["total_count"][cell] += 1
        columns["total_usd"][cell] += hit.usd
        for at, window in enumerate(WINDOWS_MS):
            if hit.at > now - window * MS:
                columns["count"][(*cell, at)] += 1
                columns["usd"][(*cell, at)] += hit.usd
    return WindowMetrics(symbols=symbols, venues=VENUES, **columns)


def entry(metrics: WindowMetrics, now: int) -> OutputEntry:
    """Return the entry velocity would write at `now` (ns after NOW)."""
    return OutputEntry("metrics", NOW + now, metrics_codec.encode(metrics))


def entry_id(now: int) -> str:
    """Return the id of an entry written at `now` (ns after NOW)."""
    return f"{(NOW + now) // MS}-0"


def market_entry(now: int, **fields: object) -> OutputEntry:
    """Return the entry of the market stage at `now` (ns after NOW)."""
    market = Market(clock=NOW + now, **fields)  # type: ignore[arg-type]
    return OutputEntry("market", NOW + now, msgspec.json.encode(market))


def level_of(state: SignalsState, symbol: str, side: str) -> Level:
    """Return the level of a side (LONG, SHORT), as a snapshot holds it."""
    head, table = snapshot.load(state.dump())
    return Level(int(table["level"][head.symbols.index(symbol), SIDES.index(side)]))


class Tape:
    """Plays liquidations into a state at a fixed step, as velocity's edges would, and keeps the signals."""

    def __init__(self, state: SignalsState, hits: Iterable[Hit], symbols: tuple[str, ...] = ("BTCUSDT",)) -> None:
        self.state = state
        self.hits = sorted(hits)
        self.symbols = symbols
        self.signals: list[Signal] = []

    def play(self, start: int, end: int, step: int = 100 * MS) -> list[Signal]:
        """Play from start to end, both ns after NOW, the end included; return the signals of this stretch."""
        found: list[Signal] = []
        for now in range(start, end + 1, step):
            recent = [hit for hit in self.hits if hit.at <= now]
            outcome = self.state.advance(entry_id(now), entry(measure(recent, now, self.symbols), now))
            found += outcome.signals
        self.signals += found
        return found


def cascade(
    start: int, *, seconds: float = 10.0, rate: float = 40.0, usd: float = 100_000.0, symbol: str = "BTCUSDT"
) -> list[Hit]:
    """Return longs dying on three venues: a ramp of three seconds to `rate` a second; 1/s on binance."""
    hits: list[Hit] = []
    now, number = 0.0, 0
    while now < seconds:
        now += 1.0 / (rate * min(1.0, (now + 0.2) / 3.0))
        number += 1
        venue = VENUES[1 + number % 2]
        hits.append(Hit(start + round(now * SECOND), usd * (0.5 + number % 3 / 2), 0, venue, symbol))
    hits += [Hit(start + second * SECOND, usd, 0, "binance", symbol) for second in range(1, int(seconds))]
    return hits
