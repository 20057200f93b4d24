"""From entries to tables: what is kept of each kind of entry, and proof that none was missed or doubled."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Protocol

import pyarrow as pa

from foreshock_archive.domain.columns import Origin
from foreshock_archive.domain.event_rows import ContextRows, EventRows, check
from foreshock_archive.domain.metric_rows import MetricRows
from foreshock_archive.domain.position import Position
from foreshock_archive.domain.schemas import IDENTITY, SCHEMAS
from foreshock_archive.domain.seen import Seen
from foreshock_archive.domain.signal_rows import CoverageRows, SignalRows
from foreshock_model import batch, metrics
from foreshock_model.entries import InputEntry, OutputEntry, Sequencer
from foreshock_model.errors import CodecError


class Source(StrEnum):
    """A kind of stream."""

    EVENTS = "events"
    METRICS = "metrics"
    SIGNALS = "signals"


SOURCES = {
    "events": Source.EVENTS,
    "context": Source.EVENTS,
    "coverage": Source.EVENTS,
    "metrics": Source.METRICS,
    "signals": Source.SIGNALS,
}
"""The stream that each table comes from."""


class _Rows(Protocol):
    def __len__(self) -> int: ...

    def table(self) -> pa.Table: ...


class Intake:
    """Rows between two files.

    tables    what is kept, of `SCHEMAS`
    position  how far the last file went
    seen      per table of `IDENTITY`: rows that were kept before
    """

    def __init__(self, tables: Collection[str], position: Position, seen: Mapping[str, Seen]) -> None:
        self._tables = frozenset(tables)
        self._sequencers: dict[int, Sequencer] = {}
        for partition, state in position.sequencers.items():
            self._sequencers[int(partition)] = Sequencer()
            self._sequencers[int(partition)].load(state)
        self._seen = {table: seen.get(table) or Seen() for table in IDENTITY}
        self._missing_before = self._all_missing()
        self._coverage = CoverageRows(position.ticks)
        self._repeated = 0
        self._start()

    @property
    def rows(self) -> int:
        """Rows that wait for a file."""
        return sum(len(part) for part in self._parts().values())

    @property
    def missing(self) -> int:
        """Entries of events that never came, after the position."""
        return self._all_missing() - self._missing_before

    @property
    def repeated(self) -> int:
        """Rows and entries left out here because they were there already."""
        return self._repeated + sum(each.repeated for each in self._seen.values())

    def position(self, roll: int, cursors: Mapping[str, str]) -> Position:
        """Return the position after what was taken in so far."""
        sequencers = {str(partition): each.dump() for partition, each in self._sequencers.items()}
        return Position(roll=roll, cursors=dict(cursors), sequencers=sequencers, ticks=dict(self._coverage.last))

    def take(self, source: Source, origin: Origin, fields: Mapping[bytes, bytes], now: int) -> None:
        """Take in one entry; now (ns UTC) is when it was read. Raises CodecError, having kept nothing of it."""
        if source is Source.EVENTS:
            self._take_input(origin, InputEntry.from_fields(fields))
        elif source is Source.METRICS and "metrics" in self._tables:
            self._take_metrics(origin, OutputEntry.from_fields(fields))
        elif source is Source.SIGNALS and "signals" in self._tables:
            self._take_signal(origin, fields, now)

    def drain(self) -> dict[str, pa.Table]:
        """Return the rows by table, of those that have any, and begin anew."""
        tables = {name: part.table() for name, part in self._parts().items() if len(part)}
        self._coverage.empty()
        self._start()
        return tables

    def _all_missing(self) -> int:
        return sum(each.missing for each in self._sequencers.values())

    def _parts(self) -> dict[str, _Rows]:
        return {
            "events": self._events,
            "context": self._context,
            "metrics": self._metrics,
            "signals": self._signals,
            "coverage": self._coverage,
        }

    def _start(self) -> None:
        self._events = EventRows(self._seen["events"])
        self._context = ContextRows()
        self._metrics = MetricRows()
        self._signals = SignalRows(self._seen["signals"])

    def _take_input(self, origin: Origin, entry: InputEntry) -> None:
        sequencer = self._sequencers.setdefault(origin.partition, Sequencer())
        if not sequencer.accept(entry.writer, entry.epoch, entry.seq):
            self._repeated += 1
            return
        if entry.kind == "tick" and "coverage" in self._tables:
            self._coverage.add(origin, entry)
        elif entry.kind == "batch" and self._tables & {"events", "context"}:
            read = batch.decode(entry.data)
            check(read)
            if "events" in self._tables:
                self._events.add(origin, read)
            if "context" in self._tables:
                self._context.add(origin, read)

    def _take_metrics(self, origin: Origin, entry: OutputEntry) -> None:
        if entry.kind == "metrics":
            self._metrics.add(origin, metrics.decode(entry.data))

    def _take_signal(self, origin: Origin, fields: Mapping[bytes, bytes], now: int) -> None:
        if b"json" not in fields:
            msg = "entry lacks field 'json'"
            raise CodecError(msg)
        self._signals.add(origin, fields[b"json"], now)


def chosen(tables: Collection[str]) -> tuple[str, ...]:
    """Return the tables to keep, all when none is named. Raises ValueError for one that does not exist."""
    for name in tables:
        if name not in SCHEMAS:
            msg = f"there is no table {name!r}; there are {' '.join(SCHEMAS)}"
            raise ValueError(msg)
    return tuple(name for name in SCHEMAS if name in tables or not tables)
