"""The simulated venues over real sockets: what a client decodes is what the ledger says was sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from foreshock_lab.demo import DemoOptions, make_timeline, simulations
from foreshock_lab.domain.facts import Fact, fact_of
from foreshock_lab.domain.ledger import Ledger
from foreshock_lab.domain.timeline import OddEvent, Oddity, Timeline
from foreshock_lab.player import Player
from foreshock_lab.polling import within
from foreshock_lab.venue_host import VenueHost
from foreshock_runtime.clock import SystemClock
from foreshock_sdk import Instruments
from foreshock_sdk.connector import Route

SHORT = DemoOptions(scenario="flash", seed=3, duration_s=2.0, rate=80.0)


class Client:
    """A feed of one venue, as small as can be: every route connected, subscribed, decoded."""

    def __init__(self, host: VenueHost, venue: str) -> None:
        house = host.venues[venue]
        self.connector = house.connector
        self.table = Instruments(venue, house.script.listing())
        self.routes = self.connector.routes(self.table, (), host.endpoints()[venue])
        self.facts: list[Fact] = []
        self.faults: list[str] = []
        self.frames = 0
        self.canary = 0
        self.lost = 0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for route in self.routes:
                tasks.create_task(self._route(route))

    async def _route(self, route: Route) -> None:
        while True:
            try:
                await self._connection(route)
            except (ConnectionClosed, OSError):
                self.lost += 1

    async def _connection(self, route: Route) -> None:
        decoder = self.connector.decoder(route, self.table)
        async with connect(route.url, compression=None) as socket:
            for asked in route.subscribe:
                await socket.send(asked)
            async for frame in socket:
                decoded = decoder.feed([frame])
                self.frames += 1
                self.canary = max(self.canary, decoded.canary)
                self.faults += [fault.reason for fault in decoded.faults]
                raw = decoded.liquidations
                for index, side, ts, price, size in zip(
                    raw.instrument, raw.side, raw.ts_event_ms, raw.price, raw.size, strict=True
                ):
                    self.facts.append(fact_of(self.table.specs[index], side, ts, price=price, size=size))


@asynccontextmanager
async def hosted(*venues: str) -> AsyncIterator[tuple[VenueHost, dict[str, Client]]]:
    simulated = simulations(venues)
    async with VenueHost(simulated.scripts, simulated.connectors, ledger=Ledger(), clock=SystemClock()) as host:
        clients = {venue: Client(host, venue) for venue in host.venues}
        tasks = [asyncio.create_task(client.run()) for client in clients.values()]
        try:
            yield host, clients
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def playing(host: VenueHost, timeline: Timeline) -> AsyncIterator[Player]:
    player = Player(host, timeline, simulations().fresh)
    task = asyncio.create_task(player.run())
    try:
        yield player
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def play(host: VenueHost, timeline: Timeline) -> None:
    async with asyncio.timeout(20):
        async with playing(host, timeline) as player:
            await host.subscribed()
            player.begin()
            await player.finished()


async def test_every_row_written_is_decoded_to_itself_at_every_venue() -> None:
    async with hosted() as (host, clients):
        await play(host, make_timeline(SHORT, simulations().scripts))
        sent = set(host.ledger.sent)
        assert await within(5, lambda: sum(len(each.facts) for each in clients.values()) >= len(sent))
        assert len(sent) > 100
        told = {fact for each in clients.values() for fact in each.facts}
        assert sent <= told
        assert host.ledger.throttled > 0
        offered = set(host.ledger.facts(range(host.ledger.offered)))
        assert len(sent & offered) + host.ledger.throttled == host.ledger.offered
        assert sent <= offered
        assert told - sent, "some greet with an old liquidation, which is entered nowhere"
        assert [each.faults for each in clients.values()] == [[] for _ in clients]


async def test_prices_flow_before_the_timeline_begins() -> None:
    async with hosted() as (host, clients), playing(host, make_timeline(SHORT, simulations().scripts)):
        assert await within(5, lambda: all(each.canary for each in clients.values()))


async def test_a_bad_day_reaches_the_client_as_a_bad_day() -> None:
    timeline = make_timeline(SHORT, simulations().scripts)
    kinds = [kind for kind in Oddity if kind not in {Oddity.CUT, Oddity.STALL, Oddity.DUPLICATE}]
    odd = tuple(OddEvent(1000 + 10 * at, venue, kind) for venue in timeline.venues for at, kind in enumerate(kinds))
    again = tuple(OddEvent(1900, venue, Oddity.DUPLICATE) for venue in timeline.venues)
    async with hosted() as (host, clients):
        await play(host, timeline._replace(oddities=(*odd, *again)))
        sent = set(host.ledger.sent)
        wanted = len(sent) + host.ledger.duplicates_sent
        assert await within(5, lambda: sum(len(each.facts) for each in clients.values()) >= wanted)
        heard = [fact for each in clients.values() for fact in each.facts if fact in sent]
        assert set(heard) == sent
        assert host.ledger.duplicates_sent > 0
        assert len(heard) == wanted


async def test_a_cut_loses_nothing_that_was_written_and_the_client_comes_back() -> None:
    timeline = make_timeline(SHORT, simulations().scripts)
    cuts = tuple(OddEvent(700, venue, Oddity.CUT) for venue in timeline.venues)
    async with hosted() as (host, clients):
        await play(host, timeline._replace(oddities=cuts))
        sent = set(host.ledger.sent)
        assert await within(5, lambda: {fact for each in clients.values() for fact in each.facts} >= sent)
        assert all(each.lost for each in clients.values())


async def test_a_stall_delays_and_loses_nothing() -> None:
    timeline = make_timeline(SHORT, simulations().scripts)
    stalls = tuple(OddEvent(500, venue, Oddity.STALL) for venue in timeline.venues)
    async with hosted() as (host, clients):
        await play(host, timeline._replace(oddities=stalls))
        sent = set(host.ledger.sent)
        assert await within(5, lambda: {fact for each in clients.values() for fact in each.facts} >= sent)


async def test_what_a_venue_tells_of_its_past_is_recalled_and_not_sent() -> None:
    timeline = make_timeline(SHORT, simulations(("krakenfutures", "gate")).scripts)
    async with hosted("krakenfutures", "gate") as (host, clients):
        await play(host, timeline)
        ledger, sent = host.ledger, len(host.ledger.sent)
        assert ledger.recalled == set()
        await asyncio.to_thread(_get, clients["gate"].connector.spec_requests(host.endpoints()["gate"])[0].url)
        assert {fact.venue for fact in ledger.facts(range(ledger.offered)) if fact in ledger.recalled} == {"gate"}
        route = clients["krakenfutures"].routes[0]
        async with connect(route.url, compression=None) as socket:
            for asked in route.subscribe:
                await socket.send(asked)
            assert await within(5, lambda: ledger.recalled == ledger.sent.keys())
        assert len(ledger.sent) == ledger.expected == sent


async def test_contracts_are_served_over_rest_and_unknown_paths_are_refused() -> None:
    async with hosted() as (host, clients):
        for venue, client in clients.items():
            request = client.connector.spec_requests(host.endpoints()[venue])[0]
            body = await asyncio.to_thread(_get, request.url, request.body)
            assert json.loads(body)
            assert client.connector.parse_specs({request.name: body})
            endpoint = host.endpoints()[venue]
            with pytest.raises(HTTPError, match="404"):
                await asyncio.to_thread(_get, f"{endpoint.rest}/no/such/path")
            with pytest.raises(InvalidStatus, match="404"):
                await connect(f"{endpoint.websocket}/no/such/path")
        with pytest.raises(HTTPError, match="404"):
            await asyncio.to_thread(_get, f"http://127.0.0.1:{host.port}/nowhere/x")
        with pytest.raises(InvalidStatus, match="404"):
            await connect(f"ws://127.0.0.1:{host.port}/nowhere/x")


async def test_a_client_that_breaks_the_venues_rules_is_cut() -> None:
    async with hosted("binance") as (host, clients):
        await host.subscribed()
        route = clients["binance"].routes[0]
        async with connect(route.url, compression=None) as socket:
            for number in range(30):
                await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
            assert await within(5, lambda: any(each.overdue() for each in host.venues["binance"].sockets))
            host.drop_overdue()
            with pytest.raises(ConnectionClosed):
                await _exhaust(socket)


def test_a_venue_without_a_simulation_is_named() -> None:
    with pytest.raises(Exception, match="no simulation of nowhere"):
        simulations(("nowhere",))


async def _exhaust(socket: ClientConnection) -> None:
    while True:
        await socket.recv()


async def test_rest_of_another_method_or_of_no_length_is_answered_too() -> None:
    async with hosted("binance") as (host, _):
        address = urlsplit(host.endpoints()["binance"].rest)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(b"DELETE /binance/fapi/v1/exchangeInfo HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).split()[1] == b"405"
        writer.close()
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.close()  # a client that says nothing is no error
        assert await asyncio.to_thread(_get, f"{address.geturl()}/fapi/v1/exchangeInfo")


def _get(url: str, body: bytes | None = None) -> bytes:
    with urlopen(url, body, timeout=5) as answer:  # noqa: S310 - loopback
        return bytes(answer.read())
