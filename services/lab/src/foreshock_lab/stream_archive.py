"""Copies the event and signal streams of a house to files, exactly, once or for as long as it runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import zstandard
from redis.asyncio import Redis

from foreshock_lab.domain.rebuild import order_of
from foreshock_lab.domain.recording import batches
from foreshock_lab.domain.stream_archive import FORMAT, Manifest, StreamEntry, decode, encode, input_of
from foreshock_lab.errors import LabError, UnreachableError
from foreshock_lab.recording_file import chunks, unpacked
from foreshock_model import keys
from foreshock_runtime.connection import TROUBLE
from foreshock_runtime.streams.ids import as_text

MANIFEST = "streams.json"
PAGE = 500
MOST_PARTITIONS = 1_024
START = "0-0"
LEVEL = 3


def events_file(folder: Path, partition: int) -> Path:
    """Return where a partition's inputs are."""
    return folder / f"events-p{partition}.jsonl.zst"


def signals_file(folder: Path, partition: int) -> Path:
    """Return where a partition's signals are."""
    return folder / f"signals-p{partition}.jsonl.zst"


class StreamExport:
    """Writes an archive: `copy` takes what is answered by now; call it again for what comes later. Then `close`."""

    def __init__(self, redis: Redis, folder: Path, partitions: int) -> None:
        self.entries = 0
        self.signals = 0
        self.manifest = Manifest(partitions=partitions, reached=[START] * partitions)
        self._redis = redis
        self._folder = folder
        self._heard = [START] * partitions
        """The newest signal that was looked at, by partition."""
        self._files: dict[Path, tuple[BinaryIO, zstandard.ZstdCompressionObj]] = {}

    @classmethod
    async def begin(cls, redis: Redis, folder: Path) -> StreamExport:
        """Find the streams and begin a new folder. Raises UnreachableError, LabError."""
        try:
            partitions = await count_partitions(redis)
            export = cls(redis, folder, partitions)
            export.manifest.gone = sum([await export.left(each) for each in range(partitions)])
        except TROUBLE as error:
            raise UnreachableError(f"the house's Redis does not answer: {error}") from error
        _make_empty(folder)
        return export

    async def copy(self) -> None:
        """Take everything that signals has answered by now. Raises UnreachableError, LabError."""
        try:
            for partition in range(self.manifest.partitions):
                await self._copy(partition)
            self._save()
        except OSError as error:
            raise LabError(f"{self._folder} cannot be written: {error}") from error
        except TROUBLE as error:
            raise UnreachableError(f"the house's Redis does not answer: {error}") from error

    def close(self) -> None:
        """End the files. Raises OSError."""
        for file, packer in self._files.values():
            with file:
                file.write(packer.flush())
        self._files.clear()

    async def left(self, partition: int) -> int:
        """Return how many entries have left a partition's inputs and signals so far. Raises what redis-py raises."""
        gone = 0
        for stream in (keys.events(partition), keys.signals(partition)):
            if await self._redis.exists(stream):
                told: Any = await self._redis.xinfo_stream(stream)
                gone += int(told["entries-added"]) - int(told["length"])
        return gone

    async def _copy(self, partition: int) -> None:
        reached = as_text(await self._redis.get(keys.cursor("signals", partition)))
        before = self.manifest.reached[partition]
        if order_of(reached) > order_of(before):
            self.manifest.gone += await self._skipped(partition, before)
            await self._copy_stream(keys.events(partition), events_file(self._folder, partition), before, reached)
            self.manifest.reached[partition] = reached
        await self._copy_signals(partition, reached)

    async def _skipped(self, partition: int, before: str) -> int:
        """Return 1 when the entry copied last has left the stream: then those after it may have gone too."""
        if before == START:
            return 0
        return 0 if await self._redis.xrange(keys.events(partition), before, before) else 1

    async def _copy_signals(self, partition: int, reached: str) -> None:
        stream, path = keys.signals(partition), signals_file(self._folder, partition)
        while page := await self._page(stream, self._heard[partition], "+"):
            for entry_id, fields in page:
                if input_of(entry_id) > order_of(reached):
                    return
                self._write(path, encode(entry_id, fields))
                self._heard[partition] = entry_id
                self.signals += 1

    async def _copy_stream(self, stream: str, path: Path, after: str, last: str) -> None:
        while page := await self._page(stream, after, last):
            for entry_id, fields in page:
                self._write(path, encode(entry_id, fields))
            self.entries += len(page)
            after = page[-1][0]

    async def _page(self, stream: str, after: str, last: str) -> list[tuple[str, dict[bytes, bytes]]]:
        page: Any = await self._redis.xrange(stream, f"({after}", last, count=PAGE)
        return [(as_text(entry_id), fields) for entry_id, fields in page]

    def _write(self, path: Path, line: bytes) -> None:
        if path not in self._files:
            packer = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compressobj()
            self._files[path] = path.open("xb"), packer
        file, packer = self._files[path]
        file.write(packer.compress(line))

    def _save(self) -> None:
        """Put what was copied on the disk, then say that it is there."""
        for file, packer in self._files.values():
            file.write(packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
            file.flush()
        path = self._folder / MANIFEST
        fresh = path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(self.manifest))
        fresh.replace(path)


async def count_partitions(redis: Redis) -> int:
    """Return how many partitions the house has. Raises LabError when there are none, and what redis-py raises."""
    number = 0
    while number < MOST_PARTITIONS and await redis.exists(keys.events(number)):
        number += 1
    if not number:
        raise LabError("there are no event streams in this Redis")
    return number


def _make_empty(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        used = any(folder.iterdir())
    except OSError as error:
        raise LabError(f"{folder} cannot be used: {error.strerror}") from error
    if used:
        raise LabError(f"{folder} is not empty: an archive of streams begins in a folder of its own")


def read_manifest(folder: Path) -> Manifest:
    """Read what an archive holds. Raises LabError."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except OSError as error:
        raise LabError(f"{folder} is no archive of streams: {MANIFEST} cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise LabError(f"{folder / MANIFEST}: {error}") from error
    if manifest.format > FORMAT:
        raise LabError(f"{folder} has format {manifest.format}; this version reads up to {FORMAT}")
    return manifest


def read_entries(path: Path, reached: str) -> Iterator[StreamEntry]:
    """Walk a file of an archive up to an input's id; no file holds nothing. Raises LabError."""
    if not path.exists():
        return
    try:
        with path.open("rb") as file:
            for lines in batches(chunks(unpacked(file))):
                for line in lines:
                    entry = decode(line) if line else None
                    if entry is None or order_of(entry.id) > order_of(reached):
                        return
                    yield entry
    except OSError as error:
        raise LabError(f"{path} cannot be read: {error}") from error
    except msgspec.DecodeError as error:
        raise LabError(f"{path} is damaged: {error}") from error
