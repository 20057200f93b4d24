"""`foreshock_sdk.identity` over whole columns: the same keys, many at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from foreshock_sdk.columns import RawLiquidations
from foreshock_sdk.identity import GAMMA, MIX_1, MIX_2

Array = npt.NDArray[Any]

_GAMMA, _MIX_1, _MIX_2 = np.uint64(GAMMA), np.uint64(MIX_1), np.uint64(MIX_2)
_30, _27, _31 = np.uint64(30), np.uint64(27), np.uint64(31)


def _mix(state: Array, value: Array) -> Array:
    z = (state ^ value) + _GAMMA
    z = (z ^ (z >> _30)) * _MIX_1
    z = (z ^ (z >> _27)) * _MIX_2
    mixed: Array = z ^ (z >> _31)
    return mixed


def _float_bits(values: Sequence[float]) -> Array:
    return (np.asarray(values, np.float64) + 0.0).view(np.uint64)


def event_keys(raw: RawLiquidations, seeds: Array) -> Array:
    """Return the 64-bit key of each row, (n,) uint64.

    seeds is (n,) uint64, the seed of each row's contract. Equal rows of one frame get the ordinals 0, 1, 2 ... so
    that true twins both count, and a frame sent twice still gives the same keys.
    """
    state = _mix(seeds, np.asarray(raw.side, np.uint64))
    state = _mix(state, np.asarray(raw.ts_event_ms, np.int64).view(np.uint64))
    for values in (raw.size, raw.identity_a, raw.identity_b):
        state = _mix(state, _float_bits(values))
    return _mix(state, _ordinals(state, raw.frame))


def _ordinals(state: Array, frames: Sequence[int]) -> Array:
    ordinals = np.zeros(len(state), np.uint64)
    values = state.tolist()
    if len(set(values)) == len(values):
        return ordinals
    seen: Counter[tuple[int, int]] = Counter()
    for row, twin in enumerate(zip(frames, values, strict=True)):
        ordinals[row] = seen[twin]
        seen[twin] += 1
    return ordinals
