"""Entries on the local disk: what memory has no room for while Redis is away, in order, bounded, and left to a restart.

Files of each partition are appended to, numbered on, read from the oldest and removed when the server has them. Every
entry is handed to the operating system at once, so that it outlives this process; a whole file is forced to the disk
before the next one begins, so that a loss of power costs one file a partition at most.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from foreshock_feeds.domain.framing import MAGIC, pack, unpack
from foreshock_feeds.domain.shedding import Rows, rows_of, without_context
from foreshock_feeds.settings import FeedsSettings
from foreshock_model.entries import InputEntry
from foreshock_runtime.log import get_logger
from foreshock_runtime.settings import SettingsError

LARGEST_FILE = 4 << 20
SHARE = 8
"""Open files together take at most this part of all room."""
SUFFIX = ".spill"
UNFINISHED = ".new"
log = get_logger("feeds")


class _File:
    """One file: `<partition>-<number>.spill`. lean: whether its entries are known to hold no context."""

    def __init__(self, path: Path, size: int, *, lean: bool = False) -> None:
        self.path = path
        self.size = size
        self.lean = lean

    @property
    def number(self) -> int:
        return int(self.path.stem.partition("-")[2])

    def entries(self) -> list[InputEntry]:
        found, torn = unpack(self.path.read_bytes())
        if torn:
            log.warning("spill_torn", file=self.path.name, bytes=torn, entries=len(found))
        return found


class _Part:
    """A partition's files, oldest first. open: descriptor of the newest while it is written, else -1."""

    def __init__(self) -> None:
        self.files: deque[_File] = deque()
        self.open = -1
        self.head: deque[InputEntry] = deque()
        """What is left to be written of the oldest file, once that was read."""


class Spill:
    """The files of one writer. Raises OSError on making it and in `put`; BlockingIOError when another process has them.

    epoch: the largest number of a start among what was found. lost: rows that had to go because all room was taken.
    """

    def __init__(self, folder: Path, *, partitions: int, most_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise
        self._place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._most = most_bytes
        self._file_bytes = max(1, min(LARGEST_FILE, most_bytes // (SHARE * partitions)))
        self._parts = [_Part() for _ in range(partitions)]
        self._number = 0
        self.size = 0
        self.lost = Rows()
        self._find()
        self.epoch = max((entry.epoch for entry in self._ends()), default=0)

    @property
    def last_clock(self) -> int:
        """Ns UTC up to which every partition has its entries here; 0 when one has none."""
        ends = [entry.clock for entry in self._ends()]
        return min(ends) if len(ends) == len(self._parts) else 0

    def newest_first(self, partition: int) -> Iterator[InputEntry]:
        """Walk a partition's entries back from the newest. Nothing was read or written yet."""
        for file in reversed(self._parts[partition].files):
            yield from reversed(file.entries())

    def put(self, partition: int, entry: InputEntry) -> None:
        """Append an entry, whole or not at all. With all room taken the oldest context goes, then the oldest file."""
        frame = pack(entry)
        self._make_room(len(frame) + len(MAGIC))
        part = self._parts[partition]
        if part.open < 0 or part.files[-1].size + len(frame) > self._file_bytes:
            self._begin(part, partition)
        file = part.files[-1]
        self._write(part.open, file.size, frame)
        file.size += len(frame)
        self.size += len(frame)
        file.lean = file.lean and not rows_of(entry).context

    def head(self, partition: int) -> Sequence[InputEntry]:
        """Return the oldest entries of a partition: all that are left of its oldest file."""
        part = self._parts[partition]
        while not part.head and part.files:
            if len(part.files) == 1:
                self._end(part)
            part.head.extend(self._read(part.files[0]))
            if not part.head:
                self._remove(part, part.files[0])
        return part.head

    def done(self, partition: int, entries: int) -> None:
        """Forget so many of `head`."""
        part = self._parts[partition]
        for _ in range(entries):
            part.head.popleft()
        if not part.head:
            self._remove(part, part.files[0])

    def close(self) -> None:
        """Force all to the disk and let others have it."""
        for part in self._parts:
            self._end(part)
        os.close(self._place)
        os.close(self._lock)

    def _find(self) -> None:
        for unfinished in self._folder.glob(f"*{UNFINISHED}"):
            unfinished.unlink()
        for path in sorted(self._folder.glob(f"*{SUFFIX}"), key=lambda path: _numbers(path)[1]):
            partition, number = _numbers(path)
            if 0 <= partition < len(self._parts):
                self._parts[partition].files.append(_File(path, path.stat().st_size))
                self.size += self._parts[partition].files[-1].size
                self._number = max(self._number, number)

    def _ends(self) -> list[InputEntry]:
        """Return the newest entry of each partition that has one."""
        walks = (next(self.newest_first(partition), None) for partition in range(len(self._parts)))
        return [entry for entry in walks if entry is not None]

    def _read(self, file: _File) -> list[InputEntry]:
        try:
            return file.entries()
        except OSError as error:
            log.warning("spill_unreadable", file=file.path.name, reason=str(error), bytes=file.size)
            return []

    def _begin(self, part: _Part, partition: int) -> None:
        self._end(part)
        self._number += 1
        path = self._folder / f"{partition}-{self._number:08d}{SUFFIX}"
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            self._write(opened, 0, MAGIC)
        except OSError:
            os.close(opened)
            path.unlink()
            raise
        part.open = opened
        part.files.append(_File(path, len(MAGIC), lean=True))
        self.size += len(MAGIC)

    def _end(self, part: _Part) -> None:
        if part.open >= 0:
            opened, part.open = part.open, -1
            try:
                os.fsync(opened)
                os.fsync(self._place)
            except OSError as error:
                log.warning("spill_not_forced", file=part.files[-1].path.name, reason=str(error))
            os.close(opened)

    @staticmethod
    def _write(opened: int, at: int, data: bytes) -> None:
        written = 0
        try:
            written = os.pwrite(opened, data, at)
        finally:
            if written < len(data):
                os.ftruncate(opened, at)
        if written < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _make_room(self, more: int) -> None:
        while self.size + more > self._most:
            idle = [(part, file) for part in self._parts for file in part.files if _is_idle(part, file)]
            if not idle:
                raise OSError(errno.ENOSPC, "the spill is full")
            idle.sort(key=lambda each: each[1].number)
            fat = next((file for _, file in idle if not file.lean), None)
            if fat is not None:
                self._strip(fat)
            else:
                self._give_up(*idle[0])

    def _strip(self, file: _File) -> None:
        """Write a file anew without its context."""
        lighter = [without_context(entry) for entry in self._read(file)]
        data = MAGIC + b"".join(pack(entry) for entry, _ in lighter)
        beside = file.path.with_suffix(UNFINISHED)
        beside.write_bytes(data)
        beside.replace(file.path)
        self.size += len(data) - file.size
        file.size, file.lean = len(data), True
        self.lost = self.lost.plus(Rows(context=sum(rows for _, rows in lighter)))

    def _give_up(self, part: _Part, file: _File) -> None:
        for entry in self._read(file):
            self.lost = self.lost.plus(rows_of(entry))
        self._remove(part, file)

    def _remove(self, part: _Part, file: _File) -> None:
        part.files.remove(file)
        self.size -= file.size
        try:
            file.path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("spill_not_removed", file=file.path.name, reason=str(error))


def open_spill(settings: FeedsSettings) -> Spill | None:
    """Return the spill of these settings, None without a folder for it. Raises SettingsError when that is of no use.

    A replay has none: what it leaves is of another time than what a live start would write behind it.
    """
    root = settings.spill_dir or (settings.data_dir / "spill" if settings.data_dir else None)
    if root is None or settings.clock != "system":
        return None
    folder = root / f"feeds-{settings.instance}-of-{settings.partitions}"
    try:
        return Spill(folder, partitions=settings.partitions, most_bytes=settings.spill_bytes)
    except BlockingIOError:
        raise SettingsError(f"spill_dir: {folder} is in use by another process") from None
    except OSError as error:
        raise SettingsError(f"spill_dir: {folder} cannot be used: {error.strerror}") from None


def _is_idle(part: _Part, file: _File) -> bool:
    """Tell whether a file is neither being written nor being read."""
    return not (part.open >= 0 and file is part.files[-1]) and not (part.head and file is part.files[0])


def _numbers(path: Path) -> tuple[int, int]:
    """Return partition and number of a file's name, (-1, 0) when it is none of ours."""
    partition, _, number = path.stem.partition("-")
    return (int(partition), int(number)) if partition.isdecimal() and number.isdecimal() else (-1, 0)
