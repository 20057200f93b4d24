"""What a reader returned whole, as the raw record shows, and what of it stands in the streams."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from redis.asyncio import Redis
from tests.integration.feeds_house import entries

from foreshock_feeds.domain.recording import ContractsData, Kind, Recorded, RestData
from foreshock_lab.domain.facts import Fact, rounded
from foreshock_lab.recording_file import read_source, sources
from foreshock_model.batch import decode
from foreshock_sdk.columns import Decoded
from foreshock_sdk.connector import Connector, Decoder, Route
from foreshock_sdk.events import EventFlag, LiquidationEvent
from foreshock_sdk.instruments import Instruments
from foreshock_sdk.rows import liquidation_events

OLD = EventFlag.REPLAYED | EventFlag.SNAPSHOT
NS_PER_MS = 1_000_000


def fact(event: LiquidationEvent) -> Fact:
    """State an event, without its time, which feeds may have had to correct."""
    price, quantity = rounded(event.price), rounded(event.quantity)
    return Fact(event.venue, event.raw_symbol, int(event.liquidated_side), 0, price, quantity)


class Delivered:
    """Reads a recording with decoders of its own, frame by frame, one for each connection.

    due      ids of rows that have to be in the streams
    allowed  what each row that may be there says, by id: also what venues sent again on subscribing, and histories
    frames   how many were read; dropped: how many the recorder had no room for
    """

    def __init__(self, connectors: Mapping[str, Connector]) -> None:
        self.due: set[str] = set()
        self.allowed: dict[str, set[Fact]] = {}
        self.frames = 0
        self.dropped = 0
        self._connectors = connectors
        self._tables: dict[str, Instruments] = {}
        self._symbols: dict[str, frozenset[str]] = {}
        self._decoders: dict[tuple[str, int], Decoder] = {}

    def read(self, folder: Path) -> None:
        """Read all that was recorded into a folder."""
        for source in sources([folder]):
            for record in read_source(source):
                self._take(record)

    def _take(self, record: Recorded) -> None:
        if record.kind is Kind.CONTRACTS:
            self._learn(msgspec.json.decode(record.data, type=ContractsData))
        elif record.kind is Kind.OPENED:
            route = msgspec.json.decode(record.data, type=Route)
            table = self._tables[record.venue]
            decoder = self._connectors[record.venue].decoder(route, table)
            self._decoders[record.route, record.connection] = decoder
        elif record.kind is Kind.FRAME:
            self.frames += 1
            found = self._decoders[record.route, record.connection].feed([record.frame])
            self._enter(record.venue, found, due=True)
        elif record.kind is Kind.REST:
            told = msgspec.json.decode(record.data, type=RestData)
            connector = self._connectors[record.venue]
            found = connector.parse_backfill(told.request, record.frame, self._tables[record.venue])
            self._enter(record.venue, found, due=False)
        elif record.kind is Kind.DROPPED:
            self.dropped += 1

    def _learn(self, told: ContractsData) -> None:
        table = self._tables.setdefault(told.venue, Instruments(told.venue, told.specs))
        self._symbols[told.venue] = frozenset(told.symbols)
        for spec in told.specs:
            at = table.find(spec.raw_symbol)
            if at is None or table.specs[at] != spec:
                table.put(spec)

    def _enter(self, venue: str, found: Decoded, *, due: bool) -> None:
        symbols = self._symbols[venue]
        for event in liquidation_events(found, self._tables[venue], ts_recv=0):
            if math.isnan(event.notional_usd) or (symbols and event.symbol not in symbols):
                continue
            self.allowed.setdefault(event.event_id, set()).add(fact(event))
            if due and not event.flags & OLD:
                self.due.add(event.event_id)


async def streamed(redis: Redis) -> list[LiquidationEvent]:
    """Return the liquidations in the one partition, once each however often its entry was written."""
    found: list[LiquidationEvent] = []
    for entry in await entries(redis):
        found += decode(entry.data).events() if entry.kind == "batch" else ()
    return found


def wrong(delivered: Delivered, events: Iterable[LiquidationEvent]) -> list[str]:
    """Name what is lost, doubled or invented."""
    told = list(events)
    times = Counter(each.event_id for each in told)
    return [
        *(f"lost {delivered.allowed[each]}" for each in sorted(delivered.due - times.keys())),
        *(f"{number} times {each}" for each, number in times.items() if number > 1),
        *(f"invented {each}" for each in told if fact(each) not in delivered.allowed.get(each.event_id, set())),
    ]
