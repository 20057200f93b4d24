"""Connections of a venue: lost, replaced, limited, and kept while they serve."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest
from tests.integration.feeds_toy import House, Toy, readers, server
from websockets.asyncio.server import ServerConnection

from foreshock_feeds import socket as subject
from foreshock_feeds.domain.route_state import RouteState
from foreshock_feeds.reader import OpenSocket, WebsocketsReader
from foreshock_feeds.venue import Tuning
from foreshock_lab.polling import within
from foreshock_sdk import Endpoints, Instruments, Limits, Route


@readers
async def test_a_lost_route_comes_back_and_what_is_sent_again_counts_once(reader: type[OpenSocket]) -> None:
    connections = 0

    async def handler(socket: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        await socket.recv()
        for price in range(1, 5 + connections):
            await socket.send(json.dumps({"price": price, "canary": 1}))
        if connections < 3:
            socket.transport.abort()
        await socket.wait_closed()

    async with server(handler) as url:
        house = House(url, reader)
        await house.venue.start([])
        try:
            await house.until(lambda: len(set(house.prices)) == 7)
        finally:
            await house.venue.stop()
    assert sorted(house.prices) == [float(price) for price in range(1, 8)]
    assert house.venue.sockets[0].reconnects == 2


@readers
async def test_a_plugin_that_cannot_go_on_ends_its_route_only(reader: type[OpenSocket]) -> None:
    async def handler(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(json.dumps({"fatal": 1}))
        await socket.wait_closed()

    async with server(handler) as url:
        house = House(url, reader)
        await house.venue.start([])
        try:
            await house.until(lambda: house.states[-1:] == [RouteState.DEAD])
            async with asyncio.timeout(5):
                await asyncio.gather(*house.venue._tasks.values())
        finally:
            await house.venue.stop()
    assert house.reasons[-1] == "Fatal: not for this region"
    assert house.venue.sockets[0].reconnects == 0


class Fragile(Toy):
    """Describes its routes as it is told: a plugin with a fault."""

    fault: Exception | None = None
    names: tuple[str, ...] = ("main",)

    def routes(self, instruments: Instruments, symbols: Sequence[str], endpoints: Endpoints) -> Sequence[Route]:
        if self.fault is not None:
            raise self.fault
        (route,) = super().routes(instruments, symbols, endpoints)
        return [msgspec.structs.replace(route, name=name, channels=(name, *symbols)) for name in self.names]


async def quiet(client: ServerConnection) -> None:
    """Say that all is well, and nothing else."""
    await client.recv()
    await client.send(json.dumps({"canary": 1}))
    await client.wait_closed()


async def test_only_sockets_that_need_other_channels_are_opened_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each beside its predecessor, so that nothing is missed and the route stays LIVE."""
    monkeypatch.setattr(subject, "OVERLAP_SECONDS", 0.1)
    async with server(quiet) as url:
        house = House(url, WebsocketsReader, connector=(plugin := Fragile(url)))
        await house.venue.start(["BTCUSDT"])
        house.health.started()
        try:
            await house.until(lambda: house.states[-1:] == [RouteState.LIVE])
            (first,) = house.venue.sockets
            await house.venue.follow(["BTCUSDT"])
            plugin.names = ("main", "second")
            await house.venue.follow(["BTCUSDT"])
            assert house.venue.sockets[0] is first
            await house.until(lambda: house.states.count(RouteState.LIVE) == 2)
            assert first.rotations == 0
            await house.venue.follow(["ETHUSDT"])
            assert await within(20, lambda: [each.rotations for each in house.venue.sockets] == [1, 1])
            assert first.session.present is not None
            assert first.session.present.route.channels == ("main", "ETHUSDT")
            plugin.names = ("second",)
            await house.venue.follow(["ETHUSDT"])
            assert [each.session.name for each in house.venue.sockets] == ["toy/second"]
            told = [*house.states]
        finally:
            await house.venue.stop()
    assert told == [RouteState.UNPROVEN, RouteState.LIVE] * 2 + [RouteState.CONNECTING]
    assert house.health.gaps == 1, "the second route began late"


async def test_a_plugin_that_cannot_describe_its_routes_keeps_those_it_had() -> None:
    async with server(quiet) as url:
        house = House(url, WebsocketsReader, connector=(plugin := Fragile(url)))
        await house.venue.start([])
        try:
            await house.until(lambda: house.states[-1:] == [RouteState.LIVE])
            plugin.fault = KeyError("nothing")
            await house.venue.follow(["BTCUSDT"])
            failures = [house.venue.failure]
            assert house.venue.sockets[0].session.state is RouteState.LIVE
            plugin.fault = None
            await house.venue.follow([])
            assert [*failures, house.venue.failure] == ["KeyError: 'nothing'", None]
            assert house.states == [RouteState.UNPROVEN, RouteState.LIVE]
        finally:
            await house.venue.stop()


async def test_a_venue_that_cuts_every_connection_is_not_tried_more_often_than_it_allows() -> None:
    times: list[float] = []

    async def handler(socket: ServerConnection) -> None:
        times.append(asyncio.get_running_loop().time())
        socket.transport.abort()

    async with server(handler) as url:
        plugin = Fragile(url)
        plugin.names = ("a", "b", "c", "d")
        plugin.limits = Limits(connects=2, connects_per=0.5, messages_per_second=10, max_age=100)
        house = House(url, WebsocketsReader, connector=plugin)
        await house.venue.start([])
        try:
            await house.until(lambda: len(times) >= 6)
        finally:
            await house.venue.stop()
    assert all(later - earlier > 0.4 for earlier, later in zip(times, times[2:], strict=False))


async def test_subscriptions_are_said_no_faster_than_the_venue_takes_them() -> None:
    heard: list[float] = []

    async def handler(socket: ServerConnection) -> None:
        async for _ in socket:
            heard.append(asyncio.get_running_loop().time())
            await socket.send(json.dumps({"price": len(heard)}))

    class Wordy(Toy):
        limits = Limits(connects=10, connects_per=1, messages_per_second=2, max_age=100)

        def routes(self, instruments: Instruments, symbols: Sequence[str], endpoints: Endpoints) -> Sequence[Route]:
            (route,) = super().routes(instruments, symbols, endpoints)
            return [msgspec.structs.replace(route, subscribe=("1", "2", "3"))]

    async with server(handler) as url:
        house = House(url, WebsocketsReader, connector=Wordy(url))
        await house.venue.start([])
        try:
            await house.until(lambda: len(house.prices) == 2)
            assert len(heard) == 2, "frames are heard while more is to be said"
            await house.until(lambda: len(house.prices) >= 3)
        finally:
            await house.venue.stop()
    assert heard[2] - heard[0] > 0.8


@readers
async def test_a_venue_that_is_not_there_is_tried_again(reader: type[OpenSocket]) -> None:
    house = House("ws://127.0.0.1:1", reader)
    await house.venue.start([])
    try:
        (socket,) = house.venue.sockets
        assert await within(20, lambda: socket.reconnects >= 2)
    finally:
        await house.venue.stop()
    assert socket.session.state is RouteState.CONNECTING
    assert socket.session.failure is None


async def test_a_venue_that_cuts_every_connection_is_left_alone_for_longer_and_longer() -> None:
    times: list[float] = []

    async def handler(socket: ServerConnection) -> None:
        times.append(asyncio.get_running_loop().time())
        socket.transport.abort()

    async with server(handler) as url:
        house = House(url, WebsocketsReader, tuning=Tuning(chance=lambda: 0.5))
        await house.venue.start([])
        try:
            assert await within(20, lambda: len(times) >= 4)
        finally:
            await house.venue.stop()
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert all(pause > shortest for pause, shortest in zip(pauses, (0.24, 0.49, 0.99), strict=False))
