"""Lines from files, pipes and gzips."""

from __future__ import annotations

import gzip
import os
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_cli import line_source
from foreshock_cli.exits import CommandError, Exit
from foreshock_lab.domain import recording


class Chunked(BytesIO):
    """A stream that hands over a few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self._size = size

    def read1(self, size: int | None = -1, /) -> bytes:
        return super().read1(self._size)


@given(st.lists(st.binary().map(lambda each: each.replace(b"\n", b""))), st.integers(1, 50), st.booleans())
def test_lines_do_not_depend_on_how_they_come(lines: list[bytes], size: int, ended: bool) -> None:
    data = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    whole = [line for batch in line_source.batches(BytesIO(data)) for line in batch]
    pieces = [line for batch in line_source.batches(Chunked(data, size)) for line in batch]
    if not data.startswith(recording.BYTE_ORDER_MARK[:1]):
        assert pieces == whole == data.removesuffix(b"\n").split(b"\n") * bool(data)


def test_a_byte_order_mark_is_not_part_of_the_first_line() -> None:
    assert list(line_source.batches(BytesIO(b"\xef\xbb\xbf{}\n"))) == [[b"{}"]]


def test_a_pipes_lines_come_before_it_ends() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"one\ntwo\nthr")
    with os.fdopen(reader, "rb") as stream:
        batches = line_source.batches(stream)
        assert next(batches) == [b"one", b"two"]
        os.write(writer, b"ee\n")
        os.close(writer)
        assert list(batches) == [[b"three"]]


@pytest.mark.parametrize("name", ["frames.jsonl.gz", "frames"])
def test_gzip_is_recognised_by_its_bytes(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"a\nb\n"))
    with line_source.opened(str(path)) as stream:
        assert [line for batch in line_source.batches(stream) for line in batch] == [b"a", b"b"]


def test_a_damaged_gzip_gives_what_it_holds_and_then_says_so(tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(b"a\n" * 5)[:-9] + b"\n")
    with line_source.opened(str(path)) as stream, pytest.raises(CommandError, match="damaged"):
        for _ in line_source.batches(stream):
            pass


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(CommandError, match=r"cannot read .*absent") as raised,
        line_source.opened(str(tmp_path / "absent")),
    ):
        pass
    assert raised.value.code is Exit.UNREACHABLE


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        line_source.whole(str(tmp_path))
