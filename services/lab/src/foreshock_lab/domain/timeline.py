"""A timeline: everything a simulated market does, in order, before any of it is told."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from foreshock_sdk.events import LiquidatedSide
from foreshock_sdk.instruments import InstrumentSpec, convert

Array = npt.NDArray[Any]

PRICE_STEP_MS = 200
"""Prices move five times a second."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One liquidation, in the venue's own units.

    at_ms     when it is told, from the start of the timeline
    event_ms  when it happened: earlier when it comes late
    """

    at_ms: int
    event_ms: int
    venue: str
    raw_symbol: str
    symbol: str
    liquidated_side: LiquidatedSide
    price: float
    size: float
    notional_usd: float


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """A cascade that is there, for a detector to find. orders and usd as generated, before any throttle."""

    symbol: str
    side: str
    start_ms: int
    peak_ms: int
    end_ms: int
    leader: str
    orders: int
    usd: float


class Oddity(StrEnum):
    """What a real feed does on a bad day."""

    DUPLICATE = "duplicate"
    """The newest frames once more."""
    TRUNCATED = "truncated"
    """A frame that ends in the middle."""
    NOT_JSON = "not_json"
    NOT_UTF8 = "not_utf8"
    STRANGE_JSON = "strange_json"
    """JSON of no shape that the venue knows."""
    ZERO_PRICE = "zero_price"
    NEGATIVE_SIZE = "negative_size"
    ZERO_SIZE = "zero_size"
    NAN_PRICE = "nan_price"
    INFINITE_SIZE = "infinite_size"
    TEXT_PRICE = "text_price"
    IMPOSSIBLE_TIME = "impossible_time"
    """After the year 2100."""
    NEGATIVE_TIME = "negative_time"
    UNKNOWN_SYMBOL = "unknown_symbol"
    FOREIGN_SYMBOL = "foreign_symbol"
    """An unknown contract whose name is not ASCII."""
    CUT = "cut"
    """The sockets break without a goodbye."""
    STALL = "stall"
    """The sockets fall silent for a second."""


class OddEvent(msgspec.Struct, frozen=True):
    """One oddity at one venue, `at_ms` from the start."""

    at_ms: int
    venue: str
    kind: Oddity


class Events(NamedTuple):
    """Liquidations as columns of one length, sorted by at_ms. contract: index into the timeline's specs."""

    at_ms: Array
    event_ms: Array
    contract: Array
    side: Array
    price: Array
    size: Array


class Prices(NamedTuple):
    """Price paths: usd[step, symbol], a step every PRICE_STEP_MS from the start."""

    symbols: tuple[str, ...]
    usd: Array

    def at(self, ms: Array) -> Array:
        """Return the steps for these offsets; before the start the first, past the end the last."""
        steps: Array = np.clip(np.asarray(ms) // PRICE_STEP_MS, 0, len(self.usd) - 1)
        return steps

    def of(self, symbol: str, ms: int) -> float:
        """Return one price [USD a base coin]."""
        return float(self.usd[self.at(np.array(ms)), self.symbols.index(symbol)])


class Timeline(NamedTuple):
    """A whole scenario. Equal arguments make equal timelines."""

    scenario: str
    seed: int
    duration_s: float
    venues: tuple[str, ...]
    specs: tuple[InstrumentSpec, ...]
    events: Events
    prices: Prices
    episodes: tuple[Episode, ...]
    oddities: tuple[OddEvent, ...]

    def rows(self) -> Iterator[Row]:
        """Walk the liquidations, for people and files."""
        for at_ms, event_ms, contract, side, price, size in zip(
            *(column.tolist() for column in self.events), strict=True
        ):
            spec = self.specs[contract]
            notional = convert(price, size, spec.contract_value, int(spec.usd_sized), spec.multiplier)[2]
            yield Row(
                at_ms=at_ms,
                event_ms=event_ms,
                venue=spec.venue,
                raw_symbol=spec.raw_symbol,
                symbol=spec.symbol,
                liquidated_side=LiquidatedSide(side),
                price=price,
                size=size,
                notional_usd=notional,
            )

    def describe(self) -> dict[str, Any]:
        """Return what a person wants to know of it: counts, USD, burstiness and the cascades in it."""
        rows = list(self.rows())
        gaps = np.diff(self.events.at_ms)
        return {
            "scenario": self.scenario,
            "seed": self.seed,
            "duration_s": self.duration_s,
            "liquidations": len(rows),
            "usd": round(sum(row.notional_usd for row in rows), 2),
            "by_venue": {venue: sum(row.venue == venue for row in rows) for venue in self.venues},
            "by_side": {side.name: sum(row.liquidated_side == side for row in rows) for side in LiquidatedSide},
            "symbols": len({row.symbol for row in rows}),
            "within_1s_of_previous": round(float((gaps <= 1000).mean()), 3) if gaps.size else 0.0,  # noqa: PLR2004
            "late": int((self.events.event_ms < self.events.at_ms).sum()),
            "oddities": len(self.oddities),
            "episodes": [msgspec.to_builtins(each) for each in self.episodes],
        }
