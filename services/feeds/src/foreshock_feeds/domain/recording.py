"""A recording, line by line: how a record becomes a line of JSON and comes back. Pure.

Every line is an object with `ts_recv` (ns UTC) and `kind`; what else it holds depends on the kind:

| kind | route, connection | frame | data |
|---|---|---|---|
| `segment` | | | which file this is; the first line of each |
| `contracts` | | | a venue's contracts, and the symbols that are read |
| `opened` | yes | | the route: what was asked for |
| `frame` | yes | as the socket returned it | |
| `closed` | yes | | |
| `rest` | the route | the body | the request that was made to fill a gap |
| `cut` | | | how the entries were made that end here; ts_recv is their time |
| `dropped` | | | frames the recorder had no room for |

A frame that is text is a JSON string, any other is in `frame_base64`. A line that is none of this is a frame itself.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from foreshock_sdk.connector import RestRequest
from foreshock_sdk.instruments import InstrumentSpec

FORMAT = 1
SUFFIX = ".jsonl.zst"
UNFINISHED = ".part"
"""Follows the name of a segment that is still written, or whose writer died."""
PREFIX = "foreshock-"
NS = 1_000_000_000


class Kind(StrEnum):
    """What a line tells."""

    SEGMENT = "segment"
    CONTRACTS = "contracts"
    OPENED = "opened"
    FRAME = "frame"
    CLOSED = "closed"
    REST = "rest"
    CUT = "cut"
    DROPPED = "dropped"


class Recorded(NamedTuple):
    """One line of a recording; a blank line is a frame of no bytes.

    ts_recv [ns UTC] where the recorder noted it; route is venue/name, connection counts the source's sockets from 1;
    data the JSON of kinds other than frames. joined: the frame was decoded together with the one before it.
    """

    frame: bytes
    ts_recv: int | None = None
    kind: Kind = Kind.FRAME
    route: str = ""
    connection: int = 0
    data: bytes = b""
    joined: bool = False

    @property
    def venue(self) -> str:
        """Whose it is, empty where the line does not say."""
        return self.route.partition("/")[0]


class SegmentData(msgspec.Struct, frozen=True):
    """data of `segment`: the writer, its own number for the file, and the format."""

    source: str
    segment: int
    format: int = FORMAT


class ContractsData(msgspec.Struct, frozen=True):
    """data of `contracts`: every contract known, in the order of the table, and the symbols read (all when empty).

    versions: which version of its values a contract has, by raw symbol, where the venue told them. options: what the
    operator chose for the venue's connector.
    """

    venue: str
    specs: tuple[InstrumentSpec, ...]
    symbols: tuple[str, ...] = ()
    versions: dict[str, int] = {}
    options: dict[str, Any] = {}


NO_TICK = msgspec.Raw(b"null")


class CutData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """data of `cut`: how the entries were made.

    tick     what ticks said, null where there were none
    wanted   a tick was due in every partition, for what it says had changed
    away     Redis did not answer: ticks were seldom
    last     nothing came after this
    context  False: of context only the newest was kept, for later
    """

    tick: msgspec.Raw = NO_TICK
    wanted: bool = False
    away: bool = False
    last: bool = False
    context: bool = True


class DroppedData(msgspec.Struct, frozen=True):
    """data of `dropped`."""

    frames: int


class RestData(msgspec.Struct, frozen=True):
    """data of `rest`: the request, without credentials, and the time from which its rows count, ms UTC."""

    request: RestRequest
    since_ms: int


class _Line(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    ts_recv: int
    kind: Kind = Kind.FRAME
    route: str = ""
    connection: int = 0
    frame: msgspec.Raw = msgspec.Raw()
    frame_base64: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    joined: bool = False


class _Written(msgspec.Struct, omit_defaults=True):
    """`_Line` as it is written: the frame is text already."""

    ts_recv: int
    kind: str
    route: str = ""
    connection: int = 0
    frame: str | None = None
    frame_base64: bytes | None = None
    data: msgspec.Raw | None = None
    joined: bool = False


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(_Line)
_TEXT = msgspec.json.Decoder(str)


def encode(records: list[Recorded]) -> bytes:
    """Return records as lines, each with its end."""
    return _ENCODER.encode_lines([_written(each) for each in records])


def encode_frames(route: str, connection: int, frames: Sequence[bytes | str], received: Sequence[int]) -> bytes:
    """Return the frames of one read as lines; received: receive times, ns UTC."""
    lines = [_Written(at, Kind.FRAME.value, route, connection, joined=True) for at in received]
    for line, frame in zip(lines, frames, strict=True):
        _set_frame(line, frame)
    if lines:
        lines[0].joined = False
    return _ENCODER.encode_lines(lines)


def _written(record: Recorded) -> _Written:
    line = _Written(record.ts_recv or 0, record.kind.value, record.route, record.connection, joined=record.joined)
    if record.data:
        line.data = msgspec.Raw(record.data)
    if record.kind in {Kind.FRAME, Kind.REST}:
        _set_frame(line, record.frame)
    return line


def _set_frame(line: _Written, frame: bytes | str) -> None:
    if isinstance(frame, str):
        line.frame = frame
        return
    try:
        line.frame = frame.decode()
    except UnicodeDecodeError:
        line.frame_base64 = frame


def parse(line: bytes) -> Recorded:
    """Return what a line holds: as this module writes it, {"ts_recv": ns, "frame": ...}, or a frame itself."""
    line = line.strip()
    if b'"ts_recv"' not in line:
        return Recorded(line)
    try:
        told = _DECODER.decode(line)
        frame = _frame(told)
    except (msgspec.DecodeError, UnicodeEncodeError, binascii.Error):
        return Recorded(line)
    if frame is None:
        return Recorded(line)
    return Recorded(frame, told.ts_recv, told.kind, told.route, told.connection, bytes(told.data), told.joined)


def _frame(line: _Line) -> bytes | None:
    """Return the frame of a line, empty for kinds that have none; None when a frame should be there and is not."""
    if line.frame_base64 is not None:
        return b64decode(line.frame_base64, validate=True)
    frame = bytes(line.frame)
    if not frame:
        return None if line.kind is Kind.FRAME else b""
    text = _TEXT.decode(frame).encode() if frame.startswith(b'"') else frame
    # Of old recordings blanks around a frame mean nothing; a recorder's own lines give the bytes as they were.
    return text if line.route else text.strip()


def segment_name(source: str, started: int, number: int) -> str:
    """Return a finished segment's file name, sortable by source and time. started: ns UTC."""
    writer = "".join(each if each.isalnum() else "-" for each in source)
    moment = datetime.fromtimestamp(started // NS, UTC).strftime("%Y%m%dT%H%M%S")
    return f"{PREFIX}{writer}-{moment}.{started % NS // 1_000_000:03d}Z-{number:06d}{SUFFIX}"
