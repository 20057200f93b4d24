"""Entries on the disk: whole, in order, bounded, and there again after a crash."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.feeds.test_assemble import ingest, rows

from foreshock_feeds.domain.assemble import Assembler
from foreshock_feeds.domain.framing import MAGIC, pack, unpack
from foreshock_feeds.domain.shedding import Rows, rows_of, without_context
from foreshock_feeds.settings import FeedsSettings
from foreshock_feeds.spill import Spill, open_spill
from foreshock_model.batch import decode, encode
from foreshock_model.entries import INPUT_KINDS, InputEntry
from foreshock_runtime.settings import SettingsError

ROOM = 1 << 20


def batch(seq: int, *, liquidations: int = 1, context: int = 0, epoch: int = 1) -> InputEntry:
    """An entry with so many rows; context of one field is one row."""
    assembler, source = Assembler(1), ingest("okx", 1)
    assembler.add(source, rows(source, *[0] * liquidations, context=context))
    ((_, found),) = assembler.cut(1)
    return InputEntry("batch", "feeds:0", epoch, seq, 1_000 * seq, encode(found))


def entry(seq: int, size: int = 100, epoch: int = 1) -> InputEntry:
    return InputEntry("tick", "feeds:0", epoch, seq, 1_000 * seq, bytes(size))


@pytest.fixture
def spill(tmp_path: Path) -> Iterator[Spill]:
    found = Spill(tmp_path, partitions=2, most_bytes=ROOM)
    yield found
    found.close()


def seqs(spill: Spill, partition: int = 0) -> list[int]:
    """Take all there is."""
    found = []
    while head := list(spill.head(partition)):
        found += [each.seq for each in head]
        spill.done(partition, len(head))
    return found


entries = st.lists(
    st.builds(
        InputEntry,
        st.sampled_from(sorted(INPUT_KINDS)),
        st.text(max_size=5),
        st.integers(0, 2**40),
        st.integers(1, 2**63),
        st.integers(0, 2**62),
        st.binary(max_size=50),
    ),
    max_size=8,
)


@given(entries, st.data())
def test_a_file_that_ends_anywhere_gives_all_whole_entries_before(found: list[InputEntry], data: st.DataObject) -> None:
    frames = [pack(each) for each in found]
    whole = MAGIC + b"".join(frames)
    assert unpack(whole) == (found, 0)
    cut = data.draw(st.integers(0, len(whole)))
    read, torn = unpack(whole[:cut])
    ends = [len(MAGIC) + sum(map(len, frames[: number + 1])) for number in range(len(frames))]
    assert read == [each for each, end in zip(found, ends, strict=True) if end <= cut]
    assert torn == (cut - max([len(MAGIC), *(end for end in ends if end <= cut)]) if cut >= len(MAGIC) else cut)


@given(entries, st.data())
def test_a_damaged_file_never_gives_what_was_not_written(found: list[InputEntry], data: st.DataObject) -> None:
    whole = bytearray(MAGIC + b"".join(pack(each) for each in found))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    read, _ = unpack(bytes(whole))
    assert read == found[: len(read)]


def test_a_frame_of_another_program_ends_the_file() -> None:
    foreign = pack(InputEntry("novel", "feeds:0", 1, 1, 1, b""))
    assert unpack(MAGIC + pack(entry(1)) + foreign) == ([entry(1)], len(foreign))
    payload = b"\x93\x01\x02\x03"
    head = len(payload).to_bytes(4, "little") + crc32(payload).to_bytes(4, "little")
    assert unpack(MAGIC + head + payload) == ([], len(head + payload))


def test_what_an_entry_holds_and_what_it_is_without_context() -> None:
    both, alone = batch(1, liquidations=3, context=1), batch(2, liquidations=0, context=1)
    assert rows_of(both).plus(rows_of(entry(3))) == Rows(1, 3)
    lighter, dropped = without_context(both)
    assert (lighter.seq, dropped, rows_of(lighter)) == (1, 1, Rows(0, 3))
    assert [each.price for each in decode(lighter.data).events()] == [10.0, 11.0, 12.0]
    assert without_context(alone) == (InputEntry("tick", "feeds:0", 1, 2, 2_000, b""), 1)
    assert without_context(lighter) == (lighter, 0)
    assert without_context(entry(4)) == (entry(4), 0)


def test_entries_come_back_in_order_and_leave_nothing(spill: Spill, tmp_path: Path) -> None:
    for seq in range(1, 2_000):
        spill.put(seq % 2, entry(seq))
    assert len(list(tmp_path.glob("*.spill"))) > 2
    assert seqs(spill) == list(range(2, 2_000, 2))
    assert seqs(spill, 1) == list(range(1, 2_000, 2))
    assert list(tmp_path.glob("*.spill")) == []
    assert spill.size == 0


def test_it_can_be_read_while_it_grows(spill: Spill) -> None:
    spill.put(0, entry(1))
    assert [each.seq for each in spill.head(0)] == [1]
    spill.put(0, entry(2))
    spill.put(0, entry(3))
    assert [each.seq for each in spill.head(0)] == [1]
    spill.done(0, 1)
    assert seqs(spill) == [2, 3]
    assert list(spill.head(0)) == []


def test_a_crash_loses_nothing_that_was_put_and_an_unfinished_frame_is_passed_over(tmp_path: Path) -> None:
    first = Spill(tmp_path, partitions=1, most_bytes=ROOM)
    for seq in range(1, 4):
        first.put(0, entry(seq, epoch=7))
    with next(tmp_path.glob("*.spill")).open("ab") as file:
        file.write(pack(entry(4))[:-3])
    (tmp_path / "0-00000009.new").write_bytes(b"half")
    os.close(first._lock)  # what the end of a process does

    again = Spill(tmp_path, partitions=1, most_bytes=ROOM)
    assert (again.epoch, again.last_clock) == (7, 3_000)
    assert [each.seq for each in again.newest_first(0)] == [3, 2, 1]
    again.put(0, entry(1, epoch=8))
    assert [(each.epoch, each.seq) for each in again.head(0)] == [(7, 1), (7, 2), (7, 3)]
    again.done(0, 2)
    again.close()

    third = Spill(tmp_path, partitions=1, most_bytes=ROOM)
    assert seqs(third) == [1, 2, 3, 1], "a file leaves as a whole: some come twice, which readers know"
    assert list(tmp_path.glob("*.new")) == []
    third.close()


def test_one_that_cannot_be_read_is_passed_over(spill: Spill, tmp_path: Path) -> None:
    for seq in range(1, 1_500):
        spill.put(0, entry(seq))
    oldest = min(tmp_path.glob("*.spill"))
    kept = 1_499 - len(unpack(oldest.read_bytes())[0])
    oldest.unlink()
    oldest.mkdir()
    assert len(seqs(spill)) == kept


def test_a_file_without_an_entry_is_removed(tmp_path: Path) -> None:
    (tmp_path / "0-00000001.spill").write_bytes(MAGIC)
    (tmp_path / "0-00000002.spill").write_bytes(b"other")
    (tmp_path / "notes.spill").write_bytes(b"of a person")
    found = Spill(tmp_path, partitions=1, most_bytes=ROOM)
    assert (found.epoch, found.last_clock) == (0, 0)
    assert list(found.head(0)) == []
    assert [each.name for each in tmp_path.glob("*.spill")] == ["notes.spill"]
    found.close()


def test_a_disk_that_cannot_be_forced_is_said_and_worked_with(
    spill: Spill, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    spill.put(0, entry(1))
    monkeypatch.setattr(os, "fsync", refuse)
    with caplog.at_level(logging.WARNING, "foreshock"):
        assert seqs(spill) == [1]
    assert [record.message for record in caplog.records] == ["spill_not_forced"]


def test_one_process_at_a_time(tmp_path: Path) -> None:
    mine = Spill(tmp_path, partitions=1, most_bytes=ROOM)
    with pytest.raises(BlockingIOError):
        Spill(tmp_path, partitions=1, most_bytes=ROOM)
    mine.close()
    Spill(tmp_path, partitions=1, most_bytes=ROOM).close()


def test_with_all_room_taken_the_oldest_context_goes_then_the_oldest_entries(tmp_path: Path) -> None:
    spill = Spill(tmp_path, partitions=1, most_bytes=100_000)
    seq = 0
    while not spill.lost.context:
        seq += 1
        spill.put(0, batch(seq, liquidations=5, context=1))
    assert spill.lost.liquidations == 0
    for more in range(500):
        spill.put(0, batch(seq + 1 + more, liquidations=5, context=1))
        assert spill.size <= 100_000
    assert spill.lost.liquidations > 0
    lost, left = spill.lost, seqs(spill)
    assert len(left) == seq + 500 - lost.liquidations // 5
    assert left == list(range(seq + 501 - len(left), seq + 501))
    spill.close()


def test_room_that_cannot_be_made_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    spill = Spill(tmp_path, partitions=1, most_bytes=1_000)
    spill.put(0, entry(1))
    with pytest.raises(OSError, match="full"):
        spill.put(0, entry(2, size=2_000))
    assert spill.lost == Rows()
    assert seqs(spill) == [1]
    spill.close()


def test_a_write_that_the_disk_cuts_short_leaves_no_half_frame(
    spill: Spill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk takes part of what it is given."""
    spill.put(0, entry(1))
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda opened, data, at: real(opened, data[: len(data) // 2], at))
    for partition in (0, 1):
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            spill.put(partition, entry(2))
    monkeypatch.undo()
    spill.put(0, entry(3))
    spill.put(1, entry(1))
    assert seqs(spill) == [1, 3]
    assert seqs(spill, 1) == [1]


def settings(**given: object) -> FeedsSettings:
    return FeedsSettings(partitions=2, instance="b", **given)  # type: ignore[arg-type]


def test_where_it_is(tmp_path: Path) -> None:
    assert open_spill(settings()) is None
    assert open_spill(settings(spill_dir=tmp_path, clock="frames")) is None
    for given_settings, folder in (
        (settings(data_dir=tmp_path), tmp_path / "spill" / "feeds-b-of-2"),
        (settings(data_dir=tmp_path, spill_dir=tmp_path / "own"), tmp_path / "own" / "feeds-b-of-2"),
    ):
        found = open_spill(given_settings)
        assert found is not None
        assert folder.stat().st_mode & 0o777 == 0o700
        with pytest.raises(SettingsError, match="in use"):
            open_spill(given_settings)
        found.close()


def test_a_place_of_no_use_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"spill_dir: .*/file/feeds-b-of-2 cannot be used: Not a directory"):
        open_spill(settings(spill_dir=tmp_path / "file"))
