"""`foreshock streams` and `foreshock replay` on a real server, and their words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as sync_redis
import zstandard

from foreshock_cli import report_view
from foreshock_cli.__main__ import main
from foreshock_cli.exits import Exit
from foreshock_cli.recording import RecordReport
from foreshock_cli.terminal import out
from foreshock_feeds.domain.recording import Kind, Recorded, encode
from foreshock_lab.stream_archive import MANIFEST, events_file
from foreshock_model import keys
from foreshock_model.entries import InputEntry
from foreshock_runtime.embedded import EmbeddedServer

HEAD = Recorded(b"", 1, Kind.SEGMENT, data=b'{"source":"feeds:0","segment":1}')


@pytest.fixture
def client(redis_server: EmbeddedServer) -> Iterator[sync_redis.Redis]:
    with sync_redis.Redis.from_url(redis_server.url) as made:
        made.flushall()
        yield made


def add_ticks(client: sync_redis.Redis, partition: int, number: int) -> None:
    for seq in range(1, number + 1):
        fields: Any = InputEntry("tick", "feeds:0", 1, seq, seq * 10**8, b"").to_fields()
        client.xadd(keys.events(partition), fields, id=f"{seq * 100}-0")
    client.set(keys.cursor("signals", partition), f"{number * 100}-0")


def report(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return told


def test_streams_are_exported_and_replayed_from_files_and_from_the_server(
    client: sync_redis.Redis, redis_server: EmbeddedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_ticks(client, 0, 30)
    add_ticks(client, 1, 20)
    folder = str(tmp_path / "archive")
    assert main(["streams", "export", folder, "--redis", redis_server.url, "--json"]) == Exit.OK
    assert report(capsys) == {"folder": folder, "partitions": 2, "entries": 50, "signals": 0, "gone": 0}
    assert main(["replay", "--streams", folder, "--speed", "100x", "--json"]) == Exit.OK
    first = report(capsys)
    assert (first["kind"], first["entries"], first["recorded_s"]) == ("streams", 50, 2.9)
    assert first["hashes"] == first["live"]
    assert main(["replay", "--streams", redis_server.url, "--json"]) == Exit.OK
    assert report(capsys)["hashes"] == first["hashes"]
    assert main(["replay", "--streams", folder]) == Exit.OK
    told = capsys.readouterr().out
    assert "OK" in told
    assert f"signals:{{p1}} {first['hashes']['signals:{p1}']}" in told


def test_a_live_run_that_said_something_else_is_told(
    client: sync_redis.Redis, redis_server: EmbeddedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_ticks(client, 0, 3)
    client.xadd(keys.signals(0), {"json": "{}"}, id="200-0")
    folder = tmp_path / "archive"
    assert main(["streams", "export", str(folder), "--redis", redis_server.url]) == Exit.OK
    assert "3 entries and 1 signals" in capsys.readouterr().out
    assert main(["replay", "--streams", str(folder)]) == Exit.FAILED
    assert "differs from the live run's: 0 signals replayed, 1 archived" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["streams", "export", "{folder}", "--redis", "unix:///nowhere.sock"], "does not answer"),
        (["streams", "export", "{folder}", "--redis", "{empty}"], "no event streams"),
        (["replay", "--streams", "{folder}"], "is no archive of streams"),
        (["replay"], "name recordings or frames"),
        (["replay", "x", "--streams", "y"], "name recordings or frames"),
        (["replay", "{plain}"], "--venue says whose they are"),
        (["replay", "{plain}", "{plain}", "--venue", "okx"], "--venue says whose they are"),
        (["replay", "{plain}", "--venue", "okx", "--signals", "s"], "--signals is for"),
        (["replay", "{folder}"], "holds no recording"),
        (["replay", "{segment}", "--redis", "unix:///nowhere.sock"], "does not answer"),
        (["replay", "{segment}", "--signals", "/nowhere/at/all"], "cannot be written"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    words: list[str],
    told: str,
    client: sync_redis.Redis,
    redis_server: EmbeddedServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert client.ping()
    (tmp_path / "folder").mkdir()
    (tmp_path / "plain").write_text("{}\n")
    (tmp_path / "segment").write_bytes(encode([HEAD]))
    places = {"empty": redis_server.url, **{name: str(tmp_path / name) for name in ("folder", "plain", "segment")}}
    assert main([word.format_map(places) for word in words]) != Exit.OK
    assert told in capsys.readouterr().err


def test_an_archive_that_is_damaged_or_of_another_version_is_named(
    client: sync_redis.Redis, redis_server: EmbeddedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_ticks(client, 0, 3)
    folder = tmp_path / "archive"
    assert main(["streams", "export", str(folder), "--redis", redis_server.url]) == Exit.OK
    file, manifest = events_file(folder, 0), folder / MANIFEST
    whole = manifest.read_bytes()
    lines = {
        b'{"id":"100-0"}\n': "is damaged",
        b'{"id":"100-0","fields":{"kind":"%s"}}\n' % b"eA==": "100-0 cannot be replayed",
    }
    for line, told in lines.items():
        file.write_bytes(zstandard.ZstdCompressor().compress(line))
        assert main(["replay", "--streams", str(folder)]) == Exit.FAILED
        assert told in capsys.readouterr().err
    for document, told in ((b"{", "streams.json"), (whole.replace(b'"format":1', b'"format":2'), "has format 2")):
        manifest.write_bytes(document)
        assert main(["replay", "--streams", str(folder)]) == Exit.FAILED
        assert told in capsys.readouterr().err


def test_a_recording_of_nothing_and_of_what_is_not_known_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "foreshock-a-1-1.jsonl.zst"
    path.write_bytes(encode([HEAD]))
    assert main(["replay", str(path), "--json"]) == Exit.FAILED
    assert report(capsys)["problems"] == ["there are no frames in it"]
    path.write_bytes(encode([HEAD, Recorded(b"{}", 5, Kind.FRAME, "ftx/0", 1)]))
    assert main(["replay", str(path)]) == Exit.FAILED
    assert "1 frames are of venues or routes that are not known here" in capsys.readouterr().out
    path.write_bytes(encode([HEAD, Recorded(b"", 5, Kind.CUT, data=b"[]")]))
    assert main(["replay", str(path)]) == Exit.FAILED
    assert "a cut record makes no sense" in capsys.readouterr().err


def test_a_recording_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    told = RecordReport(
        ok=False, folder="/r", elapsed_s=5.0, frames=1_234, missing=6, bytes=2_500_000, routes={"okx/0": "LIVE"},
        problems=("6 frames are missing",),
    )  # fmt: skip
    out().print(report_view.recorded(told))
    shown = capsys.readouterr().out
    for words in (
        "recording of 5 s: FAILED",
        "1,234 recorded, 6 missing",
        "okx/0 LIVE",
        "2.5 MB",
        "6 frames are missing",
    ):
        assert words in shown
