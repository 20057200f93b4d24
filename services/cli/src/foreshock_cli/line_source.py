"""Lines of a file, of stdin or of a gzip of either, in batches as they become available."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from foreshock_cli.exits import CommandError, unreachable

CHUNK = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class _Readable(Protocol):
    def read1(self, size: int, /) -> bytes: ...


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """Open a file by name, `-` for stdin; unpack gzip. Raises CommandError when it cannot be opened."""
    if name == "-":
        yield _unpacked(sys.stdin.buffer)
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 - closed below, after the caller is done
    except OSError as error:
        raise unreachable(f"cannot read {name}: {error.strerror}") from error
    with file:
        yield _unpacked(file)


def batches(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Yield whatever complete lines have come, without line ends; the last may lack its own.

    A pipe's lines come as soon as they are written. Raises CommandError when a gzip file is damaged,
    after all that could be read.
    """
    begun: list[bytes] = []
    first = True
    for chunk in _chunks(cast("_Readable", stream)):
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


def whole(name: str) -> bytes:
    """Read a file or stdin at once."""
    with opened(name) as stream:
        return b"".join(_chunks(cast("_Readable", stream)))


def _unpacked(stream: BinaryIO) -> BinaryIO:
    peek = getattr(stream, "peek", None)
    if peek is not None and peek(2)[:2] == GZIP_MAGIC:
        return cast("BinaryIO", gzip.GzipFile(fileobj=stream))
    return stream


def _chunks(stream: _Readable) -> Iterator[bytes]:
    try:
        while chunk := stream.read1(CHUNK):
            yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CommandError(f"the gzip file is damaged: {error}") from error
    except IsADirectoryError as error:
        raise unreachable("that is a folder, not a file") from error
