"""Lines of a recording: everything comes back as it was, and what is no record stays a frame."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_feeds.domain.recording import (
    ContractsData,
    CutData,
    Kind,
    Recorded,
    RestData,
    SegmentData,
    encode,
    parse,
    segment_name,
)
from foreshock_sdk.connector import RestRequest
from foreshock_sdk.instruments import InstrumentSpec

FRAME = b'{"e":"forceOrder"}'
NS = 10**9


@pytest.mark.parametrize(
    ("line", "recorded"),
    [
        (FRAME, Recorded(FRAME)),
        (b"  " + FRAME + b"\r", Recorded(FRAME)),
        (b"  ", Recorded(b"")),
        (b'{"ts_recv": 5, "frame": ' + FRAME + b"}", Recorded(FRAME, 5)),
        (json.dumps({"ts_recv": 5, "frame": FRAME.decode()}).encode(), Recorded(FRAME, 5)),
        (b'{"ts_recv": 5, "frame": "pong"}', Recorded(b"pong", 5)),
        (
            b'{"ts_recv":5,"kind":"frame","route":"a/b","connection":2,"frame":" x"}',
            Recorded(b" x", 5, Kind.FRAME, "a/b", 2),
        ),
        (b'{"ts_recv":5,"route":"a/b","frame_base64":"H4sI/w=="}', Recorded(b"\x1f\x8b\x08\xff", 5, route="a/b")),
        (b'{"ts_recv":5,"kind":"cut"}', Recorded(b"", 5, Kind.CUT)),
        # A venue's own message that happens to have such fields is a frame.
        (b'{"ts_recv":5,"frame":{},"e":1}', Recorded(b'{"ts_recv":5,"frame":{},"e":1}')),
        (b'{"ts_recv":"x","frame":{}}', Recorded(b'{"ts_recv":"x","frame":{}}')),
        (b'{"ts_recv":5,"frame":"\\ud800"}', Recorded(b'{"ts_recv":5,"frame":"\\ud800"}')),
        (b'{"ts_recv":5}', Recorded(b'{"ts_recv":5}')),
        (b'{"ts_recv":5,"frame_base64":"?"}', Recorded(b'{"ts_recv":5,"frame_base64":"?"}')),
        (b"\xff\xfe", Recorded(b"\xff\xfe")),
    ],
)
def test_a_line_is_a_record_or_a_frame_itself(line: bytes, recorded: Recorded) -> None:
    assert parse(line) == recorded


@given(st.text(), st.integers(0, 2**62))
def test_any_text_comes_out_as_others_recorded_it_but_for_blanks_around(text: str, at: int) -> None:
    line = json.dumps({"ts_recv": at, "frame": text}).encode()
    assert parse(line) == Recorded(text.encode().strip(), at)


@given(st.lists(st.tuples(st.one_of(st.binary(), st.text().map(str.encode)), st.integers(0, 2**62)), max_size=20))
def test_any_bytes_come_out_as_they_were_recorded_a_line_each(frames: list[tuple[bytes, int]]) -> None:
    records = [Recorded(frame, at, Kind.FRAME, "htx/0", number) for number, (frame, at) in enumerate(frames)]
    written = encode(records)
    assert written.count(b"\n") == len(records)
    assert [parse(line) for line in written.splitlines(keepends=False)] == records


@pytest.mark.parametrize(
    "data",
    [
        SegmentData("feeds:0", 3),
        ContractsData("x", (InstrumentSpec(venue="x", raw_symbol="B", base="B", quote="USD"),), ("BUSDT",), {"B": 2}),
        RestData(RestRequest(name="n", url="u", body=b"\xff"), 5),
    ],
)
def test_what_a_record_tells_beside_frames_comes_back(data: msgspec.Struct) -> None:
    record = Recorded(b"", 7, Kind.CONTRACTS, "x/", 0, msgspec.json.encode(data))
    assert parse(encode([record])) == record
    assert msgspec.json.decode(record.data, type=type(data)) == data


@pytest.mark.parametrize("tick", [b"null", b'{"routes":{}}'])
def test_a_cut_says_what_its_ticks_said(tick: bytes) -> None:
    record = Recorded(b"", 7, Kind.CUT, data=msgspec.json.encode(CutData(tick=msgspec.Raw(tick), wanted=True)))
    told = msgspec.json.decode(parse(encode([record])).data, type=CutData)
    assert (bytes(told.tick), told.wanted, told.context) == (tick, True, True)


def test_a_venue_is_told_by_its_route() -> None:
    assert [parse(encode([Recorded(b"", 1, route=name)])).venue for name in ("okx/0", "")] == ["okx", ""]


def test_names_of_segments_sort_by_time_and_number() -> None:
    names = [segment_name("feeds:a/b", at, number) for at, number in ((NS, 1), (NS + 10**6, 2), (90 * NS, 3))]
    assert names[0] == "foreshock-feeds-a-b-19700101T000001.000Z-000001.jsonl.zst"
    assert names == sorted(names)
