"""Parquet files by table and day, and the file that says how far they go.

DIR/events/date=2026-11-20/0000000042_1795132800000-0_1795133100000-7.parquet
    rows of step 42, which took in entries of these ids (over all partitions: the least and the largest)
DIR/_archive/position.json
    the last step that counts. It is written after the files: those of a later step are what a crash left behind, and
    go at the next start, before their entries are read again.
DIR/_archive/lock
    held by the one process that writes here
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from foreshock_archive import durable
from foreshock_archive.domain import position as positions
from foreshock_archive.domain.days import by_day
from foreshock_archive.domain.position import Position
from foreshock_archive.domain.schemas import IDENTITY, SCHEMAS
from foreshock_archive.sink import SinkError
from foreshock_runtime.streams.ids import id_key

ROW_GROUP = 65_536
STATE = "_archive"
ENDING = ".parquet"
SPELLED_OUT = frozenset({"event_id", "signal_id", "json", "explanation"})
"""Text that does not repeat: a dictionary would hold each once more."""


class ParquetFolder:
    """A folder that one process writes to."""

    name = "parquet"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    async def begin(self) -> Position:
        """Lock the folder, delete what a crash left, and return the position. Raises SinkError, OSError."""
        return await asyncio.to_thread(self._begin)

    async def recent(self, table: str, most: int) -> Sequence[str]:
        """Return the newest identities of a table, oldest first. Raises OSError."""
        return await asyncio.to_thread(self._recent, table, most)

    async def write(self, tables: Mapping[str, pa.Table], before: Position, after: Position) -> int:
        """Write a step's files and then the position. Returns the number of files. Raises SinkError, OSError."""
        if self._lock is None or before.roll != after.roll - 1:
            msg = f"{self.path} is not held, or another step came between"
            raise SinkError(msg)
        return await asyncio.to_thread(self._write, tables, after)

    async def close(self) -> None:
        """Unlock the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _begin(self) -> Position:
        state = self.path / STATE
        durable.make_folder(state, self.path.parent)
        self._take_lock(state / "lock")
        position = self._position()
        for file in self._files():
            if _roll_of(file) > position.roll:
                file.unlink()
        for draft in self.path.glob(f"**/.*{durable.DRAFT}"):
            draft.unlink()
        return position

    def _take_lock(self, path: Path) -> None:
        if self._lock is not None:
            return
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            msg = f"another process writes to {self.path}"
            raise SinkError(msg) from error
        self._lock = descriptor

    def _position(self) -> Position:
        file = self.path / STATE / "position.json"
        with suppress(FileNotFoundError):
            try:
                return positions.decode(file.read_bytes())
            except ValueError as error:
                msg = f"{file} cannot be read: {error}"
                raise SinkError(msg) from error
        # A first step that was cut short needs to know that there was none before it.
        if next(self._files(), None) is not None:
            msg = f"{self.path} holds tables, and {file.relative_to(self.path)} does not say how far they go"
            raise SinkError(msg)
        position = Position()
        self._put(position)
        return position

    def _put(self, position: Position) -> None:
        file = self.path / STATE / "position.json"
        durable.write_file(file, lambda draft: draft.write_bytes(positions.encode(position)))
        durable.sync_folder(file.parent)

    def _files(self) -> Iterator[Path]:
        for table in SCHEMAS:
            yield from (self.path / table).glob(f"date=*/*{ENDING}")

    def _write(self, tables: Mapping[str, pa.Table], after: Position) -> int:
        written: list[Path] = []
        for table, rows in tables.items():
            for day, part in by_day(table, rows):
                folder = self.path / table / f"date={day}"
                durable.make_folder(folder, self.path)
                file = folder / _name(after.roll, part)
                durable.write_file(file, partial(_save, part))
                written.append(file)
        for folder in {file.parent for file in written}:
            durable.sync_folder(folder)
        self._put(after)
        return len(written)

    def _recent(self, table: str, most: int) -> Sequence[str]:
        found: list[str] = []
        files = sorted((self.path / table).glob(f"date=*/*{ENDING}"), key=lambda file: file.name, reverse=True)
        for file in files:
            if len(found) >= most:
                break
            column = IDENTITY[table]
            found = [*pq.read_table(file, columns=[column], partitioning=None)[column].to_pylist(), *found]
        return found[-most:]


def _name(roll: int, rows: pa.Table) -> str:
    ids = sorted(pc.unique(rows["entry_id"]).to_pylist(), key=id_key)
    return f"{roll:010d}_{ids[0]}_{ids[-1]}{ENDING}"


def _roll_of(file: Path) -> int:
    number = file.name.partition("_")[0]
    return int(number) if number.isdecimal() else 0


def _save(rows: pa.Table, path: Path) -> None:
    names = [field.name for field in rows.schema if pa.types.is_string(field.type) and field.name not in SPELLED_OUT]
    pq.write_table(rows, path, row_group_size=ROW_GROUP, compression="zstd", use_dictionary=names)
