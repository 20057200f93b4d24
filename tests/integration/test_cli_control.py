"""`foreshock status` and `foreshock config` against a real gRPC server and a real Redis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
import redis as sync_redis
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.code_pb2 import INVALID_ARGUMENT  # type: ignore[import-untyped]
from google.rpc.error_details_pb2 import BadRequest  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from foreshock_cli.__main__ import main
from foreshock_cli.exits import Exit
from foreshock_feeds.config import FeedsConfig
from foreshock_lab.control import Health, ask_health, ask_status
from foreshock_model import keys
from foreshock_protos.common.v1.common_pb2 import Latency, Revision, ServiceStatus
from foreshock_protos.feeds.v1 import control_pb2, control_pb2_grpc
from foreshock_runtime.alive import Heartbeat, beat
from foreshock_runtime.connection import connect_url
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_runtime.settings import Secret

TOKEN = "let-me-in"


ROUTE = {
    "name": "binance/market-0",
    "state": "LIVE",
    "reason": "canary seen",
    "since": 1_795_000_000 * 10**9,
    "canary_age": 1.23,
    "frames": 1234,
    "channels": ["a", "b", "c"],
}
VENUE = {
    "name": "binance",
    "specs": "packaged",
    "specs_checked": "2026-11-20",
    "contracts": 40,
    "live": 1.0,
    "share": 0.29,
    "share_source": "measured",
}


class Feeds(control_pb2_grpc.FeedsControlServiceServicer):
    """A control service that behaves as the protos say, and remembers what it was asked."""

    def __init__(self) -> None:
        self.symbols = ["BTCUSDT"]
        self.revision = 1
        self.token = ""
        self.updates: list[control_pb2.UpdateConfigRequest] = []

    def GetConfig(self, request: object, context: grpc.ServicerContext) -> control_pb2.GetConfigResponse:  # noqa: N802
        self._admit(context)
        return control_pb2.GetConfigResponse(config={"symbols": self.symbols}, revision=self._revision())

    def UpdateConfig(  # noqa: N802 - gRPC's name
        self, request: control_pb2.UpdateConfigRequest, context: grpc.ServicerContext
    ) -> control_pb2.UpdateConfigResponse:
        self.updates.append(request)
        if request.etag != f"e{self.revision}":
            context.abort(grpc.StatusCode.ABORTED, f"the etag is now e{self.revision}")
        if any(symbol != symbol.upper() for symbol in request.config.symbols):
            context.abort_with_status(rpc_status.to_status(_bad_symbols()))
        if not request.validate_only:
            self.symbols = list(request.config.symbols)
            self.revision += 1
        return control_pb2.UpdateConfigResponse(config=request.config, revision=self._revision())

    def GetStatus(self, request: object, context: grpc.ServicerContext) -> control_pb2.GetStatusResponse:  # noqa: N802
        self._admit(context)
        return control_pb2.GetStatusResponse(
            status=ServiceStatus(
                service="feeds",
                serving=True,
                config_revision=self.revision,
                counters={"rows": 12},
                latencies={"socket_to_metrics": Latency(n=5, p50_ms=0.5, p99_ms=3.25, max_ms=9)},
                partitions=[{"partition": 0, "owned": True, "lag_entries": 7, "lag_seconds": 0.25}],
            ),
            routes=[ROUTE],
            venues=[VENUE],
            coverage=0.29,
            coverage_possible=0.41,
        )

    def _revision(self) -> Revision:
        return Revision(revision=self.revision, etag=f"e{self.revision}")

    def _admit(self, context: grpc.ServicerContext) -> None:
        shown = dict(context.invocation_metadata()).get("authorization", "")
        if self.token and shown != f"Bearer {self.token}":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "no valid token")


def _bad_symbols() -> Any:
    detail = AnyMessage()
    detail.Pack(BadRequest(field_violations=[{"field": "symbols", "description": "not upper case"}]))
    return Status(code=INVALID_ARGUMENT, message="bad values", details=[detail])


@pytest.fixture
def feeds() -> Feeds:
    return Feeds()


@pytest.fixture
def checkup() -> health.HealthServicer:
    made = health.HealthServicer()
    made.set("", health_pb2.HealthCheckResponse.SERVING)
    return made


@pytest.fixture
def address(feeds: Feeds, checkup: health.HealthServicer) -> Iterator[str]:
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    control_pb2_grpc.add_FeedsControlServiceServicer_to_server(feeds, server)
    health_pb2_grpc.add_HealthServicer_to_server(checkup, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


async def beaten(url: str, *heartbeats: Heartbeat) -> None:
    """Let these processes say that they live."""
    async with connect_url(url) as client:
        for each in heartbeats:
            await beat(client, each)


@pytest.fixture
def house(redis_server: EmbeddedServer, address: str) -> str:
    """The URL of a Redis in which feeds has a heartbeat."""
    with sync_redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    asyncio.run(beaten(redis_server.url, Heartbeat("feeds", "0", 4711, "0.1.0", address, address)))
    return redis_server.url


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_status_tells_health_lag_routes_and_redis(house: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--redis", house, "--json"]) == Exit.FAILED, "two services are missing"
    facts = told(capsys)
    assert [(each["service"], each["health"]) for each in facts["services"]] == [
        ("feeds", "SERVING"),
        ("velocity", "MISSING"),
        ("signals", "MISSING"),
    ]
    feeds = facts["services"][0]
    assert (feeds["pid"], feeds["lag_entries"], feeds["config_revision"]) == (4711, 7, 1)
    assert feeds["counters"] == {"rows": 12}
    assert feeds["routes"][0]["frames"] == 1234
    assert (feeds["coverage"], feeds["coverage_possible"]) == (0.29, 0.41)
    assert (feeds["venues"][0]["live"], feeds["venues"][0]["share_source"]) == (1.0, "measured")
    assert facts["redis"]["kind"] in {"redis", "valkey"}
    assert facts["redis"]["used_memory"] > 0
    assert facts["redis"]["address"] == f"unix://{house.rpartition('@')[2]}", "no password"


def test_status_fits_a_terminal_and_names_problems(house: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["status", "--redis", house])
    text = capsys.readouterr().out
    for words in ("SERVING", "MISSING", "binance/market-0", "LIVE", "canary seen", "1.2 s ago", "0.5 / 3.2 ms"):
        assert words in text
    assert "29.0% of the market is seen, 41.0% if every venue that is read were live" in text
    assert "velocity: no process has a heartbeat" in text
    assert max(map(len, text.splitlines())) <= 120


def test_a_service_that_does_not_serve_is_said_so(
    house: str, checkup: health.HealthServicer, capsys: pytest.CaptureFixture[str]
) -> None:
    checkup.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
    main(["status", "--redis", house, "--json"])
    assert told(capsys)["services"][0]["health"] == "NOT_SERVING"


def test_a_heartbeat_without_a_process_is_unreachable(
    redis_server: EmbeddedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with sync_redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    asyncio.run(beaten(redis_server.url, Heartbeat("feeds", "a", 1, "", "127.0.0.1:1", "127.0.0.1:1")))
    assert main(["status", "--redis", redis_server.url, "--json"]) == Exit.FAILED
    found = {each["service"]: each["health"] for each in told(capsys)["services"]}
    assert found == {"feeds": "UNREACHABLE", "velocity": "MISSING", "signals": "MISSING"}


def test_config_get_prints_what_config_set_takes(house: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "get", "feeds", "--redis", house]) == Exit.OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "feeds: revision 1, etag e1"
    assert {each.partition("=")[0].strip() for each in lines[1:]} == set(FeedsConfig.__struct_fields__)
    assert next(each for each in lines if "symbols" in each).split() == ["symbols", "=", "BTCUSDT"]


def test_config_set_changes_only_the_field_named_on_top_of_what_was_read(
    house: str, feeds: Feeds, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["config", "set", "feeds", "symbols=BTCUSDT,ETHUSDT", "--reason", "two", "--author", "me"]
    assert main([*words, "--redis", house, "--json"]) == Exit.OK
    answer = told(capsys)
    assert answer.pop("config")["symbols"] == ["BTCUSDT", "ETHUSDT"]
    assert answer == {"service": "feeds", "revision": 2, "etag": "e2", "validated_only": False}
    (update,) = feeds.updates
    assert list(update.update_mask.paths) == ["symbols"]
    assert (update.etag, update.author, update.reason) == ("e1", "me", "two")


def test_validate_only_changes_nothing(house: str, feeds: Feeds, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["config", "set", "feeds", "symbols=", "--validate-only", "--redis", house]
    assert main(words) == Exit.OK
    assert "would be accepted" in capsys.readouterr().out
    assert feeds.symbols == ["BTCUSDT"]


def test_a_bad_value_names_its_field(house: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "set", "feeds", "symbols=btc", "--redis", house]) == Exit.FAILED
    assert capsys.readouterr().err == "foreshock: symbols: not upper case\n"


def test_a_stale_etag_is_refused(house: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["config", "set", "feeds", "symbols=X", "--etag", "e0", "--redis", house]
    assert main(words) == Exit.FAILED
    assert "somebody else changed" in capsys.readouterr().err


def test_a_token_is_taken_from_a_file_and_asked_for(
    house: str, feeds: Feeds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    feeds.token = TOKEN
    assert main(["config", "get", "feeds", "--redis", house]) == Exit.UNREACHABLE
    assert "--token-file" in capsys.readouterr().err
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert main(["config", "get", "feeds", "--redis", house, "--token-file", str(file)]) == Exit.OK
    monkeypatch.setenv("FORESHOCK_CONTROL_TOKEN_FILE", str(file))
    assert main(["config", "get", "feeds", "--redis", house]) == Exit.OK


def test_the_history_is_listed_newest_first(house: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "history", "feeds", "--redis", house]) == Exit.OK
    assert "nobody has changed it" in capsys.readouterr().out
    with sync_redis.Redis.from_url(house) as client:
        for revision, reason in ((1, "first"), (2, "second")):
            line = {"revision": revision, "etag": "e", "author": "me", "reason": reason, "ts": 1_795_000_000 * 10**9}
            client.lpush(keys.config_history("feeds"), json.dumps(line | {"document": {}}))
    assert main(["config", "history", "feeds", "--redis", house]) == Exit.OK
    text = capsys.readouterr().out
    assert "2026-11-18 11:06:40" in text
    assert text.index("second") < text.index("first")
    assert main(["config", "history", "feeds", "--redis", house, "--json"]) == Exit.OK
    assert [json.loads(line)["revision"] for line in capsys.readouterr().out.splitlines()] == [2, 1]


@pytest.mark.parametrize(
    ("service", "code", "words"),
    [("velocity", Exit.UNREACHABLE, "no velocity is alive"), ("feed", Exit.USAGE, "feeds velocity signals")],
)
def test_a_service_that_is_not_there_is_told_from_one_that_does_not_exist(
    house: str, service: str, code: Exit, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "get", service, "--redis", house]) == code
    assert words in capsys.readouterr().err


@pytest.fixture
def no_house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody says where a Redis is."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for name in ("FORESHOCK_REDIS_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


def test_a_service_is_read_and_changed_at_a_named_address_without_redis(
    no_house: None, address: str, feeds: Feeds, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    feeds.token = TOKEN
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    there = ["--address", address, "--token-file", str(file)]
    assert main(["config", "set", "feeds", "symbols=ETHUSDT", *there]) == Exit.OK
    assert main(["config", "get", "feeds", "--json", *there]) == Exit.OK
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["config"]["symbols"] == ["ETHUSDT"]
    assert main(["status", "--json", *there]) == Exit.OK
    facts = told(capsys)
    assert facts["redis"] is None
    (only,) = facts["services"]
    assert (only["service"], only["health"], only["lag_entries"]) == ("feeds", "SERVING", 7)
    assert main(["status", *there]) == Exit.OK
    assert "binance/market-0" in capsys.readouterr().out
    assert main(["status", "--address", address]) == Exit.UNREACHABLE
    assert "--token-file" in capsys.readouterr().err


def test_an_address_where_nobody_listens_is_a_sentence(no_house: None, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["status"], ["config", "get", "feeds"]):
        assert main([*words, "--address", "127.0.0.1:1"]) == Exit.UNREACHABLE
        assert "127.0.0.1:1 does not answer" in capsys.readouterr().err
    assert main(["config", "get", "feed", "--address", "127.0.0.1:1"]) == Exit.USAGE


async def test_the_lab_asks_a_service_that_wants_a_token_with_its_token(address: str, feeds: Feeds) -> None:
    feeds.token = TOKEN
    assert await ask_status("feeds", address) is None
    view = await ask_status("feeds", address, Secret(TOKEN))
    assert view is not None
    assert view.counters == {"rows": 12}
    assert await ask_health(address) is Health.SERVING
    assert await ask_health("127.0.0.1:1") is Health.UNREACHABLE
