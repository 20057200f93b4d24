"""Files of recordings: found, unpacked and read as their bytes become available."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol, cast

import msgspec
import zstandard

from foreshock_feeds.domain.recording import FORMAT, PREFIX, SUFFIX, UNFINISHED, Kind, Recorded, SegmentData, parse
from foreshock_lab.domain.recording import batches, is_torn
from foreshock_lab.errors import LabError

CHUNK = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
STAMP_PARTS = 2
"""Parts of a segment's name after the writer: when it was begun, and its number."""


class _Readable(Protocol):
    def read1(self, size: int, /) -> bytes: ...


class Source(NamedTuple):
    """The files of one writer, in the order of their making."""

    name: str
    files: tuple[Path, ...]


def unpacked(stream: BinaryIO) -> BinaryIO:
    """Return the stream itself, or what is in it when its first bytes are a gzip's or zstd's."""
    peek = getattr(stream, "peek", None)
    head = peek(4)[:4] if peek is not None else b""
    if head[:2] == GZIP_MAGIC:
        return cast("BinaryIO", gzip.GzipFile(fileobj=stream))
    if head == ZSTD_MAGIC:
        return cast("BinaryIO", zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True))
    return stream


def chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Yield what is there; a pipe's as soon as it is written. A zstd that ends early just ends.

    Raises LabError when the packing is damaged, after all that could be read, and OSError.
    """
    readable = cast("_Readable", stream)
    try:
        while chunk := readable.read1(CHUNK):
            yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise LabError(f"the gzip file is damaged: {error}") from error
    except zstandard.ZstdError as error:
        raise LabError(f"the zstd file is damaged: {error}") from error


def read_records(path: Path) -> Iterator[Recorded]:
    """Walk a file's records; of a recorder's own file without the torn line at its end, of others without blank ones.

    Raises LabError naming the file when it cannot be read.
    """
    ours = torn = False
    for record in _lines(path):
        if torn:
            raise LabError(f"{path} is damaged in the middle: a line of it is no record")
        if record.kind is Kind.SEGMENT:
            ours = True
            _check(path, record)
        blank = not (record.frame or record.route) and record.kind is Kind.FRAME
        torn = ours and not blank and is_torn(record)
        if not (blank or torn):
            yield record


def read_source(source: Source) -> Iterator[Recorded]:
    """Walk the records of all of a writer's files. Raises LabError."""
    return chain.from_iterable(map(read_records, source.files))


def read_frames(path: Path) -> Iterator[Recorded]:
    """Walk a recording's frames. Raises LabError naming the file when it cannot be read."""
    return (record for record in read_records(path) if record.kind is Kind.FRAME)


def is_recording(path: Path) -> bool:
    """Tell whether a path is a recorder's: a folder of segments, or a file that begins as one. Raises LabError."""
    if path.is_dir():
        return True
    first = next(_lines(path), None)
    return first is not None and first.kind is Kind.SEGMENT


def sources(paths: Iterable[Path]) -> list[Source]:
    """Return the writers found in these files and folders. Raises LabError when there is none."""
    files: dict[str, list[Path]] = {}
    for path in chain.from_iterable(map(_segments_of, paths)):
        files.setdefault(_writer(path), []).append(path)
    return [
        Source(name, tuple(sorted(dict.fromkeys(found), key=lambda each: each.name)))
        for name, found in sorted(files.items())
    ]


def _segments_of(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = [*path.glob(f"{PREFIX}*{SUFFIX}"), *path.glob(f"{PREFIX}*{SUFFIX}{UNFINISHED}")]
    if not found:
        raise LabError(f"{path} holds no recording: no file is named {PREFIX}*{SUFFIX}")
    return found


def _writer(path: Path) -> str:
    if not path.name.startswith(PREFIX):
        return path.name
    return path.name.removeprefix(PREFIX).rsplit("-", STAMP_PARTS)[0]


def _lines(path: Path) -> Iterator[Recorded]:
    try:
        with path.open("rb") as file:
            for lines in batches(chunks(unpacked(file))):
                yield from map(parse, lines)
    except OSError as error:
        raise LabError(f"{path} cannot be read: {error}") from error
    except LabError as error:
        raise LabError(f"{path}: {error}") from error


def _check(path: Path, record: Recorded) -> None:
    try:
        head = msgspec.json.decode(record.data, type=SegmentData)
    except msgspec.DecodeError as error:
        raise LabError(f"{path} does not begin as a segment does: {error}") from error
    if head.format > FORMAT:
        raise LabError(f"{path} has format {head.format}; this version reads up to {FORMAT}")
