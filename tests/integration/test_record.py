"""`foreshock record` beside real simulated venues, to its end and killed; frames of all kinds through a real socket."""

from __future__ import annotations

import asyncio
import gzip
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.integration.feeds_house import Market, market
from tests.integration.feeds_toy import readers, server
from websockets.asyncio.server import ServerConnection

from foreshock_cli.__main__ import main
from foreshock_cli.exits import Exit
from foreshock_feeds.domain.recording import Kind, Recorded
from foreshock_feeds.flow import Flow
from foreshock_feeds.reader import OpenSocket
from foreshock_feeds.recorder import Recorder
from foreshock_feeds.segments import SegmentOptions
from foreshock_lab.polling import within
from foreshock_lab.recording_file import read_source, sources
from foreshock_runtime.clock import SystemClock
from foreshock_sdk.connector import Canary, Heartbeat, Route

pytestmark = pytest.mark.timeout(60)
PATIENCE = 20.0


@asynccontextmanager
async def recording(place: Market, out: Path, *more: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the command against simulated venues."""
    endpoints = [f"--endpoint={venue}={each.websocket},{each.rest}" for venue, each in place.endpoints.items()]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "foreshock_cli", "record", "--out", str(out), "--json", *endpoints, *more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def records(folder: Path) -> list[Recorded]:
    return [record for source in sources([folder]) for record in read_source(source)]


def frames_in(folder: Path) -> int:
    """Count the frames that are readable by now; whoever writes may be in the middle of one."""
    return sum(each.kind is Kind.FRAME for each in records(folder)) if list(folder.glob("*")) else 0


async def replayed(*words: str) -> dict[str, Any]:
    """Run `foreshock replay`, which must succeed, and return its report."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "foreshock_cli", "replay", "--json", *words), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    report: dict[str, Any] = json.loads(told.splitlines()[-1])
    assert process.returncode == Exit.OK, report
    return report


async def test_a_recording_needs_no_redis_and_replays_to_all_that_was_sent(tmp_path: Path) -> None:
    out = tmp_path / "out"
    async with market("bybit", "okx") as place, recording(place, out) as process:
        await place.host.subscribed()
        await place.play()
        process.send_signal(signal.SIGTERM)
        told, talk = await process.communicate()
    report = json.loads(told.splitlines()[-1])
    assert process.returncode == Exit.OK, (report, talk)
    assert report["ok"]
    assert report["frames"] == frames_in(out) > 0
    assert set(report["routes"].values()) == {"LIVE"}
    assert b"frames" in talk
    signals = tmp_path / "signals"
    again = await replayed(str(out), "--signals", str(signals))
    assert again["events"] == len(place.sent) > 0
    assert again["frames"] == report["frames"]
    assert signals.read_bytes().count(b"\n") == sum(again["signals"].values())


async def test_a_recorder_that_is_killed_leaves_all_but_the_last_moment(tmp_path: Path) -> None:
    out = tmp_path / "out"
    async with market("bybit") as place, recording(place, out) as process:
        await place.host.subscribed()
        await place.play()
        assert await within(PATIENCE, lambda: frames_in(out) > 30)
        process.kill()
        await process.wait()
    assert [each.suffix for each in out.iterdir()] == [".part"]
    found = records(out)
    assert sum(each.kind is Kind.FRAME for each in found) > 30
    assert (await replayed(str(out)))["frames"] > 30


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--endpoint", "bybit"), Exit.USAGE),
        (("--venues", "ftx"), Exit.USAGE),
        (("--symbols", "btcusdt"), Exit.USAGE),
        (
            ("--venues", "bybit", "--endpoint", "bybit=ws://127.0.0.1:1,http://127.0.0.1:1", "--duration", "1"),
            Exit.FAILED,
        ),
    ],
)
def test_what_makes_no_recording_is_said(words: tuple[str, ...], code: Exit, tmp_path: Path) -> None:
    assert main(["record", "--out", str(tmp_path / "out"), *words]) == code


@readers
async def test_the_record_shows_that_the_reader_returned_the_whole_frame(reader: Any, tmp_path: Path) -> None:
    """Text, other alphabets, large ones, ones that are no text: byte for byte, in order."""
    large = json.dumps({"x": ["frame"] * 40_000})
    sent: list[str | bytes] = ["{}", "測試 \N{ROCKET}", large, gzip.compress(b'{"ch":"x"}'), b"\x00\xff", "last"]

    async def handler(socket: ServerConnection) -> None:
        for frame in sent:
            await socket.send(frame)
        await socket.close()

    recorder = Recorder(
        SegmentOptions(folder=tmp_path, segment_bytes=2**20, segment_seconds=60, keep_bytes=0), "t", SystemClock()
    )
    heard: list[bytes | str] = []
    async with server(handler) as url:
        route = Route(name="main", url=url, subscribe=(), channels=(), heartbeat=Heartbeat(), canary=Canary("none"))
        opening: OpenSocket = recorder.around("toy/main", route, reader(SystemClock(), Flow()))
        async with opening(url, route.heartbeat, lambda frames, _: heard.extend(frames)) as socket:
            await socket.closed()
    recorder.close()
    wanted = [each if isinstance(each, bytes) else each.encode() for each in sent]
    assert [each.frame for each in records(tmp_path) if each.kind is Kind.FRAME] == wanted == heard
