"""Metrics survive their codec, and every language reads the same."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.model.batches import metrics as any_metrics

from foreshock_model.errors import CodecError
from foreshock_model.metrics import SCHEMA, WindowMetrics, decode, encode, layout
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
    assert {name: getattr(message, name) for name in columns(metrics)} == columns(metrics)
    assert columns(decode(message.SerializeToString())) == columns(metrics)


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
    with pytest.raises(CodecError, match="schema 2"):
        decode(b"\x08\x02")


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
