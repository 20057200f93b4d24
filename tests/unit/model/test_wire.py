"""The protobuf wire format by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_model import wire
from foreshock_model.errors import CodecError


@given(st.integers(0, 2**64 - 1), st.integers(1, 2**29 - 1))
def test_integers_are_read_back(value: int, number: int) -> None:
    encoded = wire.uint(number, value)
    assert list(wire.fields(encoded)) == ([(number, value)] if value else [])


@given(st.lists(st.tuples(st.integers(1, 100), st.binary(max_size=300))))
def test_delimited_fields_are_read_back_in_order(fields: list[tuple[int, bytes]]) -> None:
    encoded = b"".join(wire.delimited(number, data) for number, data in fields)
    assert [(number, bytes(wire.as_bytes("x", value))) for number, value in wire.fields(encoded)] == fields


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_fields_or_a_codec_error(data: bytes) -> None:
    try:
        for _ in wire.fields(data):
            pass
    except CodecError:
        pass


def test_fixed_fields_of_both_sizes_are_walked() -> None:
    encoded = wire.double(3, 1.5) + b"\x25\x01\x02\x03\x04" + wire.uint(5, 7)
    found = list(wire.fields(encoded))
    assert [number for number, _ in found] == [3, 4, 5]
    assert bytes(wire.as_bytes("x", found[1][1])) == b"\x01\x02\x03\x04"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x80", "cut off"),
        (b"\x80" * 11, "too long"),
        (b"\x0b", "wire type 3"),
        (b"\x0a\x05ab", "ends 3 bytes past"),
        (b"\x09\x00", "past the message"),
    ],
)
def test_broken_bytes_are_told_apart(data: bytes, reason: str) -> None:
    with pytest.raises(CodecError, match=reason):
        list(wire.fields(data))


def test_fields_of_the_wrong_kind_are_named() -> None:
    with pytest.raises(CodecError, match="'venue'"):
        wire.as_bytes("venue", 3)
    with pytest.raises(CodecError, match="'schema'"):
        wire.as_uint("schema", memoryview(b""))
    with pytest.raises(CodecError, match="'venue' is not UTF-8"):
        wire.as_text("venue", memoryview(b"\xff"))


def test_columns_have_the_length_their_shape_asks_for() -> None:
    column = wire.as_column("price", memoryview(np.arange(6.0).tobytes()), "<f8", (2, 3))
    assert column.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert wire.as_column("price", None, "<f8", (0, 3)).shape == (0, 3)
    with pytest.raises(CodecError, match="'price' is missing"):
        wire.as_column("price", None, "<f8", (1,))
    with pytest.raises(CodecError, match="'price' has 8 bytes"):
        wire.as_column("price", memoryview(b"12345678"), "<f8", (2,))
