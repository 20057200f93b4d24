"""A SignalsState as bytes and back, without pickle: magic, length and JSON of the head, then the compressed table."""

from __future__ import annotations

import struct
import zlib

import msgspec
import numpy as np

from foreshock_model.sight import Sight
from foreshock_signals.domain.config import SignalsConfig
from foreshock_signals.domain.market import Market
from foreshock_signals.domain.table import ROW, Rows

MAGIC = b"FSIG"
SCHEMA = 1
_PREFIX = struct.Struct("<4sHII")
"""magic, schema, crc32 of what follows, length of the head."""


class Head(msgspec.Struct):
    """Everything but the table."""

    now: int
    symbols: list[str]
    venues: list[str]
    episodes: list[tuple[str, int, str]]
    market: Market | None
    market_said: int
    config: SignalsConfig
    revision: int
    rejected_configs: int
    rebuilt: int | None = None
    sight: Sight | None = None
    layout: str = ""


LAYOUT = repr(ROW.descr)
"""A table of another layout is not read: its columns would lie elsewhere."""


def dump(head: Head, rows: Rows) -> bytes:
    """Return head and table as bytes; equal states give equal bytes."""
    head.layout = LAYOUT
    text = msgspec.json.encode(head, order="deterministic")
    body = text + zlib.compress(rows.tobytes(), level=1)
    return _PREFIX.pack(MAGIC, SCHEMA, zlib.crc32(body), len(text)) + body


def load(blob: bytes) -> tuple[Head, Rows]:
    """Return head and table. Raises ValueError saying what is wrong with the bytes."""
    try:
        magic, schema, check, length = _PREFIX.unpack_from(blob)
    except struct.error:
        msg = f"{len(blob)} bytes are no snapshot of signals"
        raise ValueError(msg) from None
    if magic != MAGIC or schema != SCHEMA:
        msg = f"snapshot is {magic!r} of schema {schema}, expected {MAGIC!r} of schema {SCHEMA}"
        raise ValueError(msg)
    body = memoryview(blob)[_PREFIX.size :]
    if zlib.crc32(body) != check:
        msg = "snapshot is damaged: checksum differs"
        raise ValueError(msg)
    head = msgspec.json.decode(body[:length], type=Head)
    if head.layout != LAYOUT:
        msg = "snapshot has another layout of its table"
        raise ValueError(msg)
    return head, np.frombuffer(zlib.decompress(body[length:]), ROW).copy()
