"""Rows of nested windows in few bytes: a value is written only where it differs from that of the next shorter window.

A window holds what shorter ones hold, so most neighbours are equal, and a row of zeros (a quiet venue or side) costs
its bits alone. Exact: values are compared by their bits.

A matrix (M, W), whose first rows hold whole numbers, becomes

    steps   (M, ceil(W / 8)) bytes: bit w of a row, lowest first, is 1 where value w differs from value w - 1 of the
            row; before value 0 stands zero
    counts  the values at those bits in the rows of whole numbers, row by row: unsigned in 1 or 2 bytes each where that
            holds all, else float32
    values  float32, the values at those bits in the other rows

and is read back by going through each row from the left with the newest value, zero at first.
"""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from foreshock_model.errors import CodecError

Array = npt.NDArray[Any]
BITS = np.dtype("<u4")
VALUE = np.dtype("<f4")
WIDTHS: dict[int, np.dtype[Any]] = {1: np.dtype("u1"), 2: np.dtype("<u2")}
MOST = (1 << 16) - 1


Bytes = TypeVar("Bytes", bytes, memoryview)


class Packed(NamedTuple, Generic[Bytes]):
    """A matrix as bytes."""

    steps: Bytes
    counts: Bytes
    values: Bytes


def pack(matrix: Array, whole: int) -> Packed[bytes]:
    """Return a contiguous float32 matrix (M, W) as bytes; in its first `whole` rows are whole numbers from 0 up."""
    bits = matrix.view(BITS)
    steps = np.empty(bits.shape, np.bool_)
    np.not_equal(bits[:, :1], 0, out=steps[:, :1])
    np.not_equal(bits[:, 1:], bits[:, :-1], out=steps[:, 1:])
    packed = np.packbits(steps, axis=1, bitorder="little").tobytes()
    values = matrix[steps].astype(VALUE, copy=False)
    number = int(np.count_nonzero(steps[:whole]))
    return Packed(packed, _narrow(values[:number]), values[number:].tobytes())


def _narrow(values: Array) -> bytes:
    # Anything else than a whole number from 0 up is damage that must come through as it is.
    top = np.maximum.reduce(values, initial=0)
    if not (top <= MOST and np.minimum.reduce(values, initial=0) >= 0):  # NaN is neither
        return bytes(values.tobytes())
    numbers = values.astype(np.uint8 if top <= MOST >> 8 else "<u2")
    return bytes(numbers.tobytes() if (numbers == values).all() else values.tobytes())


def unpack(packed: Packed[memoryview], width: int, whole: int) -> Array:
    """Return the matrix (M, W) for W = `width`, at least 1. Raises CodecError when its parts contradict each other."""
    each = -(-width // 8)
    if len(packed.steps) % each or len(packed.values) % VALUE.itemsize:
        raise CodecError("windowed columns are cut off")
    bits = np.frombuffer(packed.steps, np.uint8).reshape(-1, each)
    at = np.unpackbits(bits, axis=1, count=width, bitorder="little").astype(np.intp)
    np.cumsum(at, axis=1, out=at)
    number = at[:, -1]
    counts, values = _read_counts(packed.counts, int(number[:whole].sum())), np.frombuffer(packed.values, VALUE)
    known = np.zeros(len(counts) + len(values) + 1, VALUE)
    known[1 : len(counts) + 1], known[len(counts) + 1 :] = counts, values
    if int(number.sum()) != len(known) - 1:
        msg = f"windowed columns have {len(known) - 1} values for {int(number.sum())} steps"
        raise CodecError(msg)
    first = np.cumsum(number) - number
    matrix: Array = known[np.where(at > 0, at + first[:, None], 0)]
    return matrix


def _read_counts(data: memoryview, number: int) -> Array:
    dtype: np.dtype[Any] = WIDTHS.get(len(data) // max(number, 1), VALUE)
    if len(data) != number * dtype.itemsize:
        msg = f"windowed columns have {len(data)} bytes of counts for {number} steps"
        raise CodecError(msg)
    found: Array = np.frombuffer(data, dtype)
    return found
