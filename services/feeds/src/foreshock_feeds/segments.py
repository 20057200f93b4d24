"""Files of a recording: written as they come, found under their names when they are whole, the oldest given up."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import msgspec
import zstandard

from foreshock_feeds.domain.recording import PREFIX, SUFFIX, UNFINISHED, segment_name
from foreshock_runtime.log import get_logger

LEVEL = 1
"""Of zstd: frames of one venue are much alike, more effort gains little."""
log = get_logger("feeds")


class SegmentOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Where a recording goes and when it goes on in a new file.

    segment_bytes counts compressed bytes, segment_seconds the time since the file was begun. keep_bytes: what all
    files of the folder may take together; 0: everything stays.
    """

    folder: Path
    segment_bytes: int
    segment_seconds: float
    keep_bytes: int


class Segments:
    """Appends to the present segment, of which there is at most one. All methods raise OSError."""

    def __init__(self, options: SegmentOptions, source: str) -> None:
        self.number = 0
        self.size = 0
        """Bytes in the present file, those not yet flushed left out."""
        self._options = options
        self._source = source
        self._final = Path()
        self._file: BinaryIO | None = None
        self._packer: zstandard.ZstdCompressionObj | None = None
        self._begun = 0

    def due(self, now: int) -> bool:
        """Tell whether a new file has to be begun. now: ns UTC."""
        full = self.size >= self._options.segment_bytes or now - self._begun >= self._options.segment_seconds * 1e9
        return self._file is None or full

    def begin(self, now: int) -> None:
        """End the present file and begin the next. now: ns UTC."""
        self.close()
        self._options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.number += 1
        self._final = self._options.folder / segment_name(self._source, now, self.number)
        self._file = self._unfinished().open("xb")
        self._packer = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compressobj()
        self._begun = now
        self.size = 0

    def write(self, data: bytes) -> None:
        """Take bytes; they are in the file after the next `flush`."""
        if self._packer is None or self._file is None:
            raise OSError("no segment is open")
        self._put(self._packer.compress(data))

    def flush(self) -> None:
        """Hand everything to the operating system: from here on it outlives this process."""
        if self._packer is not None and self._file is not None:
            self._put(self._packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
            self._file.flush()

    def close(self) -> None:
        """End the present file: on disk, and under its final name."""
        if self._packer is None or self._file is None:
            return
        file, self._file = self._file, None
        with file:
            file.write(self._packer.flush(zstandard.COMPRESSOBJ_FLUSH_FINISH))
            file.flush()
            os.fsync(file.fileno())
        self._unfinished().rename(self._final)
        self._forget_oldest()

    def _put(self, packed: bytes) -> None:
        if packed and self._file is not None:
            self._file.write(packed)
            self.size += len(packed)

    def _unfinished(self) -> Path:
        return self._final.with_name(self._final.name + UNFINISHED)

    def _forget_oldest(self) -> None:
        if not self._options.keep_bytes:
            return
        # Files of writers that were killed count too; the newest is never one of those.
        kept = sorted(self._options.folder.glob(f"{PREFIX}*{SUFFIX}*"), key=lambda each: each.stat().st_mtime_ns)
        total = sum(each.stat().st_size for each in kept)
        for oldest in kept[:-1]:
            if total <= self._options.keep_bytes:
                return
            total -= oldest.stat().st_size
            oldest.unlink()
            log.info("segment_removed", segment=oldest.name)
