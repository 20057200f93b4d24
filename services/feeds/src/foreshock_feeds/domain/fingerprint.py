"""`foreshock_sdk.identity` over whole columns: the same keys, many at a time."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from foreshock_sdk.identity import GAMMA, MIX_1, MIX_2

Array = npt.NDArray[Any]

# Arrays without dimensions: numpy takes them as they are, where it looks at each scalar anew.
_GAMMA, _MIX_1, _MIX_2 = (np.array(value, np.uint64) for value in (GAMMA, MIX_1, MIX_2))
_32, _31, _30, _27 = (np.array(value, np.uint64) for value in (32, 31, 30, 27))


def event_keys(  # noqa: PLR0913 - the raw fields, by name
    *, seeds: Array, side: Array, ts_event_ms: Array, size: Array, identity: tuple[Array, Array], frame: Array | None
) -> Array:
    """Return the 64-bit key of each row, (n,) uint64.

    seeds is uint64, the seed of each row's contract; ts_event_ms int64; size and identity float64. Equal rows of one
    frame get the ordinals 0, 1, 2 ... so that true twins both count, and a frame sent twice still gives the same keys;
    frame None says that no two rows share one.
    """
    state, scratch = seeds.copy(), np.empty_like(seeds)
    for values in (2 * ts_event_ms + side, size, *identity):
        state ^= values.view(np.uint64)
        state *= _GAMMA
        _shifted(state, _32, scratch)
    if frame is not None and len(frame) > 1 and not (np.diff(frame) > 0).all():
        state += _ordinals(state, frame)
    _shifted(state, _30, scratch)
    state *= _MIX_1
    _shifted(state, _27, scratch)
    state *= _MIX_2
    _shifted(state, _31, scratch)
    return state


def _shifted(state: Array, bits: Array, scratch: Array) -> None:
    """Mix the upper bits into the lower ones."""
    np.right_shift(state, bits, out=scratch)
    state ^= scratch


def _ordinals(state: Array, frame: Array) -> Array:
    ordinals = np.zeros(len(state), np.uint64)
    seen: Counter[tuple[int, int]] = Counter()
    for row, twin in enumerate(zip(frame.tolist(), state.tolist(), strict=True)):
        ordinals[row] = seen[twin]
        seen[twin] += 1
    return ordinals
