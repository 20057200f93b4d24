"""The recorder: what is written, where, and what becomes of what cannot be."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from tests.unit.feeds.feed_parts import ROUTE

from foreshock_feeds import tape as subject
from foreshock_feeds.domain.recording import ContractsData, CutData, Kind, Recorded
from foreshock_feeds.reader import Heard, Socket
from foreshock_feeds.recorder import QUEUE_FRAMES, Recorder
from foreshock_feeds.segments import SegmentOptions
from foreshock_lab.recording_file import read_source, sources
from foreshock_runtime.clock import FrameClock
from foreshock_sdk.connector import Heartbeat, Purpose, RestRequest, Route
from foreshock_sdk.instruments import InstrumentSpec

NS = 10**9
SPEC = InstrumentSpec(venue="toy", raw_symbol="BTC", base="BTC", quote="USDT")
CONTRACTS = ContractsData("toy", (SPEC,))


def options(folder: Path, **changes: float) -> SegmentOptions:
    given = {"segment_bytes": 2**20, "segment_seconds": 3600.0, "keep_bytes": 0, **changes}
    return msgspec.convert({"folder": folder, **given}, SegmentOptions)


def read(folder: Path) -> list[Recorded]:
    return [record for source in sources([folder]) for record in read_source(source)]


def kinds(records: list[Recorded]) -> list[str]:
    return [record.kind.value for record in records]


class Held:
    """Keeps a recorder's thread from taking anything."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._go = threading.Event()
        run = Recorder._run

        def waiting(recorder: Recorder) -> None:
            self._go.wait()
            run(recorder)

        monkeypatch.setattr(Recorder, "_run", waiting)

    def release(self) -> None:
        self._go.set()


def test_everything_is_in_the_file_in_order_and_the_file_has_its_name_when_it_is_whole(tmp_path: Path) -> None:
    counted: list[tuple[int, int]] = []
    clock = FrameClock(NS)
    recorder = Recorder(options(tmp_path / "new"), "feeds:0", clock, lambda *told: counted.append(told))
    recorder.contracts(CONTRACTS)
    recorder.contracts(CONTRACTS)
    recorder.opened("toy/main", 1, ROUTE)
    recorder.frames("toy/main", 1, [b"a", "b", b"\xff"], [2 * NS, 3 * NS, 4 * NS])
    recorder.cut(5 * NS, CutData())
    recorder.rest("toy/main", RestRequest(name="history", url="https://u:secret@host/h"), b"[]", since_ms=1)
    recorder.close()
    found = read(tmp_path / "new")
    assert kinds(found) == ["segment", "contracts", "opened", "frame", "frame", "frame", "cut", "rest"]
    assert [(each.frame, each.ts_recv) for each in found[3:6]] == [(b"a", 2 * NS), (b"b", 3 * NS), (b"\xff", 4 * NS)]
    assert b"secret" not in found[-1].data
    assert [each.name for each in (tmp_path / "new").iterdir()] == [
        "foreshock-feeds-0-19700101T000001.000Z-000001.jsonl.zst"
    ]
    assert (recorder.written, recorder.dropped, sum(written for written, _ in counted)) == (3, 0, 3)


def test_what_identifies_an_account_is_left_out(tmp_path: Path) -> None:
    recorder = Recorder(options(tmp_path), "feeds:0", FrameClock(NS))
    recorder.options = {"toy": {"api_key": "hush", "addresses": ["0x1"]}}
    recorder.contracts(CONTRACTS)
    private = msgspec.structs.replace(ROUTE, purpose=Purpose.PRIVATE, subscribe=("login hush",), url="wss://u:hush@h/")
    recorder.opened("toy/main", 1, private)
    recorder.close()
    found = read(tmp_path)
    assert b"hush" not in b"".join(each.data for each in found)
    assert msgspec.json.decode(found[1].data, type=ContractsData).options == {"addresses": ["0x1"]}


def test_a_segment_goes_on_in_the_next_which_stands_alone(tmp_path: Path) -> None:
    clock = FrameClock(NS)
    recorder = Recorder(options(tmp_path, segment_seconds=10), "feeds:0", clock)
    recorder.contracts(CONTRACTS)
    recorder.opened("toy/main", 1, ROUTE)
    recorder.opened("toy/main", 2, ROUTE)
    recorder._put(Recorded(b"", NS, Kind.CLOSED, "toy/main", 1))
    settle(recorder, 1)
    clock.advance(12 * NS)
    settle(recorder, 2)
    recorder.close()
    files = sources([tmp_path])[0].files
    assert len(files) == 2
    assert kinds(read(files[1])) == ["segment", "contracts", "opened", "frame"]
    assert read(files[1])[2].connection == 2
    assert kinds(read(tmp_path)).count("frame") == 2


def settle(recorder: Recorder, written: int) -> None:
    """Record a frame and wait until it is written."""
    recorder.frames("toy/main", 2, [b"x"], [NS])
    while recorder.written < written:
        threading.Event().wait(0.01)


def test_the_oldest_files_go_when_there_are_too_many(tmp_path: Path) -> None:
    clock = FrameClock(NS)
    (tmp_path / "foreshock-notes.txt").write_text("not ours")
    killed = tmp_path / "foreshock-feeds-0-19700101T000000.000Z-000001.jsonl.zst.part"
    killed.write_bytes(b"torn")
    recorder = Recorder(options(tmp_path, segment_bytes=1, keep_bytes=1), "feeds:0", clock)
    for number in range(1, 5):
        clock.advance(number * NS)
        settle(recorder, number)
    recorder.close()
    assert len(sources([tmp_path])[0].files) == 1
    assert (tmp_path / "foreshock-notes.txt").exists()
    assert not killed.exists()


def test_what_there_is_no_room_for_is_counted_and_told_of_in_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    counted: list[tuple[int, int]] = []
    recorder = Recorder(options(tmp_path), "feeds:0", FrameClock(NS), lambda *told: counted.append(told))
    full = [b"x"] * QUEUE_FRAMES
    recorder.frames("toy/main", 1, full, [NS] * QUEUE_FRAMES)
    recorder.frames("toy/main", 1, [b"y"] * 3, [NS] * 3)
    held.release()
    recorder.close()
    found = read(tmp_path)
    assert [each.data for each in found if each.kind is Kind.DROPPED] == [b'{"frames":3}']
    assert (recorder.written, recorder.dropped) == (QUEUE_FRAMES, 3)
    assert (sum(told[0] for told in counted), sum(told[1] for told in counted)) == (QUEUE_FRAMES, 3)


def test_other_records_have_a_bound_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held(monkeypatch)
    recorder = Recorder(options(tmp_path), "feeds:0", FrameClock(NS))
    for number in range(QUEUE_FRAMES + 2):
        recorder.cut(number, CutData())
    recorder.contracts(CONTRACTS)
    held.release()
    recorder.close()
    found = kinds(read(tmp_path))
    assert (found.count("cut"), found.count("contracts"), recorder.dropped) == (QUEUE_FRAMES, 1, 2)


def test_a_disk_that_takes_nothing_stops_nobody_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "RETRY_NS", 0)
    place = tmp_path / "place"
    place.write_text("a file where the folder should be")
    recorder = Recorder(options(place), "feeds:0", FrameClock(NS))
    recorder.contracts(CONTRACTS)
    recorder.frames("toy/main", 1, [b"lost"], [NS])
    while recorder.dropped < 1:
        threading.Event().wait(0.01)
    place.unlink()
    settle(recorder, 1)
    recorder.close()
    found = read(place)
    assert kinds(found) == ["segment", "dropped", "contracts", "frame"]
    assert (found[-1].frame, recorder.written, recorder.dropped) == (b"x", 1, 1)


def test_a_recording_cut_off_anywhere_is_readable_up_to_there(tmp_path: Path) -> None:
    recorder = Recorder(options(tmp_path / "whole"), "feeds:0", FrameClock(NS))
    recorder.contracts(CONTRACTS)
    frames = [f"frame {number} {number**9:x}".encode() for number in range(2_000)]
    for start in range(0, len(frames), 100):
        recorder.frames("toy/main", 1, frames[start : start + 100], [NS] * 100)
    recorder.close()
    (whole,) = (tmp_path / "whole").iterdir()
    data = whole.read_bytes()
    torn = tmp_path / f"{whole.name}.part"
    for length in range(0, len(data), 997):
        torn.write_bytes(data[:length])
        found = [each.frame for each in read(torn) if each.kind is Kind.FRAME]
        assert found == frames[: len(found)]
    assert [each.frame for each in read(whole) if each.kind is Kind.FRAME] == frames


class FakeSocket:
    async def send(self, frame: str | bytes) -> None: ...

    def abort(self) -> None: ...

    async def closed(self) -> str:
        return "closed"


async def test_connections_are_numbered_and_the_frames_go_on_after_they_were_noted(tmp_path: Path) -> None:
    recorder = Recorder(options(tmp_path), "feeds:0", FrameClock(NS))
    heard: list[bytes | str] = []

    @asynccontextmanager
    async def opened(url: str, heartbeat: Heartbeat, hear: Heard) -> AsyncIterator[Socket]:
        hear([b"early"], [NS])
        yield FakeSocket()
        hear([b"late"], [2 * NS])

    def opening(url: str, heartbeat: Heartbeat, heard: Heard) -> AbstractAsyncContextManager[Socket]:
        return opened(url, heartbeat, heard)

    around = recorder.around("toy/main", ROUTE, opening)
    for _ in range(2):
        async with around(ROUTE.url, ROUTE.heartbeat, lambda frames, _: heard.extend(frames)) as socket:
            assert await socket.closed() == "closed"
    recorder.close()
    found = read(tmp_path)[1:]
    assert heard == [b"early", b"late"] * 2
    assert [(each.kind.value, each.connection) for each in found] == [
        (kind, number) for number in (1, 2) for kind in ("opened", "frame", "closed", "frame")
    ]
    assert msgspec.json.decode(found[0].data, type=Route) == ROUTE
