"""Metrics survive their codec, and every language reads the same."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.unit.model.batches import metrics as any_metrics

from foreshock_model import stepped, wire
from foreshock_model.errors import CodecError
from foreshock_model.metric_columns import DENSE, WINDOWED, WINDOWED_2, layout, whole_rows
from foreshock_model.metrics import SCHEMA, WindowMetrics, decode, encode
from foreshock_protos.velocity.v1 import metrics_pb2


def columns(metrics: WindowMetrics) -> dict[str, bytes]:
    """Return all columns as bytes."""
    shapes = layout(len(metrics.symbols), len(metrics.venues), len(metrics.windows_ms))
    return {name: np.ascontiguousarray(getattr(metrics, name), dtype).tobytes() for name, dtype, _ in shapes}


@given(any_metrics())
def test_metrics_are_read_back_bit_for_bit(metrics: WindowMetrics) -> None:
    found = decode(encode(metrics))
    assert (found.symbols, found.venues, found.windows_ms, found.warming) == (
        metrics.symbols,
        metrics.venues,
        metrics.windows_ms,
        metrics.warming,
    )
    assert columns(found) == columns(metrics)


@given(any_metrics())
def test_generated_classes_read_the_same_bytes(metrics: WindowMetrics) -> None:
    message = metrics_pb2.WindowMetrics.FromString(encode(metrics))
    assert message.schema == SCHEMA
    assert tuple(message.symbols) == metrics.symbols
    assert tuple(message.venues) == metrics.venues
    assert tuple(message.windows_ms) == metrics.windows_ms
    assert message.warming == metrics.warming
    shapes = {
        name: shape for name, _, shape in layout(len(metrics.symbols), len(metrics.venues), len(metrics.windows_ms))
    }
    for each in DENSE:
        dtype = each.dtype if not each.narrow else width_of(getattr(message, each.name), shapes[each.name])
        found = np.frombuffer(getattr(message, each.name), dtype).astype(each.dtype)
        assert found.tobytes() == columns(metrics)[each.name]
    wanted = b"".join(columns(metrics)[each.name] for each in WINDOWED)
    assert as_described(message, whole_rows(len(metrics.symbols), len(metrics.venues))) == wanted
    assert columns(decode(message.SerializeToString())) == columns(metrics)


def width_of(data: bytes, shape: tuple[int, ...]) -> str:
    """Return the type that the length of a field tells, as the proto says."""
    size = len(data) // max(int(np.prod(shape)), 1)
    return f"<u{size}" if size in {1, 2, 4} else "<i8"


def as_described(message: metrics_pb2.WindowMetrics, whole: int) -> bytes:
    """Read windowed columns as the proto describes them, one bit after the other."""
    width = len(message.windows_ms)
    size = -(-width // 8)
    rows = [int.from_bytes(message.steps[at : at + size], "little") for at in range(0, len(message.steps), size)]
    counted = sum(bits.bit_count() for bits in rows[:whole])
    each = len(message.counts) // max(counted, 1)
    counts = np.frombuffer(message.counts, {1: "u1", 2: "<u2"}.get(each, "<f4")).astype("<f4")
    left = iter(np.concatenate([counts, np.frombuffer(message.values, "<f4")]))
    out = []
    for bits in rows:
        newest = np.float32(0)
        for window in range(width):
            newest = next(left) if bits >> window & 1 else newest
            out.append(newest.tobytes())
    assert next(left, None) is None
    return b"".join(out)


def schema_2(metrics: WindowMetrics, *, newest: int = len(WINDOWED_2)) -> bytes:
    """Write metrics as the version before did; its first writers knew the first `newest` columns alone."""
    size = (len(metrics.symbols), len(metrics.venues), len(metrics.windows_ms))
    length = dict(zip("RVWS", (*size, 2), strict=True))
    parts = [np.empty((0, size[2]), "<f4")]
    for name, axes in WINDOWED_2[:newest]:
        shape = [length[axis] for axis in axes]
        column = getattr(metrics, name) if name else np.full(shape, 7.0)
        parts.append(column.astype("<f4").reshape(-1, size[2]))
    packed = stepped.pack(np.ascontiguousarray(np.concatenate(parts)), 0)
    fields = [wire.uint(1, 2), *(wire.text(2, each) for each in metrics.symbols)]
    fields += [wire.text(3, each) for each in metrics.venues]
    fields.append(wire.delimited(4, b"".join(wire.varint(each) for each in metrics.windows_ms)))
    fields += [wire.column(each.field, getattr(metrics, each.name), each.dtype) for each in DENSE]
    return b"".join([*fields, wire.delimited(19, packed.steps), wire.delimited(20, packed.values)])


@given(any_metrics())
def test_the_schema_before_is_still_read(metrics: WindowMetrics) -> None:
    assume(metrics.windows_ms)
    assert columns(decode(schema_2(metrics))) == columns(metrics)
    known = {name for name, _ in WINDOWED_2[:6] if name} | {each.name for each in DENSE}
    found = decode(schema_2(metrics, newest=6))
    assert {name: columns(found)[name] for name in known} == {name: columns(metrics)[name] for name in known}
    assert np.isnan(found.largest).all()


@pytest.mark.parametrize(("top", "width"), [(0, 1), (255, 1), (256, 2), (65_535, 2), (65_536, 4), (1.5, 4), (-1, 4)])
def test_counts_take_as_few_bytes_as_hold_them_all(top: float, width: int) -> None:
    matrix = np.array([[1.0, 2.0], [top, 3.0], [0.5, 0.5]], np.float32)
    packed = stepped.pack(matrix, 2)
    assert len(packed.counts) == (4 if top else 3) * width
    read = stepped.unpack(stepped.Packed(*(memoryview(each) for each in packed)), 2, 2)
    assert read.tobytes() == matrix.tobytes()


def test_derivatives_follow_from_thirds() -> None:
    columns: dict[str, Any] = {name: np.zeros(shape, dtype) for name, dtype, shape in layout(1, 1, 2)}
    metrics = WindowMetrics(symbols=("A",), venues=("x",), windows_ms=(2_000, 10_000), **columns)
    metrics.usd_oldest[0, 0, 1], metrics.usd_middle[0, 0, 1], metrics.usd_newest[0, 0, 1] = 10, 20, 60
    metrics.count_newest[0, 1, 0], metrics.usd_unit[:] = 3, 5.0
    found = decode(encode(metrics))
    usd, count = found.usd_derivatives, found.count_derivatives
    for name, derivative in (
        ("acceleration", usd.acceleration), ("jerk", usd.jerk),
        ("count_acceleration", count.acceleration), ("count_jerk", count.jerk),
    ):  # fmt: skip
        assert getattr(found, name).shape == (1, 2, 2)
        told = np.isfinite(derivative)
        assert getattr(found, name)[told] == pytest.approx(derivative[told], rel=1e-5)
    seconds = 10 * 17 / 52
    assert found.acceleration[0, 0, 1] == pytest.approx(50 / (2 * seconds**2))
    assert found.jerk[0, 0, 1] == pytest.approx(30 / seconds**3)
    assert np.isnan(found.acceleration[0, 1]).all()
    assert found.count_acceleration[0, 1, 0] > 0


def test_quiet_venues_and_sides_cost_next_to_nothing() -> None:
    """One side of one venue of eleven in every window: the other ten cost their bits and their totals."""
    names = tuple(f"venue{number}" for number in range(11))
    columns: dict[str, Any] = {name: np.zeros(shape, dtype) for name, dtype, shape in layout(1, 11, 7)}
    columns["count"][0, 0, 3], columns["usd"][0, 0, 3] = np.arange(7) + 1, np.arange(7) * 1e5 + 1
    columns["total_count"][:], columns["total_usd"][:] = 60_000, 1e9
    windows = (100, 500, 2_000, 10_000, 30_000, 60_000, 300_000)
    active = WindowMetrics(symbols=("BTCUSDT",), venues=names, windows_ms=windows, **columns)
    assert len(encode(active)) < 520
    columns["count"][:], columns["usd"][:] = np.arange(7) + 1, np.arange(7) * 1e5 + 1
    everywhere = WindowMetrics(symbols=("BTCUSDT",), venues=names, windows_ms=windows, **columns)
    assert len(encode(everywhere)) < 1_280


@pytest.mark.parametrize(
    ("steps", "values"), [(b"\x01\x01" + b"\x00" * 14, b"\x00" * 4), (b"", b"\x00" * 4), (b"\x01", b"\x00" * 3)]
)
def test_steps_and_values_that_contradict_each_other_are_refused(steps: bytes, values: bytes) -> None:
    columns: dict[str, Any] = {name: np.zeros(shape, dtype) for name, dtype, shape in layout(1, 0, 1)}
    data = encode(WindowMetrics(symbols=("A",), venues=(), windows_ms=(100,), **columns))
    with pytest.raises(CodecError, match="windowed columns"):
        decode(data + wire.delimited(19, steps) + wire.delimited(20, values))


@pytest.mark.parametrize("schema", [2, 3])
def test_windowed_columns_that_are_missing_are_named(schema: int) -> None:
    with pytest.raises(CodecError, match="'count'"):
        decode(
            wire.uint(1, schema)
            + wire.text(2, "A")
            + wire.text(3, "x")
            + wire.delimited(4, b"\x64")
            + b"".join(
                wire.column(each.field, np.zeros(2), each.dtype if each.axes != "R" else "<i8")
                if each.axes == "RSV"
                else wire.column(each.field, np.zeros(1), each.dtype)
                for each in DENSE
            )
        )


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_metrics_or_a_codec_error(data: bytes) -> None:
    with contextlib.suppress(CodecError):
        decode(data)


@given(any_metrics(), st.data())
def test_damaged_metrics_are_metrics_or_a_codec_error(metrics: WindowMetrics, data: st.DataObject) -> None:
    encoded = bytearray(encode(metrics))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] = data.draw(st.integers(0, 255))
    for damaged in (bytes(encoded), bytes(encoded[:at])):
        with contextlib.suppress(CodecError):
            decode(damaged)


def test_another_schema_is_refused() -> None:
    for schema in (1, 4):
        with pytest.raises(CodecError, match=f"schema {schema}"):
            decode(bytes((8, schema)))


def test_rates_are_sums_over_venues_by_seconds() -> None:
    zeros: dict[str, Any] = {
        name: np.zeros(shape, dtype)
        for name, dtype, shape in layout(rows=1, venues=2, windows=2)
        if name not in {"count", "usd"}
    }
    metrics = WindowMetrics(
        symbols=("A",),
        venues=("x", "y"),
        windows_ms=(500, 2_000),
        count=np.array([[[[1, 2], [3, 4]], [[0, 0], [0, 8]]]]),
        usd=np.array([[[[10.0, 20.0], [30.0, 40.0]], [[0, 0], [0, 1.0]]]]),
        **zeros,
    )
    assert metrics.seconds.tolist() == [0.5, 2.0]
    assert metrics.count_rate.tolist() == [[[8.0, 3.0], [0.0, 4.0]]]
    assert metrics.usd_rate.tolist() == [[[80.0, 30.0], [0.0, 0.5]]]
