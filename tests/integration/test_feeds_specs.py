"""Contract values over real HTTP: the venue's when it answers, the packaged ones until then."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
import pytest
from tests.integration.feeds_rest import Rest
from tests.unit.feeds.feed_parts import ToyConnector

from foreshock_feeds import rest, specs
from foreshock_feeds.flow import Flow
from foreshock_feeds.health import RouteHealth
from foreshock_feeds.quarantine import Quarantine
from foreshock_feeds.reader import WebsocketsReader
from foreshock_feeds.rest import VenueRest
from foreshock_feeds.specs import Contracts
from foreshock_feeds.venue import Tuning, Venue
from foreshock_model.dedupe import Dedupe
from foreshock_runtime.clock import SystemClock
from foreshock_sdk import Decoded, Endpoints, InstrumentSpec, RestRequest


def names(contracts: Contracts) -> tuple[list[str], list[str]]:
    return [each.raw_symbol for each in contracts.table.specs], [each.raw_symbol for each in contracts.listed.specs]


async def test_every_page_of_every_list_is_read_and_only_what_is_listed_is_to_be_read() -> None:
    with Rest().serving() as venue:
        venue.answers = {"linear": b'["NEW", "+"]', "linear+": b'["BTC"]', "inverse": b'["ETH"]'}
        contracts = Contracts(ToyConnector(), venue.endpoints, VenueRest("toy", 100.0))
        assert (contracts.source.kind, names(contracts)[1]) == ("packaged", ["BTC", "OLD"])
        assert await contracts.learn()
    assert (contracts.source.kind, contracts.source.contracts) == ("rest", 3)
    assert names(contracts) == (["BTC", "OLD", "NEW", "ETH"], ["BTC", "NEW", "ETH"])
    assert [spec.packaged for spec in contracts.table.specs] == [False, True, False, False]


@pytest.mark.parametrize("inverse", [b"", b"{nonsense", b'{"a": 1}'])
async def test_a_list_that_fails_leaves_the_packaged_values_and_says_why(inverse: bytes) -> None:
    with Rest().serving() as venue:
        venue.answers = {"linear": b'["NEW"]', "inverse": inverse}
        contracts = Contracts(ToyConnector(), venue.endpoints, VenueRest("toy", 100.0))
        assert not await contracts.learn()
    assert (contracts.source.kind, contracts.source.checked) == ("packaged", "2026-11-20")
    assert contracts.source.reason
    assert contracts.table.find("OLD") is not None
    assert (contracts.table.find("NEW") is not None) == (not inverse), "what came is used"


async def test_an_empty_list_is_not_believed() -> None:
    with Rest().serving() as venue:
        venue.answers = {"linear": b"[]", "inverse": b"[]"}
        contracts = Contracts(ToyConnector(), venue.endpoints, VenueRest("toy", 100.0))
        assert not await contracts.learn()
    assert contracts.source.reason == "no contract is listed"


async def test_a_venue_that_never_answers_is_waited_for_within_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(specs, "LIST_SECONDS", 0.2)
    with Rest().serving() as venue:
        venue.answers = {"linear": None, "inverse": b'["ETH"]'}
        contracts = Contracts(ToyConnector(), venue.endpoints, VenueRest("toy", 100.0))
        assert not await contracts.learn()
    assert contracts.source.reason == "linear: TimeoutError"
    assert contracts.table.find("ETH") is not None


async def test_a_later_failure_leaves_what_the_venue_said() -> None:
    with Rest().serving() as venue:
        venue.answers = {"linear": b'["BTC"]', "inverse": b'["ETH"]'}
        contracts = Contracts(ToyConnector(), venue.endpoints, VenueRest("toy", 100.0))
        assert await contracts.learn()
        venue.answers = {}
        assert not await contracts.learn()
    assert contracts.source.kind == "rest"
    assert names(contracts)[1] == ["BTC", "ETH"]


async def test_a_plugin_that_raises_is_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise KeyError("x")

    contracts = Contracts(ToyConnector(), Endpoints("", "http://127.0.0.1:1"), VenueRest("toy", 100.0))
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


class Valued(ToyConnector):
    """Its lists give each contract's value by its name."""

    def parse_specs(self, bodies: Mapping[str, bytes]) -> Sequence[InstrumentSpec]:
        values: dict[str, float] = {}
        for body in bodies.values():
            values |= msgspec.json.decode(body, type=dict[str, float])
        return [
            InstrumentSpec(venue="toy", raw_symbol=name, base=name, quote="USDT", contract_value=value)
            for name, value in values.items()
        ]


async def test_each_answer_that_changes_a_contract_is_a_version_and_the_contract_keeps_the_one_it_is_of() -> None:
    told: list[tuple[int, dict[str, int]]] = []
    with Rest().serving() as venue:
        venue.answers = {"inverse": b"{}"}
        contracts = Contracts(Valued(), venue.endpoints, VenueRest("toy", 100.0))
        assert (contracts.version, contracts.versions) == (0, {})
        for linear in (b'{"BTC": 1, "ETH": 1}', b'{"BTC": 1, "ETH": 2, "NEW": 1}', b'{"BTC": 1}'):
            venue.answers["linear"] = linear
            assert await contracts.learn()
            told.append((contracts.version, dict(contracts.versions)))
            before = contracts.table.version
            assert await contracts.learn()
            assert (contracts.version, contracts.table.version) == (told[-1][0], before), "nothing is new"
    assert told == [
        (1, {"BTC": 1, "ETH": 1}),
        (2, {"BTC": 1, "ETH": 2, "NEW": 2}),
        (2, {"BTC": 1, "ETH": 2, "NEW": 2}),
    ]


class Broken(ToyConnector):
    def packaged_specs(self) -> object:  # type: ignore[override]
        raise RuntimeError("no table")


def venue_of(connector: ToyConnector, endpoints: Endpoints, tuning: Tuning | None = None) -> Venue:
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
        tuning=tuning or Tuning(retry_seconds=0.05),
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


async def test_a_new_listing_is_read_after_the_next_refresh() -> None:
    with Rest().serving() as site:
        site.answers = {"linear": b'["BTC"]', "inverse": b'["ETH"]'}
        venue = venue_of(ToyConnector(), site.endpoints, Tuning(refresh_seconds=0.05))
        await venue.start([])
        try:
            (socket,) = venue.sockets
            channels = [socket.session.route.channels]
            site.answers["linear"] = b'["BTC", "NEW"]'
            async with asyncio.timeout(10):
                while socket.session.route.channels == channels[0]:  # noqa: ASYNC110 - a task of its own asks
                    await asyncio.sleep(0.01)
            channels.append(socket.session.route.channels)
            assert venue.ingest is not None
            versions = {ref.raw_symbol: ref.spec_version for ref in venue.ingest.batch(Decoded(), ()).instruments}
        finally:
            await venue.stop()
    assert channels == [("BTC", "ETH"), ("BTC", "ETH", "NEW")]
    assert versions == {"BTC": 1, "OLD": 0, "ETH": 1, "NEW": 2}


async def test_a_plugin_without_a_table_is_a_venue_that_failed() -> None:
    venue = venue_of(Broken(), Endpoints("", ""))
    await venue.start([])
    await venue.follow(["BTCUSDT"])
    await venue.stop()
    assert venue.failure == "RuntimeError: no table"
    assert venue.sockets == []
