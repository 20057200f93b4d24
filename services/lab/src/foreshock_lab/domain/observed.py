"""What came out of the house, as an outsider reads it from the streams."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np

from foreshock_lab.domain.facts import Fact, rounded
from foreshock_model import batch, metrics
from foreshock_model.entries import InputEntry, OutputEntry, Sequencer
from foreshock_sdk.events import EventFlag

NS_PER_MS = 1_000_000


class Seen(NamedTuple):
    """A row that came out. clamped: its time was corrected; backfilled: it came from a venue's history."""

    fact: Fact
    clamped: bool = False
    backfilled: bool = False


class Observed:
    """Adds up `events:{pN}` and `metrics:{pN}` of all partitions, each read once from its start.

    events   the rows, by event id
    inputs, outputs   ids of entries by stream position, until answered
    """

    def __init__(self) -> None:
        self.events: dict[int, Seen] = {}
        self.rows: Counter[str] = Counter()
        """Rows by symbol, writers' repeats left out."""
        self.doubled = 0
        self.totals: dict[str, int] = {}
        """What velocity says it has counted, by symbol."""
        self.entries = 0
        self.answers = 0
        self.unanswered: set[tuple[int, str]] = set()
        self.unasked: set[tuple[int, str]] = set()
        self._sequencers: dict[int, Sequencer] = {}

    @property
    def missing_entries(self) -> int:
        """Entries their writers numbered and nobody ever saw."""
        return sum(each.missing for each in self._sequencers.values())

    @property
    def repeated_entries(self) -> int:
        """Entries written twice because an answer was lost; readers drop them."""
        return sum(each.repeated for each in self._sequencers.values())

    def take_input(self, partition: int, entry_id: str, entry: InputEntry) -> None:
        """Add an entry of `events:{pN}`. Raises CodecError when its batch cannot be read."""
        self.entries += 1
        self._pair(self.unasked, self.unanswered, (partition, entry_id))
        sequencer = self._sequencers.setdefault(partition, Sequencer())
        if sequencer.accept(entry.writer, entry.epoch, entry.seq) and entry.kind == "batch":
            self._take_batch(batch.decode(entry.data))

    def take_output(self, partition: int, entry_id: str, entry: OutputEntry) -> None:
        """Add an entry of `metrics:{pN}`. Raises CodecError when its metrics cannot be read."""
        self.answers += 1
        self._pair(self.unanswered, self.unasked, (partition, entry_id))
        if entry.kind == "metrics":
            table = metrics.decode(entry.data)
            counts = np.sum(table.total_count, axis=(1, 2)).tolist()
            self.totals.update(zip(table.symbols, counts, strict=True))

    @staticmethod
    def _pair(waiting: set[tuple[int, str]], others: set[tuple[int, str]], key: tuple[int, str]) -> None:
        if key in waiting:
            waiting.remove(key)
        else:
            others.add(key)

    def _take_batch(self, table: batch.EventBatch) -> None:
        names = ("instrument", "liquidated_side", "flags", "price", "quantity", "ts_event", "event_id")
        for index, side, flags, price, quantity, ts_event, key in zip(
            *(table.liquidations[name].tolist() for name in names), strict=True
        ):
            ref = table.instruments[index]
            self.rows[ref.symbol] += 1
            if key in self.events:
                self.doubled += 1
                continue
            fact = Fact(ref.venue, ref.raw_symbol, side, ts_event // NS_PER_MS, rounded(price), rounded(quantity))
            clamped, backfilled = (bool(flags & each) for each in (EventFlag.CLAMPED, EventFlag.BACKFILLED))
            self.events[key] = Seen(fact, clamped, backfilled)
