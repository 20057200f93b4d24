"""Entries of a small house that saw one cascade, and what an archive of them must hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow.dataset as ds
from tests.unit.signals.metrics_made import MS, NOW, SECOND, VENUES, Hit, Tape, cascade, entry, entry_id, measure

from foreshock_archive.domain.columns import Origin
from foreshock_archive.domain.intake import Intake, Source
from foreshock_archive.domain.schemas import SCHEMAS
from foreshock_model import batch, insight, signal
from foreshock_model.batch import CONTEXT_COLUMNS, LIQUIDATION_COLUMNS, Columns, EventBatch, InstrumentRef
from foreshock_model.entries import InputEntry
from foreshock_model.metrics import WindowMetrics
from foreshock_model.tick import TickData, VenueLife
from foreshock_sdk.events import ContextField, EventFlag
from foreshock_signals.domain.state import SignalsState

SYMBOLS = ("BTCUSDT", "ETHUSDT")
REFS = tuple(
    InstrumentRef(venue, symbol, f"{symbol}-PERP.{venue.upper()}", symbol.lower(), 1.0)
    for venue in VENUES
    for symbol in SYMBOLS
)
HITS = cascade(SECOND)
STEP = 500 * MS
END = 12 * SECOND
ALL = tuple(SCHEMAS)


class Told(NamedTuple):
    """An entry as it stands in a stream."""

    source: Source
    entry_id: str
    fields: dict[bytes, bytes]


def columns(layout: Sequence[tuple[str, str]], rows: Sequence[Sequence[float]]) -> Columns:
    """Return columns of a batch from rows in the order of the layout."""
    return {name: np.array([row[at] for row in rows], dtype) for at, (name, dtype) in enumerate(layout)}


def liquidation(number: int, hit: Hit) -> tuple[float, ...]:
    """Return a row of `LIQUIDATION_COLUMNS`: every ninth was replayed by the venue."""
    ref = VENUES.index(hit.venue) * len(SYMBOLS) + SYMBOLS.index(hit.symbol)
    at = NOW + hit.at
    flags = EventFlag.REPLAYED if number % 9 == 0 else EventFlag.NONE
    return (ref, hit.side, number % 4, flags, 60_000.0, hit.usd / 60_000, hit.usd, at - 50 * MS, at, 7_000 + number)


def batch_of(hits: Sequence[Hit], first: int, now: int) -> EventBatch:
    """Return the batch of some hits, the number of the first among all, and a mark price of each contract."""
    marks = [(at, ContextField.MARK, 60_000.0 + at, NOW + now, NOW + now) for at in range(len(REFS))]
    liquidations = columns(LIQUIDATION_COLUMNS, [liquidation(first + at, hit) for at, hit in enumerate(hits)])
    return EventBatch(REFS, liquidations, columns(CONTEXT_COLUMNS, marks))


def entry_of(told: EventBatch, seq: int, now: int, writer: str = "feeds:0") -> InputEntry:
    """Return the entry of a batch."""
    return InputEntry("batch", writer, 1, seq, NOW + now, batch.encode(told))


def tick(seq: int, now: int, live: float = 1.0, writer: str = "feeds:0") -> InputEntry:
    """Return a tick of a writer that sees okx in part."""
    lives = {"okx": VenueLife(live, 0.3), "bybit": VenueLife(1.0, 0.2)}
    said = TickData(venues=lives, coverage=round(0.2 + 0.3 * live, 6))
    return InputEntry("tick", writer, 1, seq, NOW + now, msgspec.json.encode(said))


def with_insight(metrics: WindowMetrics, venue: str = "binance", gain: float = 1.5) -> WindowMetrics:
    """Let velocity say that a venue hides orders, and that USD over all are to be multiplied with `gain`."""
    quiet = insight.nothing(len(metrics.symbols), len(metrics.venues), len(metrics.windows_ms))
    hides = np.tile([each == venue for each in metrics.venues], (len(metrics.symbols), 1))
    metrics.insight = quiet._replace(censored=hides, usd_gain=np.full_like(quiet.usd_gain, gain))
    return metrics


def history() -> Iterator[Told]:
    """Yield the entries of a cascade, each stream in its order."""
    tape = Tape(SignalsState(), HITS, SYMBOLS)
    told = 0
    for step, now in enumerate(range(0, END + 1, STEP)):
        fresh = [hit for hit in sorted(HITS) if now - STEP < hit.at <= now]
        inputs = [
            entry_of(batch_of(fresh, told, now), 2 * step + 1, now),
            tick(2 * step + 2, now, 0.5 if step > 8 else 1.0),
        ]
        told += len(fresh)
        for k, each in enumerate(inputs):
            yield Told(Source.EVENTS, f"{(NOW + now) // MS}-{k}", each.to_fields())
        measured = with_insight(measure([hit for hit in HITS if hit.at <= now], now, SYMBOLS, mark=60_000.0))
        yield Told(Source.METRICS, entry_id(now), entry(measured, now).to_fields())
        for k, said in enumerate(tape.play(now, now)):
            yield Told(Source.SIGNALS, f"{(NOW + now) // MS}-{1024 + k}", {b"json": signal.encode(said)})


def feed(intake: Intake, entries: Sequence[Told], partition: int = 0) -> None:
    """Take in entries as the archiver would."""
    for each in entries:
        intake.take(each.source, Origin(partition, each.entry_id), each.fields, NOW)


def stored(folder: Path, table: str) -> list[dict[str, Any]]:
    """Return the rows of a table in the order of their entries."""
    found = ds.dataset(sorted((folder / table).glob("*/*.parquet"))).to_table().to_pylist()
    return sorted(found, key=lambda row: tuple(str(value) for value in row.values()))
