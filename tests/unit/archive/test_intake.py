"""What is kept of each entry, and what is left out."""

from __future__ import annotations

import msgspec
import pytest
from tests.unit.archive.archive_parts import ALL, HITS, Told, batch_of, entry_of, feed, history, tick
from tests.unit.signals.metrics_made import NOW, SECOND

from foreshock_archive.domain.columns import Origin
from foreshock_archive.domain.days import by_day
from foreshock_archive.domain.intake import Intake, Source, chosen
from foreshock_archive.domain.position import Position, decode, encode
from foreshock_archive.domain.schemas import SCHEMAS
from foreshock_archive.domain.seen import Seen
from foreshock_model.entries import InputEntry, OutputEntry
from foreshock_model.errors import CodecError


def input_of(entry: InputEntry, entry_id: str = "1-0") -> Told:
    return Told(Source.EVENTS, entry_id, entry.to_fields())


def numbers(intake: Intake) -> dict[str, int]:
    return {name: table.num_rows for name, table in intake.drain().items()}


def test_everything_is_kept_once() -> None:
    intake = Intake(ALL, Position(), {})
    feed(intake, list(history()))
    waiting = intake.rows
    found = numbers(intake)
    assert found["events"] == len([hit for hit in HITS if hit.at <= 12 * SECOND])
    assert found.keys() == SCHEMAS.keys()
    assert sum(found.values()) == waiting
    assert (intake.rows, intake.missing, intake.repeated) == (0, 0, 0)


def test_an_entry_written_twice_counts_once_also_after_a_restart() -> None:
    entries = [input_of(entry_of(batch_of(HITS[:3], 0, SECOND), 1, SECOND))]
    intake = Intake(ALL, Position(), {})
    feed(intake, entries * 2)
    assert numbers(intake) == {"events": 3, "context": 6}
    assert intake.repeated == 1
    later = Intake(ALL, intake.position(1, {}), {})
    feed(later, entries)
    assert (later.rows, later.repeated) == (0, 1)


def test_the_doubles_of_a_second_writer_are_left_out_also_after_a_restart() -> None:
    entries = [
        input_of(entry_of(batch_of(HITS[:3], 0, SECOND), 1, SECOND, writer), f"{at}-0")
        for at, writer in enumerate(("feeds:0", "feeds:1"), 1)
    ]
    intake = Intake(("events",), Position(), {})
    feed(intake, entries)
    table = intake.drain()["events"]
    assert table.num_rows == 3
    assert intake.repeated == 3
    seen = Seen()
    seen.remember(table["event_id"].to_pylist())
    later = Intake(("events",), Position(), {"events": seen})
    feed(later, entries)
    assert (later.rows, later.repeated) == (0, 6)


def test_entries_that_never_came_are_counted() -> None:
    intake = Intake(ALL, Position(), {})
    feed(intake, [input_of(tick(1, 0)), input_of(tick(5, SECOND))])
    assert intake.missing == 3
    assert Intake(ALL, intake.position(1, {}), {}).missing == 0


def test_only_the_tables_named_are_kept() -> None:
    intake = Intake(("context", "signals"), Position(), {})
    feed(intake, list(history()))
    assert numbers(intake).keys() == {"context", "signals"}


def test_entries_without_rows_leave_none() -> None:
    intake = Intake(ALL, Position(), {})
    told = [
        input_of(InputEntry("config", "control", 1, 1, NOW, b"{}")),
        Told(Source.METRICS, "1-0", OutputEntry("empty", NOW).to_fields()),
        input_of(InputEntry("tick", "feeds:0", 1, 1, NOW)),
    ]
    feed(intake, told)
    assert intake.drain() == {}


@pytest.mark.parametrize(
    "bad",
    [
        Told(Source.EVENTS, "1-0", {b"kind": b"batch"}),
        input_of(InputEntry("batch", "feeds:0", 1, 1, NOW, b"\xff")),
        Told(Source.METRICS, "1-0", OutputEntry("metrics", NOW, b"\xff").to_fields()),
        Told(Source.SIGNALS, "1-0", {b"symbol": b"BTCUSDT"}),
    ],
)
def test_an_entry_that_cannot_be_read_leaves_nothing(bad: Told) -> None:
    intake = Intake(ALL, Position(), {})
    with pytest.raises(CodecError):
        intake.take(bad.source, Origin(0, bad.entry_id), bad.fields, NOW)
    assert intake.rows == 0


def test_tables_are_chosen_by_name() -> None:
    assert chosen(()) == ALL
    assert chosen(["signals", "events"]) == ("events", "signals")
    with pytest.raises(ValueError, match="no table 'trades'"):
        chosen(["trades"])


def test_rows_go_to_the_day_of_their_time_in_order() -> None:
    day = 86_400 * SECOND
    intake = Intake(ALL, Position(), {})
    hits = [HITS[0]._replace(at=at) for at in (day, 0, 3 * day, -day, 5)]
    feed(intake, [input_of(entry_of(batch_of(hits, 0, 0), 1, 0))])
    table = intake.drain()["events"]
    parts = dict(by_day("events", table))
    assert {date: part.num_rows for date, part in parts.items()} == {
        "2023-11-13": 1,
        "2023-11-14": 2,
        "2023-11-15": 1,
        "2023-11-17": 1,
    }
    for date, part in parts.items():
        found = part["ts_event"].to_pylist()
        assert found == sorted(found)
        assert {str(each.date()) for each in found} == {date}


def test_a_position_is_read_back_and_a_later_one_refused() -> None:
    position = Position(roll=3, cursors={"events:{p0}": "5-0"}, sequencers={"0": {"missing": 1}})
    assert decode(encode(position)) == position
    with pytest.raises(ValueError, match="later than"):
        decode(encode(msgspec.structs.replace(position, schema=99)))
    with pytest.raises(ValueError):
        decode(b"[]")
