"""A connection that is due goes when another has proven itself beside it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from tests.integration.feeds_toy import House, Toy, readers
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from foreshock_feeds import socket as subject
from foreshock_feeds.domain.route_state import RouteState
from foreshock_feeds.reader import OpenSocket, WebsocketsReader
from foreshock_feeds.venue import Tuning
from foreshock_lab.polling import within
from foreshock_sdk import Limits

LIVE_ONCE = [RouteState.UNPROVEN, RouteState.LIVE]


class Broadcast:
    """A venue that tells all its clients the same, as it happens. greeting: what a client is told first.

    refuse: whether a handshake is answered with 503, by the number of the client.
    """

    def __init__(self, refuse: Callable[[int], bool] = lambda _: False) -> None:
        self.clients: list[ServerConnection] = []
        self.came = 0
        self.told = 0
        self.mute: set[int] = set()
        self.greeting: dict[int, str] = {}
        self._refuse = refuse

    async def connected(self, client: ServerConnection) -> None:
        await client.recv()
        self.clients.append(client)
        if self.came in self.greeting:
            await client.send(self.greeting[self.came])
        await client.wait_closed()
        self.clients.remove(client)

    def request(self, client: ServerConnection, _: Request) -> Response | None:
        self.came += 1
        return client.respond(503, "not now") if self._refuse(self.came) else None

    async def tell(self) -> None:
        while True:
            self.told += 1
            for number, client in enumerate(tuple(self.clients)):
                canary = {} if number in self.mute else {"canary": 1}
                with suppress(ConnectionClosed):
                    await client.send(json.dumps({"price": self.told, **canary}))
            await asyncio.sleep(0.002)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        async with serve(self.connected, "127.0.0.1", 0, process_request=self.request) as running:
            telling = asyncio.create_task(self.tell())
            try:
                yield f"ws://127.0.0.1:{next(iter(running.sockets)).getsockname()[1]}"
            finally:
                telling.cancel()
                await asyncio.gather(telling, return_exceptions=True)


class Aging(Toy):
    """Its venue closes sockets after so many seconds."""

    def __init__(self, url: str, max_age: float, deadline: float = 5.0) -> None:
        super().__init__(url, deadline)
        self.limits = Limits(connects=100, connects_per=1, messages_per_second=10, max_age=max_age)


@pytest.fixture(autouse=True)
def _short_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "OVERLAP_SECONDS", 0.2)


def every_one(prices: list[float]) -> list[float]:
    """Return the numbers from the first to the last: what was told while a client was there."""
    return [float(number) for number in range(int(prices[0]), int(prices[-1]) + 1)]


@readers
async def test_rotation_loses_nothing_doubles_nothing_and_the_route_stays_live(reader: type[OpenSocket]) -> None:
    venue = Broadcast()
    async with venue.serving() as url:
        house = House(url, reader, connector=Aging(url, 0.5))
        await house.venue.start([])
        house.health.started()
        try:
            (route,) = house.venue.sockets
            assert await within(20, lambda: route.rotations >= 3)
        finally:
            await house.venue.stop()
    assert house.prices == every_one(house.prices)
    assert len(house.prices) > 300
    assert house.venue.dedupe.dropped > 50, "both were read"
    assert house.states[:-1] == LIVE_ONCE
    assert (route.reconnects, house.health.gaps) == (0, 0)


async def test_a_new_connection_that_fails_leaves_the_old_one_until_one_succeeds() -> None:
    venue = Broadcast(refuse=lambda number: 2 <= number <= 4)
    async with venue.serving() as url:
        house = House(url, WebsocketsReader, connector=Aging(url, 0.5), tuning=Tuning(chance=lambda: 0.1))
        await house.venue.start([])
        house.health.started()
        try:
            (route,) = house.venue.sockets
            assert await within(20, lambda: route.rotations == 1)
        finally:
            await house.venue.stop()
    assert venue.came >= 5
    assert house.prices == every_one(house.prices)
    assert house.states[:-1] == LIVE_ONCE
    assert (route.reconnects, house.health.gaps) == (0, 0)


async def test_a_new_connection_without_a_canary_never_takes_over() -> None:
    venue = Broadcast()
    venue.mute = {1}
    async with venue.serving() as url:
        house = House(url, WebsocketsReader, connector=Aging(url, 0.3, deadline=0.3), tuning=Tuning(chance=lambda: 0.1))
        await house.venue.start([])
        house.health.started()
        try:
            (route,) = house.venue.sockets
            assert await within(20, lambda: venue.came >= 4)
        finally:
            await house.venue.stop()
    assert route.rotations == 0
    assert house.prices == every_one(house.prices)
    assert house.states[:-1] == LIVE_ONCE


async def test_a_connection_that_dies_before_the_new_one_is_proven_leaves_a_gap_until_that_is() -> None:
    venue = Broadcast()
    venue.mute = {1}
    async with venue.serving() as url:
        house = House(url, WebsocketsReader, connector=Aging(url, 0.3))
        await house.venue.start([])
        house.health.started()
        try:
            (route,) = house.venue.sockets
            assert await within(20, lambda: len(venue.clients) == 2)
            venue.clients[0].transport.abort()
            await house.until(lambda: house.states.count(RouteState.LIVE) == 2)
        finally:
            await house.venue.stop()
    assert house.states[:5] == [*LIVE_ONCE, RouteState.CONNECTING, *LIVE_ONCE]
    assert (route.reconnects, house.health.gaps) == (1, 1)
    assert house.prices == every_one(house.prices), "the new one was read all the time"


async def test_a_venue_that_says_it_will_close_is_given_time_for_another_connection() -> None:
    venue = Broadcast()
    venue.greeting = {1: json.dumps({"bye": 1})}
    async with venue.serving() as url:
        house = House(url, WebsocketsReader)
        await house.venue.start([])
        house.health.started()
        try:
            (route,) = house.venue.sockets
            assert await within(20, lambda: route.rotations == 1)
        finally:
            await house.venue.stop()
    assert house.prices == every_one(house.prices)
    assert house.states[:-1] == LIVE_ONCE
    assert house.health.gaps == 0


async def test_a_new_connection_that_is_refused_a_channel_is_not_better_than_the_old() -> None:
    venue = Broadcast()
    venue.greeting = {1: json.dumps({"bye": 1}), 2: json.dumps({"refused": 1})}
    async with venue.serving() as url:
        house = House(url, WebsocketsReader, tuning=Tuning(chance=lambda: 0.1))
        await house.venue.start([])
        house.health.started()
        try:
            (route,) = house.venue.sockets
            assert await within(20, lambda: route.rotations == 1)
        finally:
            await house.venue.stop()
    assert venue.came == 3
    assert house.states[:-1] == LIVE_ONCE
    assert route.session.refusal is None
