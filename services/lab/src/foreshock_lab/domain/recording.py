"""Recordings of frames, one a line: how lines come out of bytes, and a frame out of a line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Recorded(NamedTuple):
    """One frame of a recording, empty for a blank line; ts_recv [ns UTC] where the recorder noted it."""

    frame: bytes
    ts_recv: int | None = None


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    ts_recv: int
    frame: msgspec.Raw


def parse(line: bytes) -> Recorded:
    """Return the frame of a line: {"ts_recv": ns, "frame": ...} as recorders write it, all else is a frame itself."""
    line = line.strip()
    if b'"ts_recv"' not in line:
        return Recorded(line)
    try:
        wrapped = msgspec.json.decode(line, type=_Line)
        frame = bytes(wrapped.frame)
        text = msgspec.json.decode(frame, type=str).encode() if frame.startswith(b'"') else frame
    except (msgspec.DecodeError, UnicodeEncodeError):
        return Recorded(line)
    return Recorded(text.strip(), wrapped.ts_recv)


def batches(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield whatever complete lines have come, without line ends; the last may lack its own."""
    begun: list[bytes] = []
    first = True
    for chunk in chunks:
        text = chunk.removeprefix(BYTE_ORDER_MARK) if first else chunk
        first = False
        head, newline, rest = text.rpartition(b"\n")
        if not newline:
            begun.append(rest)
            continue
        yield (b"".join(begun) + head).split(b"\n")
        begun = [rest] if rest else []
    if begun:
        yield [b"".join(begun)]
