"""Every query of docs/archive.md runs, and says what the history holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.unit.archive.archive_parts import ALL, HITS, feed, history
from tests.unit.signals.metrics_made import SECOND

from foreshock_archive.domain.intake import Intake
from foreshock_archive.domain.position import Position
from foreshock_archive.domain.schemas import SCHEMAS, SIGNALS
from foreshock_archive.folder import ParquetFolder
from foreshock_model.signal import SignalMetrics

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/archive.md").read_text(encoding="utf-8")
QUERIES = dict(re.findall(r"^### ([^\n]+)$.*?^```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
SEEN = [hit for hit in HITS if hit.at <= 12 * SECOND]
TOTAL = sum(hit.usd for hit in SEEN)


@pytest.fixture
async def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with an archive of the history."""
    folder = ParquetFolder(tmp_path / "archive")
    intake = Intake(ALL, await folder.begin(), {})
    feed(intake, list(history()))
    await folder.write(intake.drain(), Position(), Position(roll=1))
    await folder.close()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ask(heading: str) -> list[dict[str, Any]]:
    """Run the query under a heading."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows: list[dict[str, Any]] = connection.sql(QUERIES[heading]).to_arrow_table().to_pylist()
        return rows


@pytest.mark.parametrize("table", SCHEMAS)
def test_every_column_is_documented(table: str) -> None:
    (line,) = re.findall(rf"^\| `{table}` \|.*$", PAGE, re.MULTILINE)
    told = [*re.findall(r"`(\w+)`", line), "partition", "entry_id"]
    named = [name for name in SCHEMAS[table].names if table != "signals" or name in signal_names()]
    assert {name for name in named if name not in told and not name.startswith(("score_", "quality_"))} == set()


def signal_names() -> set[str]:
    """What a signal itself has; the figures behind it are documented where it is."""
    return {*SIGNALS.names} - {*SignalMetrics.__struct_fields__} - {"config_revision"}


def test_there_are_enough_of_them() -> None:
    assert len(QUERIES) >= 8


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("heading", sorted(QUERIES.keys() - {"One file a day"}))
def test_a_query_answers(heading: str) -> None:
    assert ask(heading)


@pytest.mark.usefixtures("here")
def test_the_largest() -> None:
    found = [row["notional_usd"] for row in ask("The largest liquidations")]
    assert found == sorted(found, reverse=True)
    assert found[0] == max(hit.usd for number, hit in enumerate(sorted(SEEN)) if number % 4 != 2)


@pytest.mark.usefixtures("here")
def test_usd_a_minute() -> None:
    rows = ask("USD a minute by venue and side")
    assert sum(row["usd"] for row in rows) == pytest.approx(TOTAL)
    assert {row["venue"] for row in rows} == {"binance", "bybit", "okx"}


@pytest.mark.usefixtures("here")
def test_replays_apart() -> None:
    rows = ask("Without what was replayed")
    replayed = len(range(0, len(SEEN), 9))
    assert sum(row["replayed"] for row in rows) == replayed
    assert sum(row["live"] for row in rows) == len(SEEN) - replayed


@pytest.mark.usefixtures("here")
def test_a_day_by_symbol() -> None:
    (row,) = ask("A day by symbol")
    assert (row["symbol"], row["liquidations"], row["long_share"]) == ("BTCUSDT", len(SEEN), 1.0)


@pytest.mark.usefixtures("here")
def test_cascades() -> None:
    (row,) = ask("Cascades")
    assert (row["symbol"], row["side"], row["over"]) == ("BTCUSDT", "LONG", False)
    assert row["worst"] in {"CRITICAL", "EXTREME"}


@pytest.mark.usefixtures("here")
def test_coverage_falls_with_its_venue() -> None:
    (row,) = ask("Coverage over time")
    assert (row["least"], row["impaired"]) == (0.35, "okx")


@pytest.mark.usefixtures("here")
def test_signals_with_their_metrics() -> None:
    signals = ask("Latency of signals")
    rows = ask("Signals with the metrics they rest on")
    assert len(rows) == sum(row["signals"] for row in signals)
    assert all(row["usd_10s"] > 0 and row["mark"] == 60_000.0 for row in rows)


@pytest.mark.usefixtures("here")
def test_what_throttled_venues_hide() -> None:
    (row,) = ask("What throttled venues hide")
    assert (row["symbol"], row["side"]) == ("BTCUSDT", "LONG")
    assert row["gain"] == pytest.approx(1.5)
    assert row["told_usd"] == pytest.approx(TOTAL)


def test_files_of_an_earlier_version_are_read_with_later_ones(here: Path) -> None:
    (file,) = (here / "archive/metrics").glob("*/*.parquet")
    later = ask("What throttled venues hide")
    earlier = pq.read_table(file, partitioning=None).drop_columns(
        ["largest", "estimated_usd", "censored", "jerk_error"]
    )
    hour_ago = pc.subtract(earlier["as_of"], pa.scalar(3_600 * SECOND, pa.duration("ns")))
    earlier = earlier.set_column(earlier.schema.get_field_index("as_of"), "as_of", hour_ago)
    pq.write_table(earlier, file.with_name(f"0{file.name}"))
    assert ask("What throttled venues hide") == later


@pytest.mark.usefixtures("here")
def test_how_late_venues_tell() -> None:
    assert {row["p50_ms"] for row in ask("How late venues tell")} == {50.0}


def test_one_file_a_day(here: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(QUERIES["One file a day"])
    assert pq.read_table(here / "events.parquet").num_rows == len(SEEN)
