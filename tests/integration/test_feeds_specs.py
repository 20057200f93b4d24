"""Contract values over real HTTP: the venue's when it answers, the packaged ones until then."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest
from tests.unit.feeds.feed_parts import ToyConnector

from foreshock_feeds import rest, specs
from foreshock_feeds.domain.dedupe import Dedupe
from foreshock_feeds.flow import Flow
from foreshock_feeds.health import RouteHealth
from foreshock_feeds.quarantine import Quarantine
from foreshock_feeds.reader import WebsocketsReader
from foreshock_feeds.specs import Contracts
from foreshock_feeds.venue import Venue
from foreshock_runtime.clock import SystemClock
from foreshock_sdk import Endpoints, RestRequest


class Rest:
    """A venue's REST: answers by path, None for a path that never answers."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes | None] = {}
        self.asked: list[str] = []
        self.endpoints = Endpoints("ws://127.0.0.1:1", "")

    @contextmanager
    def serving(self) -> Iterator[Rest]:
        over, venue = Event(), self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.lstrip("/")
                venue.asked.append(path)
                body = venue.answers.get(path, b"")
                if body is None:
                    over.wait(10)
                self.send_response(200 if body else 503)
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = False
            thread = Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            self.endpoints = Endpoints("ws://127.0.0.1:1", f"http://127.0.0.1:{server.server_port}")
            try:
                yield self
            finally:
                over.set()
                server.shutdown()
                thread.join()


def names(contracts: Contracts) -> tuple[list[str], list[str]]:
    return [each.raw_symbol for each in contracts.table.specs], [each.raw_symbol for each in contracts.listed.specs]


async def test_every_page_of_every_list_is_read_and_only_what_is_listed_is_to_be_read() -> None:
    with Rest().serving() as venue:
        venue.answers = {"linear": b'["NEW", "+"]', "linear+": b'["BTC"]', "inverse": b'["ETH"]'}
        contracts = Contracts(ToyConnector(), venue.endpoints)
        assert (contracts.source.kind, names(contracts)[1]) == ("packaged", ["BTC", "OLD"])
        assert await contracts.learn()
    assert (contracts.source.kind, contracts.source.contracts) == ("rest", 3)
    assert names(contracts) == (["BTC", "OLD", "NEW", "ETH"], ["BTC", "NEW", "ETH"])
    assert [spec.packaged for spec in contracts.table.specs] == [False, True, False, False]


@pytest.mark.parametrize("inverse", [b"", b"{nonsense", b'{"a": 1}'])
async def test_a_list_that_fails_leaves_the_packaged_values_and_says_why(inverse: bytes) -> None:
    with Rest().serving() as venue:
        venue.answers = {"linear": b'["NEW"]', "inverse": inverse}
        contracts = Contracts(ToyConnector(), venue.endpoints)
        assert not await contracts.learn()
    assert (contracts.source.kind, contracts.source.checked) == ("packaged", "2026-11-20")
    assert contracts.source.reason
    assert contracts.table.find("OLD") is not None
    assert (contracts.table.find("NEW") is not None) == (not inverse), "what came is used"


async def test_an_empty_list_is_not_believed() -> None:
    with Rest().serving() as venue:
        venue.answers = {"linear": b"[]", "inverse": b"[]"}
        contracts = Contracts(ToyConnector(), venue.endpoints)
        assert not await contracts.learn()
    assert contracts.source.reason == "no contract is listed"


async def test_a_venue_that_never_answers_is_waited_for_within_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(specs, "LIST_SECONDS", 0.2)
    with Rest().serving() as venue:
        venue.answers = {"linear": None, "inverse": b'["ETH"]'}
        contracts = Contracts(ToyConnector(), venue.endpoints)
        assert not await contracts.learn()
    assert contracts.source.reason == "linear: TimeoutError"
    assert contracts.table.find("ETH") is not None


async def test_a_later_failure_leaves_what_the_venue_said() -> None:
    with Rest().serving() as venue:
        venue.answers = {"linear": b'["BTC"]', "inverse": b'["ETH"]'}
        contracts = Contracts(ToyConnector(), venue.endpoints)
        assert await contracts.learn()
        venue.answers = {}
        assert not await contracts.learn()
    assert contracts.source.kind == "rest"
    assert names(contracts)[1] == ["BTC", "ETH"]


async def test_a_plugin_that_raises_is_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise KeyError("x")

    contracts = Contracts(ToyConnector(), Endpoints("", "http://127.0.0.1:1"))
    monkeypatch.setattr(Contracts, "_fetch", broken)
    assert not await contracts.learn()
    assert contracts.source.reason == "KeyError: 'x'"


async def test_only_http_is_asked() -> None:
    with pytest.raises(OSError, match="specs: not an http address"):
        await rest.get(RestRequest(name="specs", url="file:///etc/hostname"))


async def test_an_answer_that_comes_too_late_is_nobodys() -> None:
    with Rest().serving() as venue:
        venue.answers = {"slow": None}
        with pytest.raises(TimeoutError):
            await rest.get(RestRequest(name="slow", url=f"{venue.endpoints.rest}/slow", timeout=0.1))


class Broken(ToyConnector):
    def packaged_specs(self) -> object:  # type: ignore[override]
        raise RuntimeError("no table")


def venue_of(connector: ToyConnector, endpoints: Endpoints) -> Venue:
    clock = SystemClock()
    return Venue(
        connector,
        endpoints,
        clock=clock,
        open_socket=WebsocketsReader(clock, Flow()),
        dedupe=Dedupe(),
        quarantine=Quarantine(clock),
        deliver=lambda _ingest, _found: None,
        health=RouteHealth(clock),
        partitions=1,
        retry_seconds=0.05,
    )


async def test_a_venue_whose_rest_was_away_is_asked_again_until_it_answers() -> None:
    with Rest().serving() as site:
        venue = venue_of(ToyConnector(), site.endpoints)
        await venue.start([])
        try:
            assert venue.contracts is not None
            kinds = [venue.contracts.source.kind]
            before = venue.sockets[0].session.route.channels
            site.answers = {"linear": b'["BTC", "NEW"]', "inverse": b'["ETH"]'}
            async with asyncio.timeout(10):
                while venue.sockets[0].session.route.channels == before:  # noqa: ASYNC110 - a task of its own asks
                    await asyncio.sleep(0.01)
            kinds.append(venue.contracts.source.kind)
            after = venue.sockets[0].session.route.channels
        finally:
            await venue.stop()
    assert kinds == ["packaged", "rest"]
    assert (before, after) == (("BTC", "OLD"), ("BTC", "NEW", "ETH"))
    assert site.asked.count("linear") >= 2


async def test_a_plugin_without_a_table_is_a_venue_that_failed() -> None:
    venue = venue_of(Broken(), Endpoints("", ""))
    await venue.start([])
    await venue.follow(["BTCUSDT"])
    await venue.stop()
    assert venue.failure == "RuntimeError: no table"
    assert venue.sockets == []
