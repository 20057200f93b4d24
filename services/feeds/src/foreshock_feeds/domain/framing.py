"""Entries as frames of a file that is only appended to, and may end in the middle of one.

A file is MAGIC and then frames: length and CRC-32 of the payload (little-endian, 4 bytes each), payload. The payload is
a msgpack array of the entry's fields in order.
"""

from __future__ import annotations

import struct
from zlib import crc32

import msgspec

from foreshock_model.entries import INPUT_KINDS, InputEntry

MAGIC = b"FSSPILL1"
_HEAD = struct.Struct("<II")
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(tuple[str, str, int, int, int, bytes])


def pack(entry: InputEntry) -> bytes:
    """Return an entry as one frame."""
    payload = _ENCODER.encode((entry.kind, entry.writer, entry.epoch, entry.seq, entry.clock, entry.data))
    return _HEAD.pack(len(payload), crc32(payload)) + payload


def unpack(data: bytes) -> tuple[list[InputEntry], int]:
    """Read a file: its entries, and how many bytes at its end are none. A damaged frame takes with it what follows."""
    if not data.startswith(MAGIC):
        return [], len(data)
    entries: list[InputEntry] = []
    at = len(MAGIC)
    while (found := _frame(data, at)) is not None:
        entry, at = found
        entries.append(entry)
    return entries, len(data) - at


def _frame(data: bytes, at: int) -> tuple[InputEntry, int] | None:
    begin = at + _HEAD.size
    if begin > len(data):
        return None
    size, check = _HEAD.unpack_from(data, at)
    payload = data[begin : begin + size]
    if len(payload) < size or crc32(payload) != check:
        return None
    try:
        entry = InputEntry(*_DECODER.decode(payload))
    except msgspec.DecodeError:
        return None
    return (entry, begin + size) if entry.kind in INPUT_KINDS else None
