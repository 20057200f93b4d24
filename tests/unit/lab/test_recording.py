"""Recordings: files whole or damaged, one order out of many, and when each frame is due."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from foreshock_feeds.domain.recording import Kind, Recorded, encode
from foreshock_lab.domain.recording import merged
from foreshock_lab.errors import LabError
from foreshock_lab.pace import LONGEST_PAUSE_S, Pace
from foreshock_lab.recording_file import is_recording, read_frames, read_records, read_source, sources
from foreshock_lab.replay import due

FRAME = b'{"e":"forceOrder"}'
HEAD = Recorded(b"", 1, Kind.SEGMENT, data=b'{"source":"feeds:0","segment":1}')
NS = 10**9


def frame(at: int, text: bytes = FRAME) -> Recorded:
    return Recorded(text, at, Kind.FRAME, "toy/main", 1)


def segment(folder: Path, name: str, *records: Recorded) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"foreshock-{name}.jsonl.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(encode([HEAD, *records])))
    return path


def test_a_file_is_read_plain_or_packed_without_its_mark_and_blank_lines(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + FRAME + b"\n\n \r\n" + FRAME
    packed = zstandard.ZstdCompressor().compress(data)
    twice = zstandard.ZstdCompressor().compress(data + b"\n") + zstandard.ZstdCompressor().compress(FRAME)
    told = (("plain", data, 2), ("gzip", gzip.compress(data), 2), ("zstd", packed, 2), ("joined", twice, 3))
    for name, content, number in told:
        (tmp_path / name).write_bytes(content)
        assert list(read_frames(tmp_path / name)) == [Recorded(FRAME)] * number
        assert not is_recording(tmp_path / name)


def damaged(data: bytes) -> list[bytes]:
    """Return gzips that end early, lack their check, or are broken in the middle."""
    packed = gzip.compress(data)
    middle = len(packed) // 2
    return [packed[:-9], packed[:-8] + b"none" + packed[-4:], packed[:middle] + b"\xff" * 40 + packed[middle + 40 :]]


@pytest.mark.parametrize("kind", range(3))
def test_a_damaged_gzip_is_a_sentence_that_names_the_file(kind: int, tmp_path: Path) -> None:
    path = tmp_path / "frames.gz"
    lines = b"".join(b'{"at":%d,"x":"%x"}\n' % (at, at**9) for at in range(500))
    path.write_bytes(damaged(lines)[kind])
    with pytest.raises(LabError, match=r"frames\.gz: the gzip file is damaged"):
        list(read_frames(path))


def test_a_damaged_zstd_is_too(tmp_path: Path) -> None:
    path = segment(tmp_path, "a-1-1", *(frame(at, b"%x" % at**9) for at in range(2_000)))
    packed = path.read_bytes()
    for middle in (200, 2_000):
        path.write_bytes(packed[:middle] + b"\xff" * 40 + packed[middle + 40 :])
        with pytest.raises(LabError, match=r"a-1-1\.jsonl\.zst.* damaged"):
            list(read_records(path))


def test_only_the_last_line_of_a_recorders_file_may_be_torn(tmp_path: Path) -> None:
    path = tmp_path / "foreshock-a-1-1.jsonl.zst.part"
    path.write_bytes(encode([HEAD, frame(1)]) + encode([frame(2)])[:30])
    assert list(read_frames(path)) == [frame(1)]
    path.write_bytes(encode([HEAD]) + b'{"ts_recv":1,\n' + encode([frame(2)]))
    with pytest.raises(LabError, match="damaged in the middle"):
        list(read_frames(path))


@pytest.mark.parametrize(
    ("head", "told"),
    [(b'{"source":"a","segment":1,"format":2}', "has format 2"), (b'{"source":1}', "does not begin as a segment")],
)
def test_a_file_of_another_version_is_named(head: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "later"
    path.write_bytes(encode([HEAD._replace(data=head)]))
    with pytest.raises(LabError, match=told):
        list(read_records(path))


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(LabError, match="cannot be read"):
            list(read_frames(path))
    with pytest.raises(LabError, match="holds no recording"):
        sources([tmp_path])


def test_a_folders_segments_are_in_the_order_of_their_names_by_writer(tmp_path: Path) -> None:
    for name, at in (("feeds-1-T2-000001", 5), ("feeds-0-T2-000002", 3), ("feeds-0-T1-000001", 1)):
        segment(tmp_path, name, frame(at))
    (tmp_path / "foreshock-feeds-0-T3-000003.jsonl.zst.part").write_bytes(encode([HEAD, frame(4)]))
    (tmp_path / "notes").write_text("x")
    found = sources([tmp_path, tmp_path / "foreshock-feeds-0-T1-000001.jsonl.zst"])
    assert [source.name for source in found] == ["feeds-0", "feeds-1"]
    assert [each.ts_recv for each in read_source(found[0]) if each.kind is Kind.FRAME] == [1, 3, 4]
    assert is_recording(tmp_path)
    assert is_recording(found[0].files[0])


@given(st.lists(st.lists(st.integers(0, 50), max_size=8), max_size=4))
def test_records_of_many_writers_come_by_time_and_each_writers_in_its_order(times: list[list[int]]) -> None:
    told = [[frame(at, b"%d" % number) for number, at in enumerate(mine)] for mine in times]
    found = list(merged(told))
    assert [placed.at for placed in found] == sorted(placed.at for placed in found)
    for source, mine in enumerate(told):
        assert [placed.record for placed in found if placed.source == source] == mine


def test_frames_are_due_from_the_start_so_that_lateness_does_not_add_up() -> None:
    offsets = [0.0, 1.0, 1.0, 3.0]
    assert due(offsets, 2.0) == [0.0, 0.5, 0.5, 1.5]
    assert due(offsets, None) == [0.0] * 4
    long = LONGEST_PAUSE_S
    assert due([0.0, 10 * long, 10 * long + 1], 1.0) == [0.0, long, long + 1]
    assert due([0.0], 1.0) == [0.0]


async def test_a_pace_waits_for_recorded_time_and_for_no_longer_than_the_longest_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(round(seconds, 1))

    monkeypatch.setattr("foreshock_lab.pace.asyncio.sleep", sleep)
    monkeypatch.setattr("foreshock_lab.pace.monotonic_ns", lambda: 0)
    pace = Pace(2.0)
    for at in (0, 100 * NS, 104 * NS, 102 * NS, 104 * NS, 1_000 * NS):
        await pace.until(at)
    assert slept[:2] == [2.0, 2.0]
    assert slept[-1] == (4 + LONGEST_PAUSE_S) / 2
    assert pace.elapsed_s == 4 + LONGEST_PAUSE_S
    fast = Pace(None)
    await fast.until(NS)
    await fast.until(9 * NS)
    assert fast.elapsed_s == 8.0
