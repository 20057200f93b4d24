"""Streams as lines of a file: every entry with its id and fields, byte for byte. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

FORMAT = 1


class StreamEntry(msgspec.Struct, frozen=True):
    """One entry of a stream. fields: names and values as the server holds them; values are base64 in JSON."""

    id: str
    fields: dict[str, bytes]

    @property
    def stored(self) -> dict[bytes, bytes]:
        """The fields as the server returns them."""
        return {name.encode(): value for name, value in self.fields.items()}


class Manifest(msgspec.Struct, kw_only=True):
    """What an archive of streams holds.

    reached   by partition: the id of the newest input that is in it with its answers
    gone      entries that had left `events:{pN}` before the archive began, or before it came to them: a replay then
              begins without what they said, and its signals differ from those of the live run
    """

    format: int = FORMAT
    partitions: int
    reached: list[str]
    gone: int = 0


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(StreamEntry)


def encode(entry_id: str, fields: Mapping[bytes, bytes]) -> bytes:
    """Return an entry as a line."""
    return _ENCODER.encode(StreamEntry(entry_id, {name.decode(): value for name, value in fields.items()})) + b"\n"


def decode(line: bytes) -> StreamEntry:
    """Read a line. Raises msgspec.DecodeError."""
    return _DECODER.decode(line)


def input_of(output_id: str) -> tuple[int, int]:
    """Return what orders the input that an output was made of: ids of outputs are `ms-(seq*1024+k)`."""
    ms, _, number = output_id.partition("-")
    return int(ms), int(number) // 1024
