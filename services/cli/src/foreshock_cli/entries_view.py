"""Entries of the event streams as plain values, for people and `jq`. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any

import msgspec
import numpy as np

from foreshock_model import batch
from foreshock_model.entries import InputEntry
from foreshock_model.errors import CodecError
from foreshock_sdk.events import ContextField, EventFlag, LiquidatedSide, PriceKind
from foreshock_sdk.identity import format_key

Plain = dict[str, Any]


def entry_view(entry_id: str, fields: Mapping[bytes, bytes], *, decode: bool) -> Plain:
    """Return an entry as plain values: its head, and with decode its data too. Raises CodecError."""
    entry = InputEntry.from_fields(fields)
    head: Plain = {
        "id": entry_id,
        "kind": entry.kind,
        "writer": entry.writer,
        "epoch": entry.epoch,
        "seq": entry.seq,
        "clock": entry.clock,
        "bytes": len(entry.data),
    }
    return head | (_data_view(entry) if decode else {})


def batch_view(data: bytes) -> Plain:
    """Return an EventBatch as rows, each with its contract. Raises CodecError naming the column."""
    found = batch.decode(data)
    refs = [msgspec.to_builtins(ref) for ref in found.instruments]
    return {
        "liquidations": [_liquidation(refs, row) for row in _rows(found.liquidations)],
        "context": [_context(refs, row) for row in _rows(found.context)],
    }


def _data_view(entry: InputEntry) -> Plain:
    if entry.kind == "batch":
        return batch_view(entry.data)
    try:
        return {"data": msgspec.json.decode(entry.data) if entry.data else None}
    except msgspec.DecodeError as error:
        raise CodecError(f"the data of a {entry.kind} entry is not JSON: {error}") from error


def _rows(columns: batch.Columns) -> Iterator[Plain]:
    values: list[list[Any]] = [np.asarray(column).tolist() for column in columns.values()]
    for row in zip(*values, strict=True):
        yield dict(zip(columns, row, strict=True))


def _liquidation(refs: list[Plain], row: Plain) -> Plain:
    return (
        refs[row.pop("instrument")]
        | row
        | {
            "liquidated_side": _name(LiquidatedSide, row["liquidated_side"]),
            "price_kind": _name(PriceKind, row["price_kind"]).lower(),
            "flags": [flag.name for flag in EventFlag if flag.value & row["flags"]],
            "event_id": format_key(row["event_id"]),
        }
    )


def _context(refs: list[Plain], row: Plain) -> Plain:
    return refs[row.pop("instrument")] | row | {"field": _name(ContextField, row["field"]).lower()}


def _name(kind: type[IntEnum], value: int) -> str:
    """Name a number; one of a newer version shows as itself."""
    return kind(value).name if value in kind._value2member_map_ else str(value)
