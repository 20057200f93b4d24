"""Bytes of a recording as they become available, unpacked when they are a gzip."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from foreshock_lab.domain.recording import Recorded, batches, parse
from foreshock_lab.errors import LabError

CHUNK = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"


class _Readable(Protocol):
    def read1(self, size: int, /) -> bytes: ...


def unpacked(stream: BinaryIO) -> BinaryIO:
    """Return the stream itself, or what is in it when its first bytes are a gzip's."""
    peek = getattr(stream, "peek", None)
    if peek is not None and peek(2)[:2] == GZIP_MAGIC:
        return cast("BinaryIO", gzip.GzipFile(fileobj=stream))
    return stream


def chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Yield what is there; a pipe's as soon as it is written.

    Raises LabError when a gzip is damaged, after all that could be read, and OSError.
    """
    readable = cast("_Readable", stream)
    try:
        while chunk := readable.read1(CHUNK):
            yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise LabError(f"the gzip file is damaged: {error}") from error


def read_frames(path: Path) -> Iterator[Recorded]:
    """Walk a recording's frames. Raises LabError naming the file when it cannot be read."""
    try:
        with path.open("rb") as file:
            for lines in batches(chunks(unpacked(file))):
                yield from (recorded for recorded in map(parse, lines) if recorded.frame)
    except OSError as error:
        raise LabError(f"{path} cannot be read: {error}") from error
    except LabError as error:
        raise LabError(f"{path}: {error}") from error
