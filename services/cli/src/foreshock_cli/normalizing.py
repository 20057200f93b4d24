"""A venue's frames into canonical rows, many lines at a time. Pure: no file, no clock, no socket."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import count, islice
from typing import NamedTuple

import msgspec
import numpy as np

from foreshock_feeds.domain import recording
from foreshock_feeds.domain.ingest import Ingest
from foreshock_feeds.domain.recording import ContractsData, Kind
from foreshock_model.batch import InstrumentRef
from foreshock_sdk.columns import Decoded
from foreshock_sdk.connector import Connector
from foreshock_sdk.errors import ForeshockError, FrameError
from foreshock_sdk.events import EventFlag, LiquidatedSide, PriceKind
from foreshock_sdk.identity import format_key
from foreshock_sdk.instruments import USD_LIKE, Instruments, InstrumentSpec

NEVER = np.iinfo(np.int64).max
"""A file has no receive time: no event of it lies in the future."""
SIDES = {int(side): side.name for side in LiquidatedSide}
KINDS = {int(kind): kind.name.lower() for kind in PriceKind}


class Row(msgspec.Struct, frozen=True):
    """One canonical liquidation as `normalize` prints it: per base coin, USD, ns UTC.

    spec_version: 0 with the contract values of the package, 1 with those of the file that was given; of a recording,
    what that says.
    """

    venue: str
    symbol: str
    instrument: str
    raw_symbol: str
    liquidated_side: str
    price: float
    price_kind: str
    quantity: float
    notional_usd: float
    ts_event_ns: int
    event_id: str
    spec_version: int


class Bad(msgspec.Struct, frozen=True):
    """A line (from 1), or one row of it (from 0), that could not be used."""

    line: int
    row: int | None
    reason: str


class Normalized(NamedTuple):
    """What some lines held."""

    rows: list[Row]
    bad: list[Bad]


class Normalizer:
    """Reads the lines of one file in order.

    specs: the venue's contracts; the packaged table when None. snapshots: whether what a venue tells of the past to
    whoever subscribes is given, too.
    """

    def __init__(
        self, connector: Connector, specs: Sequence[InstrumentSpec] | None = None, *, snapshots: bool = False
    ) -> None:
        self._snapshots = snapshots
        chosen = connector.packaged_specs().specs if specs is None else specs
        self._instruments = Instruments(connector.venue, chosen)
        route = connector.routes(self._instruments, (), connector.endpoints)[0]
        self._decoder = connector.decoder(route, self._instruments)
        self._given = specs is not None
        self._versions = {spec.raw_symbol: 1 for spec in chosen if not spec.packaged}
        self._ingest = Ingest(self._instruments, versions=self._versions)
        self._venue = connector.venue
        self._line = 0

    def feed(self, lines: Iterable[bytes]) -> Normalized:
        """Decode lines; blank ones count and are skipped. Never raises for what they hold."""
        found, frames = Normalized([], []), dict[int, bytes]()
        for line in lines:
            self._line += 1
            record = recording.parse(line)
            frame = record.frame
            if record.kind is Kind.CONTRACTS and not self._given:
                self._decode(frames, found)
                frames = {}
                self._learn(record.data)
            elif record.kind is not Kind.FRAME or record.venue not in {"", self._venue}:
                continue
            elif record.ts_recv is None and not _is_text(frame):
                found.bad.append(Bad(self._line, None, "not UTF-8"))
            elif frame:
                frames[self._line] = frame
        self._decode(frames, found)
        found.bad.sort(key=lambda each: (each.line, each.row or 0))
        return found

    def _decode(self, frames: Mapping[int, bytes], found: Normalized) -> None:
        """Add what frames hold, by the number of their line."""
        if not frames:
            return
        numbers = list(frames)
        decoded = self._decoder.feed(list(frames.values()))
        found.bad.extend(Bad(numbers[fault.frame], fault.row, fault.reason) for fault in decoded.faults)
        rows, useless = self._rows(decoded, len(frames))
        found.rows.extend(rows)
        found.bad.extend(Bad(numbers[frame], row, reason) for frame, row, reason in useless)

    def _learn(self, data: bytes) -> None:
        """Take the contracts that a recording says its house knew."""
        with suppress(msgspec.DecodeError):
            told = msgspec.json.decode(data, type=ContractsData)
            if told.venue == self._venue:
                self._versions.update(told.versions)
                for spec in told.specs:
                    self._instruments.put(spec)

    def _rows(self, decoded: Decoded, frames: int) -> tuple[list[Row], list[tuple[int, int, str]]]:
        raw = decoded.liquidations
        if not len(raw):
            return [], []
        with np.errstate(all="ignore"):  # what overflows is found below, row by row
            columns = self._ingest.rows(decoded, np.full(frames, NEVER).tolist()).liquidations
        good = np.logical_and.reduce([np.isfinite(columns[name]) for name in ("price", "quantity", "notional_usd")])
        useless = [] if good.all() else self._useless(decoded, np.flatnonzero(~good).tolist())
        if not self._snapshots:
            good &= ~(np.frombuffer(raw.flags, np.uint8) & EventFlag.SNAPSHOT).astype(np.bool_)
        refs = self._ingest.refs
        rows = [
            _row(refs[at], SIDES[side], price, KINDS[kind], quantity, notional, ts, key)
            for at, side, price, kind, quantity, notional, ts, key, usable in zip(
                raw.instrument,
                raw.side,
                columns["price"].tolist(),
                raw.price_kind,
                columns["quantity"].tolist(),
                columns["notional_usd"].tolist(),
                columns["ts_event"].tolist(),
                columns["event_id"].tolist(),
                good.tolist(),
                strict=True,
            )
            if usable
        ]
        return rows, useless

    def _useless(self, decoded: Decoded, indices: Sequence[int]) -> list[tuple[int, int, str]]:
        """Return frame, row in it and reason of rows without a value in USD."""
        specs = self._instruments.specs
        contracts = [specs[decoded.liquidations.instrument[index]] for index in indices]
        return [
            (frame, row, _why_useless(spec))
            for (frame, row), spec in zip(_places(decoded, indices), contracts, strict=True)
        ]


def _row(  # noqa: PLR0913, PLR0917 - one argument a column, by position: this is the hot path
    ref: InstrumentRef,
    side: str,
    price: float,
    kind: str,
    quantity: float,
    notional: float,
    ts: int,
    key: int,
) -> Row:
    return Row(
        ref.venue,
        ref.symbol,
        ref.instrument,
        ref.raw_symbol,
        side,
        price,
        kind,
        quantity,
        notional,
        ts,
        format_key(key),
        ref.spec_version,
    )


def parse_specs(connector: Connector, body: bytes) -> list[InstrumentSpec]:
    """Read a REST answer of the venue, whichever of its requests it answers. Raises FrameError when none."""
    reasons = []
    for request in connector.spec_requests(connector.endpoints):
        try:
            specs = list(connector.parse_specs({request.name: body}))
        except ForeshockError as error:
            reasons.append(f"{request.name}: {error}")
            continue
        if specs:
            return specs
        reasons.append(f"{request.name}: no contract in it")
    raise FrameError("; ".join(reasons) or f"{connector.venue} has no REST answer with contracts")


def _why_useless(spec: InstrumentSpec) -> str:
    if spec.quote not in USD_LIKE:
        return f"{spec.raw_symbol} is quoted in {spec.quote}: its value in USD is not known"
    return "price or size is out of range"


def _is_text(frame: bytes) -> bool:
    if frame.isascii():
        return True
    try:
        frame.decode()
    except UnicodeDecodeError:
        return False
    return True


def _places(decoded: Decoded, indices: Sequence[int]) -> list[tuple[int, int]]:
    """Return (frame, row in it) of rows: the k-th one decoded from a frame is its k-th without fault."""
    frames = decoded.liquidations.frames
    places = []
    for index in indices:
        frame = frames[index]
        faulty = {fault.row for fault in decoded.faults if fault.frame == frame}
        nth = index - bisect_left(frames, frame)
        places.append((frame, next(islice((row for row in count() if row not in faulty), nth, None))))
    return places
