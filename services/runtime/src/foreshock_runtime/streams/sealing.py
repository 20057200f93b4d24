"""Snapshots as they lie in Redis: sealed, so that a torn, foreign or old one is never taken for a state."""

from __future__ import annotations

import hashlib
import struct

from foreshock_runtime.streams.ids import id_key

_MAGIC = b"FSNP"
_SCHEMA = 1
_HEADER = struct.Struct("<4sHQQ32s")


class SealError(ValueError):
    """Bytes that are no whole snapshot of this schema."""


def seal(cursor: str, payload: bytes) -> bytes:
    """Return magic, schema, cursor and sha256 (of cursor and payload) before the payload."""
    ms, seq = id_key(cursor)
    return _HEADER.pack(_MAGIC, _SCHEMA, ms, seq, _digest(ms, seq, payload)) + payload


def unseal(blob: bytes) -> tuple[str, bytes]:
    """Return cursor and payload. Raises SealError that says what is wrong."""
    if len(blob) < _HEADER.size:
        raise SealError("too short")
    magic, schema, ms, seq, digest = _HEADER.unpack_from(blob)
    payload = blob[_HEADER.size :]
    if magic != _MAGIC:
        raise SealError("not a snapshot")
    if schema != _SCHEMA:
        raise SealError(f"schema {schema}, this is {_SCHEMA}")
    if digest != _digest(ms, seq, payload):
        raise SealError("checksum differs")
    return f"{ms}-{seq}", payload


def _digest(ms: int, seq: int, payload: bytes) -> bytes:
    return hashlib.sha256(struct.pack("<HQQ", _SCHEMA, ms, seq) + payload).digest()
