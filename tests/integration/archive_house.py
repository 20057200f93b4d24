"""Streams with a history in them, and archives of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from tests.unit.archive.archive_parts import ALL, Told, feed, history

from foreshock_archive.archiver import Archiver, Rolling
from foreshock_archive.domain.intake import Intake
from foreshock_archive.domain.position import Position
from foreshock_archive.domain.schemas import SCHEMAS
from foreshock_archive.reading import NAMES
from foreshock_archive.sink import Sink
from foreshock_runtime.streams.ids import id_key

HISTORY = list(history())
OWN_TIME = "ts_read"
"""The one column that depends on when the archive read."""


async def write(redis: Redis, entries: Iterable[Told], partition: int = 0) -> None:
    """Write entries under their own ids."""
    for each in entries:
        flat = [part for pair in each.fields.items() for part in pair]
        await redis.execute_command("XADD", NAMES[each.source](partition), each.entry_id, *flat)


def archiver(redis: Redis, sink: Sink, *, rows: int = 250_000, seconds: float = 300.0, **options: Any) -> Archiver:
    """An archiver of all tables."""
    settings: dict[str, Any] = {"group": "archive", "partitions": 1} | options
    return Archiver(redis, sink, Rolling(ALL, seconds, rows), **settings)


def expected(entries: Sequence[Told] = HISTORY) -> dict[str, list[dict[str, Any]]]:
    """Rows by table of an archive that has all these entries."""
    intake = Intake(ALL, Position(), {})
    feed(intake, entries)
    return {name: ordered(table.to_pylist()) for name, table in intake.drain().items()}


def ordered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without our own time, in an order of their own."""
    plain = [{name: value for name, value in row.items() if name not in {OWN_TIME, "date"}} for row in rows]
    return sorted(plain, key=lambda row: (id_key(row["entry_id"]), *(str(value) for value in row.values())))


def archived(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Rows by table of a folder."""
    import pyarrow.dataset as ds

    files = {table: sorted((folder / table).glob("*/*.parquet")) for table in SCHEMAS}
    return {table: ordered(ds.dataset(found).to_table().to_pylist()) for table, found in files.items() if found}


async def pending(redis: Redis, group: str = "archive") -> int:
    """Entries of all streams that are read and not acknowledged."""
    found = [await redis.xpending(NAMES[source](0), group) for source in NAMES]
    return sum(each["pending"] for each in found)
