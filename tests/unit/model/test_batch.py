"""Batches survive their codec, and every language reads the same."""

from __future__ import annotations

import contextlib

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.model.batches import batches
from tests.unit.velocity.entries_made import NOW, Price, Row, batch_of

from foreshock_model import wire
from foreshock_model.batch import (
    CONTEXT_COLUMNS,
    LIQUIDATION_COLUMNS,
    SCHEMA,
    Columns,
    EventBatch,
    decode,
    encode,
)
from foreshock_model.errors import CodecError
from foreshock_protos.market.v1 import batch_pb2
from foreshock_sdk.events import EventFlag, LiquidatedSide, LiquidationEvent, PriceKind


def same(ours: Columns, theirs: Columns) -> bool:
    """Tell whether columns are equal bit for bit."""
    return all(ours[name].tobytes() == theirs[name].tobytes() for name in ours) and ours.keys() == theirs.keys()


@given(batches())
def test_a_batch_is_read_back_bit_for_bit(batch: EventBatch) -> None:
    found = decode(encode(batch))
    assert found.instruments == batch.instruments
    assert same(found.liquidations, batch.liquidations)
    assert same(found.context, batch.context)


@given(batches())
def test_generated_classes_read_the_same_bytes(batch: EventBatch) -> None:
    message = batch_pb2.EventBatch.FromString(encode(batch))
    assert message.schema == SCHEMA
    names = [(ref.venue, ref.symbol, ref.instrument, ref.raw_symbol) for ref in message.instruments]
    assert names == [(ref.venue, ref.symbol, ref.instrument, ref.raw_symbol) for ref in batch.instruments]
    assert [ref.multiplier for ref in message.instruments] == [ref.multiplier for ref in batch.instruments]
    for table, columns, layout in (
        (message.liquidations, batch.liquidations, LIQUIDATION_COLUMNS),
        (message.context, batch.context, CONTEXT_COLUMNS),
    ):
        assert all(getattr(table, name) == columns[name].tobytes() for name, _ in layout)


@given(batches())
def test_what_generated_classes_write_is_read(batch: EventBatch) -> None:
    message = batch_pb2.EventBatch.FromString(encode(batch))
    found = decode(message.SerializeToString())
    assert same(found.liquidations, batch.liquidations)
    assert same(found.context, batch.context)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_a_batch_or_a_codec_error(data: bytes) -> None:
    with contextlib.suppress(CodecError):
        decode(data)


@given(batches(), st.data())
def test_damaged_batches_are_a_batch_or_a_codec_error(batch: EventBatch, data: st.DataObject) -> None:
    encoded = bytearray(encode(batch))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] = data.draw(st.integers(0, 255))
    for damaged in (bytes(encoded), bytes(encoded[:at])):
        with contextlib.suppress(CodecError):
            decode(damaged)


def test_another_schema_is_refused() -> None:
    with pytest.raises(CodecError, match="schema 9"):
        decode(b"\x08\x09")
    with pytest.raises(CodecError, match="schema 0"):
        decode(b"")


def test_a_row_of_no_instrument_is_refused_by_column() -> None:
    batch = batch_of([Row()])
    batch.liquidations["instrument"] = np.array([1], "<u2")
    with pytest.raises(CodecError, match="'instrument'"):
        decode(encode(batch))


def test_columns_of_different_lengths_are_refused_by_name() -> None:
    batch = batch_of([Row(), Row()])
    batch.liquidations["price"] = batch.liquidations["price"][:1]
    with pytest.raises(CodecError, match="'price'"):
        decode(encode(batch))


def test_the_version_of_a_contracts_values_is_told_and_what_an_older_writer_sent_has_none() -> None:
    batch = batch_of([Row()])
    (ref,) = batch.instruments
    batch.instruments = (msgspec.structs.replace(ref, spec_version=300),)
    (event,) = decode(encode(batch)).events()
    assert event.spec_version == 300
    batch.instruments = (msgspec.structs.replace(ref, spec_version=0),)
    assert decode(encode(batch)).instruments[0].spec_version == 0


def test_events_are_one_row_views() -> None:
    batch = batch_of([Row(usd=2_500.0, ts=NOW, recv=NOW + 1, side=1)], [Price(1.0)])
    batch.liquidations["flags"] = np.array([5], "<u2")
    batch.liquidations["event_id"] = np.array([255], "<u8")
    assert list(decode(encode(batch)).events()) == [
        LiquidationEvent(
            venue="binance",
            symbol="BTCUSDT",
            instrument="BTCUSDT-PERP.BINANCE",
            raw_symbol="BTCUSDT",
            ts_event=NOW,
            ts_recv=NOW + 1,
            liquidated_side=LiquidatedSide.SHORT,
            price=100.0,
            price_kind=PriceKind.AVERAGE,
            quantity=0.0,
            notional_usd=2_500.0,
            multiplier=1.0,
            flags=EventFlag.CLAMPED | EventFlag.REPLAYED,
            event_id="00000000000000ff",
        )
    ]


@given(batches())
def test_fields_in_another_order_are_read_alike(batch: EventBatch) -> None:
    """Protobuf prescribes none: what other writers put first is found wherever it stands."""
    message = list(wire.fields(encode(batch)))
    turned = b""
    for number, value in reversed(message):
        if isinstance(value, int):
            turned += wire.uint(number, value)
            continue
        table = number in {3, 4}
        columns = (
            b"".join(wire.delimited(at, bytes(wire.as_bytes("", each))) for at, each in backwards(value))
            if table
            else value
        )
        turned += wire.delimited(number, bytes(columns))
    found = decode(turned)
    assert found.instruments == batch.instruments[::-1]
    assert same(found.liquidations, batch.liquidations)
    assert same(found.context, batch.context)


def backwards(table: memoryview) -> list[tuple[int, int | memoryview]]:
    return list(wire.fields(table))[::-1]
