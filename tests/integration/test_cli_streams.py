"""`foreshock events` and `foreshock signals` on a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis as sync_redis

from foreshock_cli.__main__ import main
from foreshock_cli.exits import Exit
from foreshock_model import batch, keys
from foreshock_model.batch import EventBatch
from foreshock_model.entries import InputEntry
from foreshock_runtime.embedded import EmbeddedServer


@pytest.fixture
def client(redis_server: EmbeddedServer) -> Iterator[sync_redis.Redis]:
    with sync_redis.Redis.from_url(redis_server.url) as made:
        made.flushall()
        yield made


def add_events(client: sync_redis.Redis, partition: int, *ids: str, kind: str = "tick", data: bytes = b"") -> None:
    for seq, entry_id in enumerate(ids, 1):
        fields: Any = InputEntry(kind, "feeds", 1, seq, 5, data).to_fields()
        client.xadd(keys.events(partition), fields, id=entry_id)


def add_signal(client: sync_redis.Redis, entry_id: str, **fields: object) -> None:
    client.xadd(keys.CASCADE_SIGNALS, {"json": json.dumps(fields)}, id=entry_id)


def lines(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_events_of_all_partitions_come_in_the_order_of_their_ids(
    client: sync_redis.Redis, redis_server: EmbeddedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    add_events(client, 0, "1-1", "3-0")
    add_events(client, 1, "1-0", "2-5")
    assert main(["events", "--redis", redis_server.url, "--json"]) == Exit.OK
    assert [(each["id"], each["partition"]) for each in lines(capsys)] == [
        ("1-0", 1),
        ("1-1", 0),
        ("2-5", 1),
        ("3-0", 0),
    ]


def test_events_of_many_pages_are_all_there(
    client: sync_redis.Redis, redis_server: EmbeddedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    add_events(client, 0, *(f"{ms}-0" for ms in range(1, 601)))
    assert main(["events", "--redis", redis_server.url, "--from", "50"]) == Exit.OK
    found = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in found] == [f"{ms}-0" for ms in range(50, 601)]


def test_decoded_events_carry_their_data(
    client: sync_redis.Redis, redis_server: EmbeddedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    add_events(client, 0, "1-0", kind="batch", data=batch.encode(EventBatch(())))
    assert main(["events", "--redis", redis_server.url, "--decode", "--partition", "0"]) == Exit.OK
    (view,) = lines(capsys)
    assert (view["kind"], view["liquidations"], view["context"]) == ("batch", [], [])


def test_a_damaged_entry_is_named_and_the_others_shown(
    client: sync_redis.Redis, redis_server: EmbeddedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    client.xadd(keys.events(0), {"kind": "batch"}, id="1-0")
    add_events(client, 0, "2-0")
    assert main(["events", "--redis", redis_server.url]) == Exit.FAILED
    shown = capsys.readouterr()
    assert "events:{p0} 1-0" in shown.err
    assert shown.out.startswith("2-0")


def test_following_goes_on_where_the_stored_ones_end(
    client: sync_redis.Redis, redis_server: EmbeddedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    add_events(client, 0, "1-0")
    seen: list[str] = []

    def add_another(_: object) -> None:
        seen.append("asked")
        add_events(client, 0, "2-0")

    with pytest.MonkeyPatch.context() as patch:
        original = sync_redis.Redis.xread

        def xread(self: sync_redis.Redis, *args: Any, **kwargs: Any) -> Any:
            add_another(args)
            return original(self, *args, **kwargs)

        patch.setattr(sync_redis.Redis, "xread", xread)
        assert main(["events", "--redis", redis_server.url, "--follow", "--count", "2", "--json"]) == Exit.OK
    assert [each["id"] for each in lines(capsys)] == ["1-0", "2-0"]
    assert seen == ["asked"]


def test_no_stream_yet_is_said(
    client: sync_redis.Redis, redis_server: EmbeddedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert client.ping()
    assert main(["events", "--redis", redis_server.url]) == Exit.FAILED
    assert "no event streams" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), ["WATCH", "ALERT", "", "EXTREME"]),
        (("--min-level", "ALERT"), ["ALERT", "", "EXTREME"]),
        (("--symbol", "ETHUSDT"), ["ALERT", ""]),
        (("--from", "3-0"), ["", "EXTREME"]),
    ],
)
def test_signals_are_filtered_and_notices_always_shown(
    client: sync_redis.Redis,
    redis_server: EmbeddedServer,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    expected: list[str],
) -> None:
    add_signal(client, "1-0", kind="signal", level="WATCH", symbol="BTCUSDT")
    add_signal(client, "2-0", kind="signal", level="ALERT", symbol="ETHUSDT")
    add_signal(client, "3-0", kind="notice", status="DEGRADED", service="velocity")
    add_signal(client, "4-0", kind="signal", level="EXTREME", symbol="BTCUSDT")
    words = ["signals", "--redis", redis_server.url, "--json", "--count", str(len(expected))]
    assert main([*words, "--from", "0", *options]) == Exit.OK
    assert [each.get("level", "") for each in lines(capsys)] == expected


def test_a_signal_is_shown_as_a_line(
    client: sync_redis.Redis, redis_server: EmbeddedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    add_signal(client, "1-0", kind="signal", level="ALERT", symbol="BTCUSDT", side="LONG", explanation="x" * 300)
    assert main(["signals", "--redis", redis_server.url, "--from", "0", "--count", "1"]) == Exit.OK
    (line,) = capsys.readouterr().out.splitlines()
    assert "ALERT" in line
    assert line.endswith("x" * 300), "without a terminal nothing is cut"


def test_what_is_not_a_signal_is_skipped_aloud(
    client: sync_redis.Redis, redis_server: EmbeddedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    client.xadd(keys.CASCADE_SIGNALS, {"other": "x"}, id="1-0")
    add_signal(client, "2-0", level="WATCH")
    assert main(["signals", "--redis", redis_server.url, "--from", "0", "--count", "1"]) == Exit.OK
    assert "not a signal" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["events", "signals", "status"])
def test_no_server_is_a_sentence_without_credentials(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--redis", "redis://user:hunter2@127.0.0.1:1/0"]) == Exit.UNREACHABLE
    words = capsys.readouterr().err
    assert words.startswith("foreshock: Redis at redis://127.0.0.1:1/0 does not answer\n")
    assert "--redis" in words
    assert "hunter2" not in words


def test_a_wrong_password_is_told_from_a_dead_server(
    redis_server: EmbeddedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"unix://foreshock:hunter2@{redis_server.socket_path}"
    assert main(["status", "--redis", url]) == Exit.UNREACHABLE
    words = capsys.readouterr().err
    assert "refuses us" in words
    assert "hunter2" not in words
