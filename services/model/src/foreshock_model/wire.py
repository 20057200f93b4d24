"""The protobuf wire format, as far as batches need it: varints, doubles and length-delimited fields.

Written out by hand so that the model depends on numpy alone; `protos/` describes the same bytes and any language's
generated classes read them (a test does so in Python). Columns are bytes fields of little-endian numbers.
Source: protobuf.dev/programming-guides/encoding, checked 2026-11-20.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache, lru_cache
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from foreshock_model.errors import CodecError

VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5
MAX_VARINT_BITS = 70


_ONE_BYTE = tuple(bytes((value,)) for value in range(0x80))


def varint(value: int) -> bytes:
    """Encode a non-negative integer."""
    if value < 0x80:  # noqa: PLR2004 - seven bits a byte
        return _ONE_BYTE[value]
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def uint(number: int, value: int) -> bytes:
    """Encode an unsigned integer field; zero is left out, as protobuf does."""
    return varint(number << 3 | VARINT) + varint(value) if value else b""


def double(number: int, value: float) -> bytes:
    """Encode a double field."""
    return varint(number << 3 | FIXED64) + struct.pack("<d", value)


def delimited(number: int, data: bytes) -> bytes:
    """Encode a bytes, string or message field."""
    return _head(number, len(data)) + data


@lru_cache(maxsize=4_096)
def _head(number: int, size: int) -> bytes:
    return varint(number << 3 | DELIMITED) + varint(size)


def text(number: int, value: str) -> bytes:
    """Encode a string field."""
    return delimited(number, value.encode())


def column(number: int, values: npt.NDArray[np.generic], dtype: str) -> bytes:
    """Encode an array as a bytes field of little-endian numbers in row-major order; an empty one is left out."""
    return delimited(number, values.astype(_dtype(dtype), copy=False).tobytes()) if values.size else b""


@cache
def _dtype(name: str) -> np.dtype[Any]:
    return np.dtype(name)


def _read_varint(data: memoryview, at: int) -> tuple[int, int]:
    if at < len(data) and data[at] < 0x80:  # noqa: PLR2004 - the continuation bit
        return data[at], at + 1
    result = shift = 0
    while True:
        if at >= len(data) or shift >= MAX_VARINT_BITS:
            msg = f"varint at byte {at} is cut off or too long"
            raise CodecError(msg)
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004
            return result, at
        shift += 7


def fields(data: bytes | memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Walk the fields of a message: (number, integer or bytes). Raises CodecError on bytes that are not a message."""
    view = memoryview(data)
    at, end = 0, len(view)
    while at < end:
        key = view[at]
        at += 1
        if key >= 0x80:  # noqa: PLR2004 - the continuation bit
            key, at = _read_varint(view, at - 1)
        kind = key & 7
        if kind == VARINT:
            value, at = _read_varint(view, at)
            yield key >> 3, value
            continue
        if kind == DELIMITED:
            size, at = _read_varint(view, at)
        else:
            size = _fixed_size(kind, at)
        stop = at + size
        if stop > end:
            msg = f"field {key >> 3} ends {stop - end} bytes past the message"
            raise CodecError(msg)
        yield key >> 3, view[at:stop]
        at = stop


def _fixed_size(kind: int, at: int) -> int:
    if kind == FIXED64:
        return 8
    if kind == FIXED32:
        return 4
    msg = f"wire type {kind} at byte {at} is unknown"
    raise CodecError(msg)


def as_bytes(name: str, value: int | memoryview) -> memoryview:
    """Take a field that must be length-delimited."""
    if isinstance(value, int):
        msg = f"field {name!r} should hold bytes"
        raise CodecError(msg)
    return value


def as_uint(name: str, value: int | memoryview) -> int:
    """Take a field that must be an integer."""
    if not isinstance(value, int):
        msg = f"field {name!r} should hold an integer"
        raise CodecError(msg)
    return value


def as_double(name: str, value: int | memoryview) -> float:
    """Take a field that must be a double."""
    data = as_bytes(name, value)
    if len(data) != struct.calcsize("<d"):
        msg = f"field {name!r} should hold 8 bytes, has {len(data)}"
        raise CodecError(msg)
    (number,) = struct.unpack("<d", data)
    return float(number)


def as_text(name: str, value: int | memoryview) -> str:
    """Take a field that must be UTF-8 text."""
    try:
        return str(as_bytes(name, value), "utf-8")
    except UnicodeDecodeError as error:
        msg = f"field {name!r} is not UTF-8"
        raise CodecError(msg) from error


def as_column(name: str, value: int | memoryview | None, dtype: str, shape: tuple[int, ...]) -> npt.NDArray[np.generic]:
    """Take a column of a known shape; a missing one is all zeros (proto3 leaves out empty fields)."""
    kind = _dtype(dtype)
    size = prod(shape)
    if value is None:
        if size:
            msg = f"column {name!r} is missing, expected {size} values"
            raise CodecError(msg)
        return np.zeros(shape, kind)
    data = as_bytes(name, value)
    if len(data) != size * kind.itemsize:
        msg = f"column {name!r} has {len(data)} bytes, expected {size} values of {kind.itemsize}"
        raise CodecError(msg)
    values = np.frombuffer(data, kind)
    return values if len(shape) == 1 else values.reshape(shape)
