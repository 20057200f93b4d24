"""A timeline through the whole road without sockets, Redis or a clock: the services' own pure steps, one after another.

The frames are the real ones: a venue's script tells them under its throttle and the venue's decoder reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from foreshock_feeds.domain.assemble import Assembler
from foreshock_feeds.domain.ingest import Ingest
from foreshock_lab.domain.steps import Answered, HouseSteps
from foreshock_lab.domain.telling import MARKED, Marks, Teller
from foreshock_lab.domain.timeline import PRICE_STEP_MS, Timeline
from foreshock_model import batch
from foreshock_model.dedupe import Dedupe
from foreshock_model.signal import Signal
from foreshock_sdk.connector import Connector
from foreshock_sdk.instruments import Instruments
from foreshock_sdk.simulation import Push, VenueScript

NS_PER_MS = 1_000_000
STEP_MS = 20
"""A step of time; the partitions' grid of 100 ms is a multiple of it."""
AFTER_MS = 2_500
START_MS = 1_780_000_000_000
"""When offline runs take place, ms UTC: a whole second in May 2026."""


class OfflineRun(NamedTuple):
    """What came of it: rows read from the frames, and every signal with the time it was said, ms from the start."""

    rows: int
    signals: tuple[tuple[int, Signal], ...]


def run_offline(
    timeline: Timeline,
    scripts: Mapping[str, VenueScript],
    connectors: Mapping[str, Connector],
    *,
    partitions: int = 1,
) -> OfflineRun:
    """Play a timeline; oddities are left out, for they are frames of no script. Equal arguments, equal outcome."""
    readers = [_Reader(scripts[venue], connectors[venue], partitions) for venue in timeline.venues]
    teller, marks, house = Teller(timeline, START_MS), Marks(timeline), _House(partitions)
    for at_ms in range(0, round(timeline.duration_s * 1000) + AFTER_MS, STEP_MS):
        now_ms = START_MS + at_ms
        for spec, row in teller.until(now_ms):
            scripts[spec.venue].offer([row])
        for reader in readers:
            told = reader.due(now_ms)
            if at_ms % PRICE_STEP_MS == 0:
                told = [*told, *reader.context(marks, at_ms, now_ms)]
            house.take(reader, told, now_ms)
        house.step(at_ms, now_ms)
    return OfflineRun(house.rows, tuple(house.signals))


class _Reader:
    """One venue's script and decoder."""

    def __init__(self, script: VenueScript, connector: Connector, partitions: int) -> None:
        table = Instruments(script.venue, script.listing())
        route = connector.routes(table, (), connector.endpoints)[0]
        self._script = script
        self._decoder = connector.decoder(route, table)
        self.ingest = Ingest(table, partitions=partitions, dedupe=Dedupe())

    def due(self, now_ms: int) -> list[Push]:
        return list(self._script.due(now_ms))

    def context(self, marks: Marks, at_ms: int, now_ms: int) -> list[Push]:
        return list(self._script.context(marks.rows(self._script.venue, at_ms, now_ms), now_ms))

    def add(self, assembler: Assembler, pushes: list[Push], now_ms: int) -> int:
        decoded = self._decoder.feed([push.frame for push in pushes])
        found = self.ingest.rows(decoded, [now_ms * NS_PER_MS] * len(pushes))
        assembler.add(self.ingest, found)
        return len(found.liquidations["event_id"])


class _House:
    """Every partition's state and the market stage between them."""

    def __init__(self, partitions: int) -> None:
        self.rows = 0
        self.signals: list[tuple[int, Signal]] = []
        self._assembler = Assembler(partitions)
        self._steps = HouseSteps(partitions, (MARKED,))

    def take(self, reader: _Reader, pushes: list[Push], now_ms: int) -> None:
        if pushes:
            self.rows += reader.add(self._assembler, pushes, now_ms)

    def step(self, at_ms: int, now_ms: int) -> None:
        clock = now_ms * NS_PER_MS
        for found in self._answers(clock):
            self.signals += [(at_ms, each) for each in found.outcome.signals]

    def _answers(self, clock: int) -> Iterator[Answered]:
        take = self._steps.take
        for partition, table in self._assembler.cut(clock):
            yield take(partition, "batch", writer="offline", clock=clock, data=batch.encode(table))
        for partition in self._assembler.due_ticks(clock):
            yield take(partition, "tick", writer="offline", clock=clock, data=b"{}")
        yield from self._steps.market()
