"""Recordings: one reading of a line for everybody, files whole or damaged, and when each frame is due."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_lab.domain.recording import Recorded, parse
from foreshock_lab.errors import LabError
from foreshock_lab.recording_file import read_frames
from foreshock_lab.replay import LONGEST_PAUSE_S, due

FRAME = b'{"e":"forceOrder"}'


@pytest.mark.parametrize(
    ("line", "recorded"),
    [
        (FRAME, Recorded(FRAME)),
        (b"  " + FRAME + b"\r", Recorded(FRAME)),
        (b"  ", Recorded(b"")),
        (b'{"ts_recv": 5, "frame": ' + FRAME + b"}", Recorded(FRAME, 5)),
        (json.dumps({"ts_recv": 5, "frame": FRAME.decode()}).encode(), Recorded(FRAME, 5)),
        (b'{"ts_recv": 5, "frame": "pong"}', Recorded(b"pong", 5)),
        # A venue's own message that happens to have such fields is a frame.
        (b'{"ts_recv":5,"frame":{},"e":1}', Recorded(b'{"ts_recv":5,"frame":{},"e":1}')),
        (b'{"ts_recv":"x","frame":{}}', Recorded(b'{"ts_recv":"x","frame":{}}')),
        (b'{"ts_recv":5,"frame":"\\ud800"}', Recorded(b'{"ts_recv":5,"frame":"\\ud800"}')),
        (b"\xff\xfe", Recorded(b"\xff\xfe")),
    ],
)
def test_a_line_is_a_frame_or_one_as_recorders_wrap_it(line: bytes, recorded: Recorded) -> None:
    assert parse(line) == recorded


@given(st.text(), st.integers(0, 2**62))
def test_any_text_comes_out_as_it_was_recorded(text: str, at: int) -> None:
    line = json.dumps({"ts_recv": at, "frame": text}).encode()
    assert parse(line) == Recorded(text.encode().strip(), at)


def test_a_file_is_read_plain_or_zipped_without_its_mark_and_blank_lines(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + FRAME + b"\n\n \r\n" + FRAME
    for name, content in (("plain", data), ("zipped", gzip.compress(data))):
        (tmp_path / name).write_bytes(content)
        assert list(read_frames(tmp_path / name)) == [Recorded(FRAME)] * 2


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


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(LabError, match="cannot be read"):
            list(read_frames(path))


def test_frames_are_due_from_the_start_so_that_lateness_does_not_add_up() -> None:
    offsets = [0.0, 1.0, 1.0, 3.0]
    assert due(offsets, 2.0) == [0.0, 0.5, 0.5, 1.5]
    assert due(offsets, None) == [0.0] * 4
    long = LONGEST_PAUSE_S
    assert due([0.0, 10 * long, 10 * long + 1], 1.0) == [0.0, long, long + 1]
    assert due([0.0], 1.0) == [0.0]
