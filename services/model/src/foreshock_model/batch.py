"""EventBatch: market events as columns, and its codec (`protos/foreshock/market/v1/batch.proto`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from foreshock_model import wire
from foreshock_model.errors import CodecError
from foreshock_sdk.events import EventFlag, LiquidatedSide, LiquidationEvent, PriceKind
from foreshock_sdk.identity import format_key

SCHEMA = 1
"""Version of this layout. A reader of version N reads N and N - 1."""

LIQUIDATION_COLUMNS = (
    ("instrument", "<u2"),
    ("liquidated_side", "<u1"),
    ("price_kind", "<u1"),
    ("flags", "<u2"),
    ("price", "<f8"),
    ("quantity", "<f8"),
    ("notional_usd", "<f8"),
    ("ts_event", "<i8"),
    ("ts_recv", "<i8"),
    ("event_id", "<u8"),
)
CONTEXT_COLUMNS = (
    ("instrument", "<u2"),
    ("field", "<u1"),
    ("value", "<f8"),
    ("ts_event", "<i8"),
    ("ts_recv", "<i8"),
)
Array = npt.NDArray[Any]
Columns = dict[str, Array]
_Place = tuple[bytes, int, str, np.dtype[Any], int]
"""Tag of a column, its first byte, its name, type and rows."""


class InstrumentRef(msgspec.Struct, frozen=True):
    """What a batch says of a contract. spec_version: of its values as the venue told them, from 1; 0 packaged ones."""

    venue: str
    symbol: str
    instrument: str
    raw_symbol: str
    multiplier: float = 1.0
    spec_version: int = 0


class EventBatch:
    """Liquidations and context of one entry.

    instruments    the contracts its rows point at (at most 65,536)
    liquidations   columns of LIQUIDATION_COLUMNS, one length: price, quantity, notional_usd [USD, base coins, USD],
                   times ns UTC, liquidated_side a `LiquidatedSide`, price_kind a `PriceKind`, flags `EventFlag`
    context        columns of CONTEXT_COLUMNS: field is a `ContextField`
    """

    __slots__ = ("context", "instruments", "liquidations")

    def __init__(
        self,
        instruments: tuple[InstrumentRef, ...],
        liquidations: Columns | None = None,
        context: Columns | None = None,
    ) -> None:
        self.instruments = instruments
        self.liquidations = empty(LIQUIDATION_COLUMNS) if liquidations is None else liquidations
        self.context = empty(CONTEXT_COLUMNS) if context is None else context

    def events(self) -> Iterator[LiquidationEvent]:
        """Walk the liquidations as one-row views, for people and tests."""
        rows = zip(*(self.liquidations[name].tolist() for name, _ in LIQUIDATION_COLUMNS), strict=True)
        for index, side, kind, flags, price, quantity, notional, ts_event, ts_recv, key in rows:
            ref = self.instruments[index]
            yield LiquidationEvent(
                venue=ref.venue,
                symbol=ref.symbol,
                instrument=ref.instrument,
                raw_symbol=ref.raw_symbol,
                ts_event=ts_event,
                ts_recv=ts_recv,
                liquidated_side=LiquidatedSide(side),
                price=price,
                price_kind=PriceKind(kind),
                quantity=quantity,
                notional_usd=notional,
                multiplier=ref.multiplier,
                flags=EventFlag(flags),
                event_id=format_key(key),
                spec_version=ref.spec_version,
            )


def empty(columns: tuple[tuple[str, str], ...]) -> Columns:
    """Return columns without rows."""
    return {name: np.empty(0, dtype) for name, dtype in columns}


def join(parts: Sequence[Columns], layout: tuple[tuple[str, str], ...]) -> Columns:
    """Return the rows of all parts, in order; the part itself when only one has any."""
    full = [part for part in parts if part["instrument"].size]
    if not full:
        return empty(layout)
    if len(full) == 1:
        return full[0]
    return {name: np.concatenate([part[name] for part in full]) for name, _ in layout}


def encode(batch: EventBatch) -> bytes:
    """Return the batch as a protobuf message `foreshock.market.v1.EventBatch`."""
    parts = [wire.uint(1, SCHEMA)]
    parts += [wire.delimited(2, _encode_ref(ref)) for ref in batch.instruments]
    for number, columns, layout in (
        (3, batch.liquidations, LIQUIDATION_COLUMNS),
        (4, batch.context, CONTEXT_COLUMNS),
    ):
        if columns["instrument"].size:
            parts.append(wire.delimited(number, _encode_columns(columns, layout)))
    return b"".join(parts)


def decode(data: bytes) -> EventBatch:
    """Read a batch. Raises CodecError naming the column; columns are read-only views of the bytes."""
    refs, start = _first_refs(data)
    tables: dict[int, memoryview] = {}
    schema = SCHEMA if start else 0
    for number, value in wire.fields(memoryview(data)[start:]):
        if number == 1:
            schema = wire.as_uint("schema", value)
        elif number == 2:  # noqa: PLR2004 - field numbers of the message
            refs.append(_decode_ref(bytes(wire.as_bytes("instruments", value))))
        else:
            tables[number] = wire.as_bytes(str(number), value)
    if not 1 <= schema <= SCHEMA:
        msg = f"batch schema {schema} is not one of 1..{SCHEMA}"
        raise CodecError(msg)
    batch = EventBatch(
        tuple(refs),
        _decode_columns(tables.get(3, memoryview(b"")), LIQUIDATION_COLUMNS),
        _decode_columns(tables.get(4, memoryview(b"")), CONTEXT_COLUMNS),
    )
    for columns in (batch.liquidations, batch.context):
        if columns["instrument"].size and np.maximum.reduce(columns["instrument"]) >= len(refs):
            msg = f"column 'instrument' points past the {len(refs)} instruments"
            raise CodecError(msg)
    return batch


def _first_refs(data: bytes) -> tuple[list[InstrumentRef], int]:
    """Read what `encode` writes first, schema and instruments; return where the rest begins.

    That is 0 when another writer put anything else first.
    """
    refs: list[InstrumentRef] = []
    if not data.startswith(_START):
        return refs, 0
    at, end = len(_START), len(data)
    while at + 1 < end and data[at] == _REF and data[at + 1] < 0x80:  # noqa: PLR2004 - lengths of one byte
        stop = at + 2 + data[at + 1]
        if stop > end:
            break
        refs.append(_decode_ref(data[at + 2 : stop]))
        at = stop
    return refs, at


def _encode_columns(columns: Columns, layout: tuple[tuple[str, str], ...]) -> bytes:
    return b"".join(wire.column(number, columns[name], dtype) for number, (name, dtype) in enumerate(layout, 1))


def _decode_columns(data: memoryview, layout: tuple[tuple[str, str], ...]) -> Columns:
    if not len(data):
        return empty(layout)
    places = _places(len(data), layout)
    if places and all(data[start - len(tag) : start] == tag for tag, start, *_ in places):
        return {name: np.ndarray(rows, dtype, data, start) for _, start, name, dtype, rows in places}
    found = dict(wire.fields(data))
    rows = len(wire.as_bytes("instrument", found.get(1, memoryview(b"")))) // 2
    return {
        name: wire.as_column(name, found.get(number), dtype, (rows,)) for number, (name, dtype) in enumerate(layout, 1)
    }


_START = wire.uint(1, SCHEMA)
_REF = wire.delimited(2, b"")[0]


@lru_cache(maxsize=1_024)
def _places(size: int, layout: tuple[tuple[str, str], ...]) -> tuple[_Place, ...]:
    """Return where the columns of a table of so many bytes stand if `encode` wrote it: then their tags are there.

    Nothing when it cannot have written so many.
    """
    types = [np.dtype(dtype) for _, dtype in layout]
    each = sum(dtype.itemsize for dtype in types)
    rows = size // each  # a bit too many, since tags and lengths take some bytes, too
    while (
        rows
        and rows * each + sum(len(_tag(number, rows * dtype.itemsize)) for number, dtype in enumerate(types, 1)) > size
    ):
        rows -= 1
    places, at = [], 0
    for number, ((name, _), dtype) in enumerate(zip(layout, types, strict=True), 1):
        tag = _tag(number, rows * dtype.itemsize)
        at += len(tag)
        places.append((tag, at, name, dtype, rows))
        at += rows * dtype.itemsize
    return tuple(places) if rows and at == size else ()


def _tag(number: int, size: int) -> bytes:
    """Return what stands before a column of so many bytes."""
    return wire.delimited(number, b"")[:-1] + wire.varint(size)


@lru_cache(maxsize=65536)
def _encode_ref(ref: InstrumentRef) -> bytes:
    names = (ref.venue, ref.symbol, ref.instrument, ref.raw_symbol)
    texts = b"".join(wire.text(number, name) for number, name in enumerate(names, 1))
    return texts + wire.double(5, ref.multiplier) + wire.uint(6, ref.spec_version)


@lru_cache(maxsize=65536)
def _decode_ref(data: bytes) -> InstrumentRef:
    names = ["", "", "", ""]
    multiplier, spec_version = 1.0, 0
    for number, value in wire.fields(data):
        if 1 <= number <= len(names):
            names[number - 1] = wire.as_text("instruments", value)
        elif number == 5:  # noqa: PLR2004 - field number of the message
            multiplier = float(wire.as_column("multiplier", value, "<f8", (1,))[0])
        elif number == 6:  # noqa: PLR2004 - likewise
            spec_version = wire.as_uint("spec_version", value)
    return InstrumentRef(names[0], names[1], names[2], names[3], multiplier, spec_version)
