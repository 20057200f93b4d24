"""Snapshots as bytes: a magic, a JSON header and raw little-endian arrays, deflated, and keys as they are. No pickle.

Keys look like noise: to deflate them would take long and save nothing.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import msgspec
import numpy as np

from foreshock_model.tick import DelayMs
from foreshock_velocity.domain import analysis
from foreshock_velocity.domain.arrays import Array
from foreshock_velocity.domain.book import BookNames
from foreshock_velocity.domain.config import VelocityConfig
from foreshock_velocity.domain.intake import Counters
from foreshock_velocity.domain.lives import Told

SCHEMA = 5
"""Version of the snapshot. Another one is not read: the state is rebuilt from the stream instead."""
MAGIC = b"FSVL"
LENGTHS = struct.Struct("<4sIQ")
LEVEL = 1
KEYS = np.dtype("<u8")


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """All of a state but its arrays. Times are ns UTC. keys: how many there are in each group of them."""

    schema: int
    windows_ms: tuple[int, ...]
    config: VelocityConfig
    delays: dict[str, DelayMs]
    lives: dict[str, Told]
    sight_told: int
    repeats_since: int
    revision: int
    now: int
    first_clock: int
    last_edge: int
    last_id: str
    rebuilt: bool
    counters: Counters
    sequencer: dict[str, object]
    names: BookNames
    analysis: analysis.Names
    keys: tuple[int, ...] = ()


def pack(header: Header, arrays: Sequence[Array], keys: Sequence[Array]) -> bytes:
    """Return a snapshot. keys: groups of (n,) uint64."""
    head = msgspec.json.encode(msgspec.structs.replace(header, keys=tuple(len(group) for group in keys)))
    body = b"".join([head, *(np.ascontiguousarray(array).tobytes() for array in arrays)])
    rest = (group.astype(KEYS, copy=False).tobytes() for group in keys)
    return b"".join([LENGTHS.pack(MAGIC, len(head), len(body)), zlib.compress(body, LEVEL), *rest])


def unpack(blob: bytes) -> tuple[Header, memoryview, list[Array]]:
    """Return the header, the bytes of the arrays and the keys. Raises ValueError unless it is of this schema."""
    body, head, rest = _inflate(blob)
    try:
        header = msgspec.json.decode(body[:head], type=Header)
    except msgspec.DecodeError as error:
        msg = f"snapshot: {error}"
        raise ValueError(msg) from error
    if header.schema != SCHEMA:
        msg = f"snapshot: schema {header.schema}, expected {SCHEMA}"
        raise ValueError(msg)
    keys = read_arrays(memoryview(rest), [(KEYS.str, (number,)) for number in header.keys])
    return header, body[head:], keys


def _inflate(blob: bytes) -> tuple[memoryview, int, bytes]:
    if len(blob) < LENGTHS.size:
        raise ValueError("snapshot: too short")
    magic, head, size = LENGTHS.unpack_from(blob)
    if magic != MAGIC:
        raise ValueError("snapshot: not one of velocity")
    inflater = zlib.decompressobj()
    try:
        body = inflater.decompress(memoryview(blob)[LENGTHS.size :], size + 1)
    except (zlib.error, OverflowError, MemoryError) as error:
        msg = f"snapshot: {error}"
        raise ValueError(msg) from error
    if len(body) != size or not inflater.eof or head > size:
        raise ValueError("snapshot: another length than announced")
    return memoryview(body), head, inflater.unused_data


def read_arrays(data: memoryview, layout: Sequence[tuple[str, tuple[int, ...]]]) -> list[Array]:
    """Cut the arrays of a layout out of `data`, as read-only views. Raises ValueError when it has another length."""
    arrays, at = [], 0
    for dtype, shape in layout:
        kind = np.dtype(dtype)
        number = int(np.prod(shape, dtype=object))
        if min(shape) < 0 or at + number * kind.itemsize > len(data):
            raise ValueError("snapshot: arrays are cut off")
        arrays.append(np.frombuffer(data, kind, number, at).reshape(shape))
        at += number * kind.itemsize
    if at != len(data):
        raise ValueError("snapshot: bytes after the last array")
    return arrays
