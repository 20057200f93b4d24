"""What a venue is told of a timeline: its liquidations and its prices, in its own units and at wall-clock times."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from foreshock_lab.domain.timeline import Timeline
from foreshock_sdk.events import ContextField, LiquidatedSide
from foreshock_sdk.instruments import InstrumentSpec, convert
from foreshock_sdk.simulation import SimContext, SimLiquidation

MARKED = "BTCUSDT"
"""Connectors take this market's mark price as their sign of life."""
FUNDING_RATE = 0.000_1
OPEN_INTEREST_USD = 500_000_000.0
BEST_USD = 200_000.0
"""What rests at the best bid, and at the best ask."""
HALF_SPREAD = 0.000_05
DIGITS = 9


class Teller:
    """Goes through a timeline once. start_ms: when it begins, ms UTC."""

    def __init__(self, timeline: Timeline, start_ms: int) -> None:
        self._timeline = timeline
        self._start_ms = start_ms
        self._columns = [column.tolist() for column in timeline.events]
        self._next = 0

    def until(self, now_ms: int) -> Iterator[tuple[InstrumentSpec, SimLiquidation]]:
        """Walk the liquidations that happened since the last call; row is the place in the timeline."""
        elapsed = now_ms - self._start_ms
        last = int(np.searchsorted(self._timeline.events.at_ms, elapsed, side="right"))
        first, self._next = self._next, max(last, self._next)
        for at in range(first, last):
            _, event_ms, contract, side, price, size = (column[at] for column in self._columns)
            spec = self._timeline.specs[contract]
            yield (
                spec,
                SimLiquidation(at, spec.raw_symbol, LiquidatedSide(side), price, size, self._start_ms + event_ms),
            )


class Marks:
    """Prices of the market that every venue marks."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self.specs = {
            venue: [each for each in timeline.specs if each.venue == venue and each.symbol == MARKED]
            for venue in timeline.venues
        }

    def rows(self, venue: str, elapsed_ms: int, now_ms: int) -> list[SimContext]:
        """Return prices, funding, open interest and best quotes of the venue's contracts on that market, if any."""
        specs = self.specs[venue]
        usd = self._timeline.prices.of(MARKED, elapsed_ms) if specs else 0.0
        return [row for spec in specs for row in _context(spec, usd, now_ms)]


def _context(spec: InstrumentSpec, usd: float, now_ms: int) -> list[SimContext]:
    price = usd * spec.multiplier
    # Venues that tell liquidations in the quote coin write all else in coins: only inverse contracts count USD here.
    unit_usd = convert(price, 1.0, spec.contract_value, int(spec.inverse), spec.multiplier)[2]
    values = (
        (ContextField.MARK, price),
        (ContextField.INDEX, price),
        (ContextField.FUNDING, FUNDING_RATE),
        (ContextField.OPEN_INTEREST, OPEN_INTEREST_USD / unit_usd),
        (ContextField.BID, price * (1 - HALF_SPREAD)),
        (ContextField.BID_QUANTITY, BEST_USD / unit_usd),
        (ContextField.ASK, price * (1 + HALF_SPREAD)),
        (ContextField.ASK_QUANTITY, BEST_USD / unit_usd),
    )
    return [SimContext(spec.raw_symbol, field, _rounded(value), now_ms) for field, value in values]


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
