"""Entries of a stream made from a few words, for velocity's tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from foreshock_model import metrics as metric_codec
from foreshock_model.batch import (
    CONTEXT_COLUMNS,
    LIQUIDATION_COLUMNS,
    Columns,
    EventBatch,
    InstrumentRef,
    encode,
)
from foreshock_model.entries import InputEntry, OutputEntry
from foreshock_model.metrics import WindowMetrics
from foreshock_sdk.events import ContextField

MS = 1_000_000
SECOND = 1_000 * MS
NOW = 1_700_000_000 * SECOND
"""A round time: on the grid, and at the start of a bucket of every window."""


class Row(NamedTuple):
    """One liquidation; recv 0 means at its own time, key 0 that it has no identity."""

    symbol: str = "BTCUSDT"
    venue: str = "binance"
    side: int = 0
    usd: float = 1_000.0
    ts: int = NOW
    recv: int = 0
    price: float = 100.0
    key: int = 0


class Price(NamedTuple):
    """One context row, a mark price unless told otherwise."""

    value: float
    ts: int = NOW
    symbol: str = "BTCUSDT"
    venue: str = "binance"
    instrument: str = "BTCUSDT-PERP.BINANCE"
    recv: int = 0
    field: int = ContextField.MARK


def contract(row: Row | Price) -> InstrumentRef:
    """Return the contract of a row."""
    name = row.instrument if isinstance(row, Price) else f"{row.symbol}-PERP.{row.venue.upper()}"
    return InstrumentRef(row.venue, row.symbol, name, row.symbol)


def columns(layout: tuple[tuple[str, str], ...], **values: Sequence[float]) -> Columns:
    """Return columns of a layout; those not given are zeros."""
    rows = len(values["instrument"])
    return {name: np.array(values.get(name, [0] * rows), dtype) for name, dtype in layout}


def batch_of(rows: Sequence[Row] = (), prices: Sequence[Price] = ()) -> EventBatch:
    """Return a batch."""
    both: list[Row | Price] = [*rows, *prices]
    refs = list(dict.fromkeys(contract(each) for each in both))
    number = {ref: at for at, ref in enumerate(refs)}
    liquidations = columns(
        LIQUIDATION_COLUMNS,
        instrument=[number[contract(row)] for row in rows],
        liquidated_side=[row.side for row in rows],
        price=[row.price for row in rows],
        notional_usd=[row.usd for row in rows],
        ts_event=[row.ts for row in rows],
        ts_recv=[row.recv or row.ts for row in rows],
        event_id=[row.key for row in rows],
    )
    context = columns(
        CONTEXT_COLUMNS,
        instrument=[number[contract(price)] for price in prices],
        field=[price.field for price in prices],
        value=[price.value for price in prices],
        ts_event=[price.ts for price in prices],
        ts_recv=[price.recv or price.ts for price in prices],
    )
    return EventBatch(tuple(refs), liquidations, context)


class Writer:
    """Numbers entries as a writer does."""

    def __init__(self, name: str = "feeds:0", epoch: int = 1) -> None:
        self.name = name
        self.epoch = epoch
        self.seq = 0

    def entry(self, kind: str, clock: int, data: bytes = b"") -> InputEntry:
        """Return the next entry."""
        self.seq += 1
        return InputEntry(kind, self.name, self.epoch, self.seq, clock, data)

    def batch(self, clock: int, *rows: Row | Price) -> InputEntry:
        """Return a batch of liquidations and prices."""
        events = [row for row in rows if isinstance(row, Row)]
        prices = [row for row in rows if isinstance(row, Price)]
        return self.entry("batch", clock, encode(batch_of(events, prices)))

    def tick(self, clock: int, **delays: int) -> InputEntry:
        """Return a tick, with delays of venues in ms."""
        data = msgspec.json.encode({"routes": {"okx.0": "LIVE"}, "delays": delays}) if delays else b""
        return self.entry("tick", clock, data)

    def life(self, clock: int, **venues: tuple[float, float]) -> InputEntry:
        """Return a tick that says how far venues are seen: live part and share."""
        return self.entry("tick", clock, msgspec.json.encode({"venues": venues}))


def metrics_of(answer: OutputEntry) -> WindowMetrics:
    """Return the metrics of an answer that must have some."""
    assert answer.kind == "metrics"
    return metric_codec.decode(answer.data)


def row_of(metrics: WindowMetrics, symbol: str = "BTCUSDT") -> int:
    """Return a symbol's row."""
    return metrics.symbols.index(symbol)
