"""What a feeds process made of its frames, made again from its recording: the same sessions, decoders and entries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from foreshock_feeds.conversation import Conversation
from foreshock_feeds.domain.assemble import Assembler
from foreshock_feeds.domain.ingest import Ingest, Ingested
from foreshock_feeds.domain.offset import ClockOffset
from foreshock_feeds.domain.recording import NO_TICK, ContractsData, CutData, DroppedData, Kind, Recorded, RestData
from foreshock_feeds.domain.replayed import drop_before, flag_backfilled
from foreshock_feeds.domain.route_state import RouteChange
from foreshock_feeds.quarantine import Quarantine
from foreshock_feeds.session import RouteSession
from foreshock_lab.errors import LabError
from foreshock_model.batch import encode
from foreshock_model.dedupe import Dedupe
from foreshock_model.entries import InputKind
from foreshock_sdk.columns import RawBooks, RawContext
from foreshock_sdk.connector import Connector, Route
from foreshock_sdk.errors import OptionError
from foreshock_sdk.instruments import Instruments

ANY_TIME_MS = 1e9
"""How long a decoder may take here: it has been within its budget when it was live, or was stopped."""


class Entry(NamedTuple):
    """What feeds writes to one partition. clock: ns UTC."""

    partition: int
    kind: InputKind
    clock: int
    data: bytes


class Counts(msgspec.Struct):
    """What a recording held and what became of it; dropped: frames that its recorder had no room for."""

    frames: int = 0
    dropped: int = 0
    unread: int = 0
    """Frames of venues that are not installed, and of connections whose route is not told."""
    bad: int = 0
    failed: int = 0
    """Connections that ended because their decoder raised."""
    events: int = 0
    duplicates: int = 0


class RecordingClock:
    """The receive times of a recording."""

    def __init__(self) -> None:
        self.at = 0

    def now(self) -> int:
        """Return the time of the record at hand, ns UTC."""
        return self.at


class SourceFeed:
    """One writer's recording as feeds once more. Records go in by `take`, entries come out of it."""

    def __init__(self, connectors: Mapping[str, Connector], partitions: int) -> None:
        self.counts = Counts()
        self._connectors = dict(connectors)
        self._partitions = partitions
        self._clock = RecordingClock()
        self._assembler = Assembler(partitions)
        self._quarantine = Quarantine(self._clock)
        self._venues: dict[str, Ingest] = {}
        self._versions: dict[str, dict[str, int]] = {}
        self._sessions: dict[str, RouteSession] = {}
        self._open: dict[tuple[str, int], Conversation] = {}
        self._held: list[Recorded] = []
        self._entries: list[Entry] = []
        self._tick = b""

    def take(self, record: Recorded) -> list[Entry]:
        """Take the next record; return the entries that end with it. Raises LabError for data that makes no sense."""
        if record.kind is Kind.FRAME:
            self._hold(record)
            return []
        self._hear()
        try:
            self._obey(record)
        except msgspec.DecodeError as error:
            raise LabError(f"a {record.kind} record makes no sense: {error}") from error
        return self._ended()

    def end(self) -> list[Entry]:
        """Return what the recording's end leaves: frames after its last cut, which a torn one may have."""
        self._hear()
        self._cut(self._clock.at, CutData(last=True))
        return [each for each in self._ended() if each.kind == "batch"]

    def _ended(self) -> list[Entry]:
        entries, self._entries = self._entries, []
        return entries

    def _hold(self, record: Recorded) -> None:
        """Gather the frames that the socket's reader had together."""
        if not record.joined:
            self._hear()
        self._held.append(record)

    def _hear(self) -> None:
        held, self._held = self._held, []
        if not held:
            return
        self._clock.at = max(self._clock.at, held[-1].ts_recv or 0)
        self.counts.frames += len(held)
        conversation = self._open.get((held[0].route, held[0].connection))
        if conversation is None:
            self.counts.unread += len(held)
            return
        try:
            conversation.heard([each.frame for each in held], [each.ts_recv or 0 for each in held])
        except Exception as error:  # noqa: BLE001 - a plugin is foreign code: live, its connection ends here
            self.counts.failed += 1
            conversation.session.failed(error)
            del self._open[held[0].route, held[0].connection]

    def _obey(self, record: Recorded) -> None:
        key = record.route, record.connection
        if record.kind is Kind.CONTRACTS:
            self._learn(msgspec.json.decode(record.data, type=ContractsData))
        elif record.kind is Kind.OPENED:
            self._begin(record, msgspec.json.decode(record.data, type=Route))
        elif record.kind is Kind.CLOSED and key in self._open:
            self._finish(record.route, self._open.pop(key))
        elif record.kind is Kind.CUT:
            self._cut(record.ts_recv or 0, msgspec.json.decode(record.data, type=CutData))
        elif record.kind is Kind.REST and record.venue in self._venues:
            self._fill(record, msgspec.json.decode(record.data, type=RestData))
        elif record.kind is Kind.DROPPED:
            self.counts.dropped += msgspec.json.decode(record.data, type=DroppedData).frames

    def _cut(self, clock: int, told: CutData) -> None:
        """Make the entries that feeds made at this time; of other partitions more ticks may be due than there were."""
        self._clock.at = clock
        if told.tick != NO_TICK:
            self._tick = bytes(told.tick)
        for partition, batch in self._assembler.cut(clock, context=told.context, last=told.last):
            self._entries.append(Entry(partition, "batch", clock, encode(batch)))
        if told.wanted:
            self._assembler.want_ticks()
        for partition in self._assembler.due_ticks(clock, seldom=told.away):
            self._entries.append(Entry(partition, "tick", clock, self._tick))

    def _learn(self, told: ContractsData) -> None:
        if told.venue not in self._connectors:
            return
        ingest = self._venues.get(told.venue)
        if ingest is None:
            table = Instruments(told.venue, told.specs)
            self._configure(told)
            versions = self._versions.setdefault(told.venue, {})
            ingest = Ingest(table, partitions=self._partitions, dedupe=Dedupe(), versions=versions)
            self._venues[told.venue] = ingest
        self._versions[told.venue].update(told.versions)
        for spec in told.specs:
            at = ingest.instruments.find(spec.raw_symbol)
            if at is None or ingest.instruments.specs[at] != spec:
                ingest.instruments.put(spec)
        ingest.track(frozenset(told.symbols))

    def _configure(self, told: ContractsData) -> None:
        """Give the venue's connector the options it had. Raises LabError."""
        if told.options:
            try:
                self._connectors[told.venue] = self._connectors[told.venue].configured(told.options)
            except OptionError as error:
                raise LabError(f"{told.venue} was recorded with an option of another version: {error}") from error

    def _fill(self, record: Recorded, told: RestData) -> None:
        """Take the rows of a history, as feeds does; where it could not read them it took none."""
        self._clock.at = max(self._clock.at, record.ts_recv or 0)
        ingest = self._venues[record.venue]
        try:
            found = self._connectors[record.venue].parse_backfill(told.request, record.frame, ingest.instruments)
        except Exception:  # noqa: BLE001 - a plugin is foreign code
            self.counts.bad += 1
            return
        drop_before(found, told.since_ms)
        flag_backfilled(found)
        found.context, found.books = RawContext(), RawBooks()
        received = [self._clock.at] * (1 + max(found.liquidations.frames, default=0))
        self._deliver(ingest, ingest.rows(found, received))

    def _begin(self, record: Recorded, route: Route) -> None:
        """Open a connection, unless an earlier segment did."""
        ingest = self._venues.get(record.venue)
        if ingest is None or (record.route, record.connection) in self._open:
            return
        self._clock.at = max(self._clock.at, record.ts_recv or 0)
        session = self._sessions.get(record.route) or self._session(record, route, ingest)
        session.route = route
        conversation = Conversation(session)
        try:
            conversation.prepare()
        except Exception as error:  # noqa: BLE001 - likewise
            self.counts.failed += 1
            session.failed(error)
            return
        self._open[record.route, record.connection] = conversation
        conversation.opened()
        conversation.all_said()

    def _finish(self, route: str, ended: Conversation) -> None:
        present = ended.session.present is ended
        ended.session.lost(ended, "closed")
        others = [each for (name, _), each in self._open.items() if name == route]
        if present and others:
            ended.session.inherited(others[-1])

    def _session(self, record: Recorded, route: Route, ingest: Ingest) -> RouteSession:
        session = self._sessions[record.route] = RouteSession(
            self._connectors[record.venue],
            route,
            ingest,
            clock=self._clock,
            quarantine=self._quarantine,
            deliver=self._deliver,
            changed=_nothing,
            offset=ClockOffset(),
            decode_budget_ms=ANY_TIME_MS,
        )
        return session

    def _deliver(self, ingest: Ingest, found: Ingested) -> None:
        self.counts.events += int(found.liquidations["instrument"].size)
        self._assembler.add(ingest, found)

    def tally(self) -> Counts:
        """Return the counts, those that feeds keeps itself included."""
        counts = msgspec.structs.replace(self.counts)
        counts.bad += sum(each.faults for each in self._sessions.values())
        dropped = [each.dedupe.dropped for each in self._venues.values() if each.dedupe is not None]
        counts.duplicates = sum(dropped)
        return counts


def _nothing(_: RouteChange) -> None:
    """Health is told by the recording's own ticks."""
