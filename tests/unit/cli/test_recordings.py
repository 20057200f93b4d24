"""Recordings on the command line: what is read of them, and what asks for one."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from foreshock_cli.__main__ import main
from foreshock_cli.commands import demo, record, up
from foreshock_cli.exits import CommandError, Exit
from foreshock_cli.parser import parse
from foreshock_feeds.domain.recording import CutData, Kind, Recorded, encode
from foreshock_feeds.settings import EndpointSettings

ORDER = {
    "s": "BTCUSDT",
    "S": "SELL",
    "q": "0.014",
    "p": "9910",
    "ap": "9910",
    "X": "FILLED",
    "l": "0.014",
    "z": "0.014",
}
FRAME = {"stream": "!forceOrder@arr", "data": {"e": "forceOrder", "E": 1_770_000_000_000}}


def test_a_recording_of_many_venues_is_normalized_for_the_one_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    order = {**ORDER, "o": "LIMIT", "f": "IOC", "T": 1_770_000_000_000}
    frame = json.dumps({**FRAME, "data": {**FRAME["data"], "o": order}}).encode()  # type: ignore[dict-item]
    path = tmp_path / "segment"
    path.write_bytes(
        encode(
            [
                Recorded(b"", 1, Kind.SEGMENT, data=b'{"source":"feeds:0","segment":1}'),
                Recorded(b"not for us", 2, Kind.FRAME, "okx/public-0", 1),
                Recorded(frame, 3, Kind.FRAME, "binance/market-0", 2),
                Recorded(b"", 4, Kind.CUT, data=msgspec.json.encode(CutData())),
            ]
        )
    )
    assert main(["normalize", "binance", str(path)]) == Exit.OK
    (row,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (row["symbol"], row["quantity"]) == ("BTCUSDT", 0.014)


def test_a_house_records_where_it_is_told_to(tmp_path: Path) -> None:
    _, args = parse(["demo", "--record", str(tmp_path)])
    assert demo.recording(args) == {"feeds": {"record_dir": str(tmp_path)}}
    _, args = parse(["up", "--record", str(tmp_path)])
    assert up.house(args, {"XDG_STATE_HOME": str(tmp_path)}).extra == {"feeds": {"record_dir": str(tmp_path)}}
    _, args = parse(["up"])
    assert up.house(args, {"XDG_STATE_HOME": str(tmp_path)}).extra == {}


def test_options_of_a_recording_go_before_the_environment(tmp_path: Path) -> None:
    env = {
        "FORESHOCK_VENUES": "okx",
        "FORESHOCK_RECORD_SEGMENT_BYTES": "7",
        "FORESHOCK_RECORD_KEEP_BYTES": "8",
        "FORESHOCK_ENDPOINTS": '{"okx": {"websocket": "ws://o", "rest": "http://o"}}',
    }
    _, args = parse(["record", "--out", str(tmp_path), "--segment-bytes", "9", "--symbols", "BTCUSDT,ETHUSDT"])
    settings = record.settings_of(args, env)
    assert (settings.venues, settings.record_dir, settings.tracked_symbols) == (
        ("okx",),
        tmp_path,
        ("BTCUSDT", "ETHUSDT"),
    )
    assert (settings.record_segment_bytes, settings.record_keep_bytes) == (9, 8)
    assert settings.endpoints == {"okx": EndpointSettings("ws://o", "http://o")}
    _, args = parse(["record", "--venues", "bybit", "--endpoint", "bybit=ws://b/,http://b/"])
    settings = record.settings_of(args, env)
    assert (settings.venues, settings.endpoints) == (("bybit",), {"bybit": EndpointSettings("ws://b", "http://b")})
    _, args = parse(["record", "--endpoint", "bybit=ws://b,http://b"])
    assert record.settings_of(args, {}).venues == ("bybit",), "those that were given an address, where none is named"


def test_a_setting_that_is_none_is_named() -> None:
    _, args = parse(["record"])
    with pytest.raises(CommandError, match="FORESHOCK_NONSENSE"):
        record.settings_of(args, {"FORESHOCK_NONSENSE": "1"})
