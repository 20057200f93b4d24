"""Rows of nested windows in few bytes: a value is written only where it differs from that of the next shorter window.

A window holds what shorter ones hold, so most neighbours are equal, and a row of zeros (a quiet venue or side) costs
its bits alone. Exact: values are compared by their bits.

A matrix (M, W) becomes

    steps   (M, ceil(W / 8)) bytes: bit w of a row, lowest first, is 1 where value w differs from value w - 1 of the
            row; before value 0 stands zero
    values  float32 (N), the values at those bits, row by row

and is read back by going through each row from the left with the newest value, zero at first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from foreshock_model.errors import CodecError

Array = npt.NDArray[Any]
BITS = np.dtype("<u4")
VALUE = np.dtype("<f4")


def pack(matrix: Array) -> tuple[bytes, bytes]:
    """Return (steps, values) of a contiguous float32 matrix (M, W)."""
    bits = matrix.view(BITS)
    steps = np.empty(bits.shape, np.bool_)
    np.not_equal(bits[:, :1], 0, out=steps[:, :1])
    np.not_equal(bits[:, 1:], bits[:, :-1], out=steps[:, 1:])
    return np.packbits(steps, axis=1, bitorder="little").tobytes(), matrix[steps].astype(VALUE, copy=False).tobytes()


def unpack(steps: memoryview, values: memoryview, width: int) -> Array:
    """Return the matrix (M, W) for W = `width`, at least 1. Raises CodecError when the two contradict each other."""
    each = -(-width // 8)
    if len(steps) % each or len(values) % VALUE.itemsize:
        raise CodecError("windowed columns are cut off")
    packed = np.frombuffer(steps, np.uint8).reshape(-1, each)
    at = np.unpackbits(packed, axis=1, count=width, bitorder="little").astype(np.intp)
    np.cumsum(at, axis=1, out=at)
    number = at[:, -1]
    known = np.zeros(len(values) // VALUE.itemsize + 1, VALUE)
    known[1:] = np.frombuffer(values, VALUE)
    if int(number.sum()) != len(known) - 1:
        msg = f"windowed columns have {len(known) - 1} values for {int(number.sum())} steps"
        raise CodecError(msg)
    first = np.cumsum(number) - number
    matrix: Array = known[np.where(at > 0, at + first[:, None], 0)]
    return matrix
