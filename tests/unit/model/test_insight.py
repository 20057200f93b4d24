"""Insight survives its codec, and readers of other versions know what to do."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_model import metric_columns, metrics
from foreshock_model.errors import CodecError
from foreshock_model.insight import GAUGES, Insight, decode, encode, layout, nothing
from foreshock_protos.velocity.v1 import metrics_pb2


@st.composite
def insights(draw: st.DrawFn) -> tuple[Insight, tuple[int, int, int]]:
    """Insight of any shape, with the shape."""
    size = draw(st.integers(0, 3)), draw(st.integers(0, 4)), draw(st.integers(0, 3))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    columns: dict[str, Any] = {
        name: random.integers(0, 2, shape).astype(bool) if dtype == "?" else random.normal(0, 9, shape).astype(dtype)
        for name, dtype, shape in layout(*size)
    }
    return Insight(**columns), size


@given(insights())
def test_it_is_read_back_bit_for_bit(made: tuple[Insight, tuple[int, int, int]]) -> None:
    insight, size = made
    for one, other in zip(insight, decode(encode(insight), *size), strict=True):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert one.tobytes() == other.tobytes()


@given(insights())
def test_generated_classes_read_the_same_bytes(made: tuple[Insight, tuple[int, int, int]]) -> None:
    insight, size = made
    message = metrics_pb2.Insight.FromString(encode(insight))
    quiet = nothing(*size)._asdict()
    for name, column in insight._asdict().items():
        told = getattr(message, name) or quiet[name].tobytes()
        assert told == column.tobytes()


def test_columns_that_tell_nothing_cost_nothing() -> None:
    assert len(encode(nothing(1, 11, 7))) < 90


def test_metrics_carry_it() -> None:
    columns: dict[str, Any] = {name: np.zeros(shape, dtype) for name, dtype, shape in metric_columns.layout(1, 2, 1)}
    table = metrics.WindowMetrics(
        symbols=("A",), venues=("x", "y"), windows_ms=(100,), insight=nothing(1, 2, 1), **columns
    )
    found = metrics.decode(metrics.encode(table)).insight
    assert found is not None
    assert np.isnan(found.gauges).all()
    assert np.isnan(found.correlation).all()
    assert (found.usd_gain == 1).all()
    assert (found.count_gain == 1).all()
    assert not found.censored.any()


def test_gauges_of_other_versions() -> None:
    """An earlier one tells fewer, a later one more."""
    made = nothing(2, 1, 1)._replace(gauges=np.arange(6, dtype=np.float32).reshape(2, 3))
    found = decode(encode(made), 2, 1, 1).gauges
    assert found[:, :3].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert np.isnan(found[:, 3:]).all()
    later = np.tile(np.arange(len(GAUGES) + 2, dtype=np.float32), (2, 1))
    found = decode(encode(made._replace(gauges=later)), 2, 1, 1).gauges
    assert found.tolist() == later[:, : len(GAUGES)].tolist()


def test_another_size_than_that_of_the_metrics_is_refused() -> None:
    quiet = nothing(2, 2, 1)
    data = encode(Insight(*(np.full_like(column, column.dtype.type(0.5)) for column in quiet)))
    for size in ((1, 2, 1), (3, 2, 1), (2, 3, 1), (2, 2, 2)):
        with pytest.raises(CodecError):
            decode(data, *size)
    with pytest.raises(CodecError, match="gauges"):
        decode(encode(nothing(1, 0, 0)), 3, 0, 0)


@given(st.binary(max_size=60), st.integers(0, 3))
def test_damage_is_never_worse_than_a_codec_error(data: bytes, rows: int) -> None:
    with contextlib.suppress(CodecError):
        decode(data, rows, 2, 1)
