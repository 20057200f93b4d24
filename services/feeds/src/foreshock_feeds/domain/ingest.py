"""From a decoder's raw columns to canonical ones: units, identity, time, duplicates."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from foreshock_feeds.domain.depth import Units, tell
from foreshock_feeds.domain.fingerprint import event_keys
from foreshock_model.batch import CONTEXT_COLUMNS, LIQUIDATION_COLUMNS, Columns, EventBatch, InstrumentRef, empty, join
from foreshock_model.dedupe import Dedupe
from foreshock_model.keys import partition_of
from foreshock_sdk.columns import Decoded, RawBooks, RawContext, RawLiquidations
from foreshock_sdk.events import ContextField, EventFlag
from foreshock_sdk.identity import seed_of
from foreshock_sdk.instruments import USD_LIKE, Instruments, convert

Array = npt.NDArray[Any]
NS_PER_MS = 1_000_000
_NO_CONTEXT = empty(CONTEXT_COLUMNS)

_PRICE, _QUANTITY = np.zeros((2, 256), np.bool_)
_PRICE[[ContextField.MARK, ContextField.INDEX, ContextField.BID, ContextField.ASK]] = True
_QUANTITY[[ContextField.OPEN_INTEREST, ContextField.BID_QUANTITY, ContextField.ASK_QUANTITY]] = True


class Ingested(msgspec.Struct, frozen=True):
    """Canonical rows whose `instrument` column points into `Ingest.refs`."""

    liquidations: Columns
    context: Columns


class Ingest:
    """Turns what the decoders of one venue found into canonical columns.

    symbols: the underlying markets to keep; all when empty. Shared by all sockets of the venue, so that what two
    sockets bring counts once. Without dedupe every row stays, for people and tests. notional_usd is NaN where the
    contract is quoted in another coin (ETHBTC): there is no price to convert it by, so with dedupe such rows are
    dropped and counted in `unpriced`. refused_books counts order books that made no sense. versions: which version of
    a contract's values is used, by raw symbol, read anew when the table changes; 0 where it is not there.
    """

    def __init__(
        self,
        instruments: Instruments,
        *,
        partitions: int = 1,
        dedupe: Dedupe | None = None,
        symbols: frozenset[str] = frozenset(),
        versions: Mapping[str, int] | None = None,
    ) -> None:
        self.instruments = instruments
        self.dedupe = dedupe
        self.refs: list[InstrumentRef] = []
        self.clamped = 0
        self.unpriced = 0
        self.usd_sized = 0
        """Rows of contracts whose sizes count USD: where a venue mixes both kinds, that they come at all."""
        self.refused_books = 0
        self._partitions = partitions
        self._symbols = symbols
        self._versions = {} if versions is None else versions
        self._version = -1
        self._refresh()

    def track(self, symbols: frozenset[str]) -> None:
        """Keep these underlying markets from now on; all when empty."""
        self._symbols = symbols
        self._version = -1

    def partition(self, columns: Columns) -> Array:
        """Return the partition of each row, (n,) int64."""
        partitions: Array = self._partition[columns["instrument"]]
        return partitions

    def rows(self, decoded: Decoded, recv_ns: Sequence[int], *, lane: int = 0) -> Ingested:
        """Convert one decoder's answer. recv_ns holds the receive time of each frame of that call, ns UTC.

        lane: 64 bits; rows are repeats of rows of the same lane only. Where one process writes a route and another the
        next, what both routes bring must not be dropped by both.
        """
        if self._version != self.instruments.version:
            self._refresh()
        received = np.asarray(recv_ns, np.int64)
        return Ingested(
            self._liquidations(decoded.liquidations, received, lane)
            if len(decoded.liquidations)
            else empty(LIQUIDATION_COLUMNS),
            self._surroundings(decoded, received),
        )

    def batch(self, decoded: Decoded, recv_ns: Sequence[int]) -> EventBatch:
        """Convert one decoder's answer to a self-contained batch, for people and tests."""
        found = self.rows(decoded, recv_ns)
        return EventBatch(tuple(self.refs), found.liquidations, found.context)

    def _liquidations(self, raw: RawLiquidations, received: Array, lane: int) -> Columns:
        instrument = _indices(raw.instrument)
        index = instrument.astype(np.intp)
        frame = None if raw.frame is None else np.asarray(raw.frame, np.intp)
        side = np.frombuffer(raw.side, np.uint8)
        price, size, first, second = _doubles(raw.price, raw.size, raw.identity_a, raw.identity_b)
        ts_event_ms = np.fromiter(raw.ts_event_ms, np.int64, len(index))
        named_ms = ts_event_ms if self._coarse is None else ts_event_ms - ts_event_ms % self._coarse[index]
        seeds = self._seed.take(index)
        keys = event_keys(
            seeds=seeds, side=side, ts_event_ms=named_ms, size=size, identity=(first, second), frame=frame
        )
        price, quantity, notional = self._worth(index, price, size)
        ts_recv = received if frame is None else received[frame]
        ts_event, flags = self._clamp(ts_event_ms * NS_PER_MS, ts_recv, self._flags(raw, index))
        columns: Columns = {
            "instrument": instrument,
            "liquidated_side": side,
            "price_kind": np.frombuffer(raw.price_kind, np.uint8),
            "flags": flags,
            "price": price,
            "quantity": quantity,
            "notional_usd": notional,
            "ts_event": ts_event,
            "ts_recv": ts_recv,
            "event_id": keys,
        }
        return self._kept(columns, index, lane)

    def _worth(self, index: Array, price: Array, size: Array) -> tuple[Array, Array, Array]:
        """Return price, quantity and notional_usd of the base coin."""
        usd_sized = self._inverse.take(index)
        inverse = int(np.count_nonzero(usd_sized))
        self.usd_sized += inverse
        of_contract = self._contract_value.take(index), usd_sized if inverse else 0.0, self._multiplier.take(index)
        price, quantity, notional = convert(price, size, *of_contract)
        if self._foreign is not None:
            notional[self._foreign[index]] = np.nan
        return price, quantity, notional

    def _flags(self, raw: RawLiquidations, index: Array) -> Array:
        flags: Array = self._packaged.take(index)
        plain = raw.flags.count(0) == len(raw.flags)
        return flags if plain else flags | np.frombuffer(raw.flags, np.uint8)

    def _clamp(self, ts_event: Array, ts_recv: Array, flags: Array) -> tuple[Array, Array]:
        future = ts_event > ts_recv
        if not future.any():
            return ts_event, flags
        self.clamped += int(np.count_nonzero(future))
        return np.minimum(ts_event, ts_recv), flags | future.astype(np.uint16) * np.uint16(EventFlag.CLAMPED)

    def _kept(self, columns: Columns, index: Array, lane: int) -> Columns:
        if self._symbols:
            columns = _where(columns, self._tracked[index])
        if self.dedupe is None:
            return columns
        priced = np.isfinite(columns["notional_usd"])
        unpriced = priced.size - int(np.count_nonzero(priced))
        if unpriced:
            self.unpriced += unpriced
            columns = _where(columns, priced)
        keys = columns["event_id"]
        if not keys.size:
            return columns
        return _where(columns, self.dedupe.fresh(keys ^ np.uint64(lane) if lane else keys))

    def _surroundings(self, decoded: Decoded, received: Array) -> Columns:
        if not (len(decoded.context) or len(decoded.books)):
            return _NO_CONTEXT
        parts = [self._context(decoded.context, received)] if len(decoded.context) else []
        if len(decoded.books):
            parts.append(self._books(decoded.books, received))
        return join(parts, CONTEXT_COLUMNS)

    def _books(self, raw: RawBooks, received: Array) -> Columns:
        index = np.asarray(raw.instrument, np.intp)
        mine = np.flatnonzero(self._tracked[index])
        index, places = index[mine], mine.tolist()
        units = Units(self._contract_value[index], self._inverse[index], self._multiplier[index], self._priced[index])
        told = tell([raw.bids[at] for at in places], [raw.asks[at] for at in places], units)
        self.refused_books += told.refused
        ts_recv = received[np.asarray(raw.frame, np.intp)[mine]]
        ts_event = np.minimum(np.asarray(raw.ts_event_ms, np.int64)[mine] * NS_PER_MS, ts_recv)
        return {
            "instrument": index[told.book].astype(np.uint16),
            "field": told.field,
            "value": told.value,
            "ts_event": ts_event[told.book],
            "ts_recv": ts_recv[told.book],
        }

    def _context(self, raw: RawContext, received: Array) -> Columns:
        index = np.asarray(raw.instrument, np.intp)
        field = np.asarray(raw.field, np.uint8)
        value = np.asarray(raw.value, np.float64)
        ts_recv = received[np.asarray(raw.frame, np.intp)]
        multiplier = self._multiplier[index]
        scaled = value * np.where(_QUANTITY[field], multiplier, 1.0) / np.where(_PRICE[field], multiplier, 1.0)
        columns: Columns = {
            "instrument": index.astype(np.uint16),
            "field": field,
            "value": scaled,
            "ts_event": np.minimum(np.asarray(raw.ts_event_ms, np.int64) * NS_PER_MS, ts_recv),
            "ts_recv": ts_recv,
        }
        return _where(columns, np.isfinite(value) & self._tracked[index])

    def _refresh(self) -> None:
        specs = self.instruments.specs
        self.refs = [
            InstrumentRef(
                spec.venue,
                spec.symbol,
                spec.instrument,
                spec.raw_symbol,
                spec.multiplier,
                self._versions.get(spec.raw_symbol, 0),
            )
            for spec in specs
        ]
        self._contract_value = np.array([spec.contract_value for spec in specs], np.float64)
        self._inverse = np.array([spec.usd_sized for spec in specs], np.float64)
        self._multiplier = np.array([spec.multiplier for spec in specs], np.float64)
        self._packaged = np.array([spec.packaged for spec in specs], np.uint16) * np.uint16(EventFlag.PACKAGED_SPECS)
        foreign = np.array([spec.quote not in USD_LIKE for spec in specs], np.bool_)
        self._foreign: Array | None = foreign if foreign.any() else None
        self._priced = ~foreign
        coarse = np.array([spec.identity_ms for spec in specs], np.int64)
        self._coarse: Array | None = coarse if (coarse > 1).any() else None
        self._seed = np.array([seed_of(spec.venue, spec.raw_symbol) for spec in specs], np.uint64)
        self._partition = np.array([partition_of(ref.symbol, self._partitions) for ref in self.refs], np.int64)
        self._tracked = np.array([not self._symbols or ref.symbol in self._symbols for ref in self.refs], np.bool_)
        self._version = self.instruments.version


def _indices(column: Sequence[int]) -> Array:
    return np.frombuffer(struct.pack(f"{len(column)}H", *column), np.uint16)


def _doubles(*columns: Sequence[float]) -> Array:
    """Return columns of one length as rows of a matrix. Packed: numpy takes three times as long to read a list."""
    values: list[float] = []
    for column in columns:
        values += column
    return np.frombuffer(struct.pack(f"{len(values)}d", *values), np.float64).reshape(len(columns), -1)


def _where(columns: Columns, mask: Array | None) -> Columns:
    if mask is None or mask.all():
        return columns
    return {name: values[mask] for name, values in columns.items()}
