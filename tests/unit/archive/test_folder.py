"""Parquet files: whole, once, and readable by everybody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from tests.unit.archive.archive_parts import ALL, HITS, feed, history, stored
from tests.unit.signals.metrics_made import NOW

from foreshock_archive import durable
from foreshock_archive.domain.intake import Intake
from foreshock_archive.domain.position import Position
from foreshock_archive.domain.schemas import IDENTITY, SCHEMAS
from foreshock_archive.domain.seen import Seen
from foreshock_archive.folder import ParquetFolder
from foreshock_archive.sink import SinkError

HISTORY = list(history())
STEPS = (HISTORY[:30], HISTORY[30:60], HISTORY[60:])


async def archive(folder: ParquetFolder, steps: range = range(3)) -> None:
    """Do what an archiver does: go on from the folder's position, one step a part of the history."""
    position = await folder.begin()
    seen = {table: Seen() for table in IDENTITY}
    for table, each in seen.items():
        each.remember(await folder.recent(table, 1_000))
    intake = Intake(ALL, position, seen)
    for step in steps[position.roll :]:
        feed(intake, STEPS[step])
        after = intake.position(step + 1, {"told": STEPS[step][-1].entry_id})
        await folder.write(intake.drain(), position, after)
        position = after


@pytest.fixture
async def unbroken(tmp_path: Path) -> Path:
    """The folder of a run that nothing disturbed."""
    folder = ParquetFolder(tmp_path / "unbroken")
    await archive(folder)
    await folder.close()
    return folder.path


def files(folder: Path) -> list[str]:
    """Names of all files but those of the archive itself, drafts included."""
    return sorted(file.name for file in folder.rglob("*.parquet*"))


async def test_each_step_is_a_file_a_table_and_day(unbroken: Path) -> None:
    (day,) = (unbroken / "events").iterdir()
    assert day.name == "date=2023-11-14"
    assert [file.name for file in sorted(day.iterdir())] == [
        "0000000001_1700000001500-0_1700000004500-0.parquet",
        "0000000002_1700000005000-0_1700000008500-0.parquet",
        "0000000003_1700000009000-0_1700000011500-0.parquet",
    ]


async def test_every_reader_reads_every_table(unbroken: Path) -> None:
    for table, schema in SCHEMAS.items():
        pattern = f"{unbroken}/{table}/*/*.parquet"
        duck = duckdb.read_parquet(pattern, hive_partitioning=True)
        polar = pl.read_parquet(pattern, hive_partitioning=True)
        panda = pd.read_parquet(unbroken / table)
        names = {*schema.names, "date"}
        assert set(duck.columns) == set(polar.columns) == set(panda.columns) == names
        count = duck.count("*").fetchall()[0][0]
        assert count == len(polar) == len(panda) > 0


async def test_every_reader_reads_the_same_values(unbroken: Path) -> None:
    total = sum(hit.usd for hit in HITS if hit.at <= 12 * 10**9)
    pattern = f"{unbroken}/events/*/*.parquet"
    query = "sum(notional_usd), epoch_ns(max(ts_recv))"
    duck = duckdb.read_parquet(pattern).aggregate(query).fetchall()[0]
    polar, panda = pl.read_parquet(pattern), pd.read_parquet(unbroken / "events")
    newest = NOW + max(hit.at for hit in HITS if hit.at <= 12 * 10**9)
    assert duck[0] == pytest.approx(total)
    assert polar["notional_usd"].sum() == pytest.approx(total)
    assert panda["notional_usd"].sum() == pytest.approx(total)
    assert duck[1] == newest
    assert polar["ts_recv"].dt.timestamp("ns").max() == newest
    assert panda["ts_recv"].max().value == newest
    assert str(panda["ts_recv"].dtype) == "datetime64[ns, UTC]"


async def test_files_are_compressed_and_repeated_names_cost_little(unbroken: Path) -> None:
    file = next((unbroken / "events").glob("*/*.parquet"))
    group = pq.ParquetFile(file).metadata.row_group(0)
    columns = {group.column(at).path_in_schema: group.column(at) for at in range(group.num_columns)}
    assert {column.compression for column in columns.values()} == {"ZSTD"}
    assert "RLE_DICTIONARY" in columns["symbol"].encodings
    assert "RLE_DICTIONARY" not in columns["event_id"].encodings


class CutError(OSError):
    """A crash, as far as files go."""


def cutting(monkeypatch: pytest.MonkeyPatch, calls: int, *, before: bool) -> None:
    """Let the call of that number to write a file be the last: it is not done, or done and not told of."""
    done = durable.write_file
    left = [calls]

    def write(path: Path, content: Callable[[Path], object]) -> None:
        left[0] -= 1
        if left[0] < 0 or (left[0] == 0 and before):
            raise CutError
        done(path, content)
        if left[0] == 0:
            raise CutError

    monkeypatch.setattr(durable, "write_file", write)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("calls", range(1, 18))
async def test_a_crash_anywhere_loses_nothing_and_doubles_nothing(
    tmp_path: Path, unbroken: Path, calls: int, *, before: bool
) -> None:
    path = tmp_path / "cut"
    with pytest.MonkeyPatch.context() as patch:
        cutting(patch, calls, before=before)
        first = ParquetFolder(path)
        with pytest.raises(CutError):
            await archive(first)
        await first.close()
    (path / "events").mkdir(exist_ok=True)
    (path / "events" / ".half.parquet.draft").write_bytes(b"PAR1")
    second = ParquetFolder(path)
    await archive(second)
    await second.close()
    assert {table: stored(path, table) for table in ALL} == {table: stored(unbroken, table) for table in ALL}
    assert files(path) == files(unbroken)


async def test_a_folder_has_one_writer(tmp_path: Path) -> None:
    first, second = ParquetFolder(tmp_path / "a"), ParquetFolder(tmp_path / "a")
    await first.begin()
    await first.begin()
    with pytest.raises(SinkError, match="another process writes"):
        await second.begin()
    with pytest.raises(SinkError, match="not held"):
        await second.write({}, Position(), Position(roll=1))
    await first.close()
    await first.close()
    assert await second.begin() == Position()
    with pytest.raises(SinkError, match="another step"):
        await second.write({}, Position(roll=4), Position(roll=6))
    await second.close()


@pytest.mark.parametrize(("content", "message"), [(None, "does not say how far"), (b"{", "cannot be read")])
async def test_a_folder_that_does_not_say_how_far_it_goes_is_left_alone(
    unbroken: Path, content: bytes | None, message: str
) -> None:
    place = unbroken / "_archive" / "position.json"
    if content is None:
        place.unlink()
    else:
        place.write_bytes(content)
    before = files(unbroken)
    folder = ParquetFolder(unbroken)
    with pytest.raises(SinkError, match=message):
        await folder.begin()
    await folder.close()
    assert files(unbroken) == before


async def test_the_newest_rows_are_remembered(unbroken: Path) -> None:
    folder = ParquetFolder(unbroken)
    everything = await folder.recent("events", 10_000)
    assert len(everything) == len(stored(unbroken, "events"))
    assert list(await folder.recent("events", 5)) == list(everything)[-5:]
    assert await ParquetFolder(unbroken / "nowhere").recent("events", 5) == []


async def test_a_file_of_somebody_else_stays(tmp_path: Path) -> None:
    folder = ParquetFolder(tmp_path / "a")
    await folder.begin()
    other = tmp_path / "a" / "events" / "date=2020-01-01" / "mine.parquet"
    other.parent.mkdir(parents=True)
    other.touch()
    await folder.begin()
    assert other.exists()
    await folder.close()


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        await ParquetFolder(tmp_path / "file" / "below").begin()
