"""A route over real sockets: it proves its life, and never dies of a frame."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from tests.integration.feeds_toy import House, readers, server
from websockets.asyncio.server import ServerConnection

from foreshock_feeds.domain.route_state import RouteState
from foreshock_feeds.reader import OpenSocket


@readers
async def test_an_acknowledged_route_is_unproven_until_the_canary_and_every_frame_is_heard(
    reader: type[OpenSocket],
) -> None:
    heard: list[str] = []
    answered = asyncio.Event()

    async def handler(socket: ServerConnection) -> None:
        heard.append(str(await socket.recv()))
        for price in range(1, 101):
            await socket.send(json.dumps({"price": price}))
        await socket.send(json.dumps({"canary": 1}))
        await socket.send(json.dumps({"ping": 1}))
        while len(heard) < 3:
            heard.append(str(await socket.recv()))
        answered.set()
        await socket.wait_closed()

    async with server(handler) as url:
        house = House(url, reader)
        await house.venue.start(["BTCUSDT"])
        try:
            await house.until(lambda: len(house.prices) == 100 and RouteState.LIVE in house.states)
            async with asyncio.timeout(20):
                await answered.wait()
        finally:
            await house.venue.stop()
    assert house.prices == [float(price) for price in range(1, 101)]
    assert house.states == [RouteState.UNPROVEN, RouteState.LIVE, RouteState.CONNECTING]
    assert heard[0] == '{"op":"subscribe"}'
    assert set(heard[1:]) == {"pong", "beat"}
    assert house.venue.contracts is not None
    assert house.venue.contracts.source.kind == "packaged"
    assert house.venue.contracts.source.checked == "2026-11-20"


@readers
async def test_what_cannot_be_understood_is_kept_and_the_socket_goes_on(reader: type[OpenSocket]) -> None:
    async def handler(socket: ServerConnection) -> None:
        await socket.recv()
        for frame in ("{not json", '{"price": 1}', "\xff\x00", '{"price": 2}'):
            await socket.send(frame)
        await socket.wait_closed()

    async with server(handler) as url:
        house = House(url, reader)
        await house.venue.start([])
        try:
            await house.until(lambda: len(house.prices) == 2)
        finally:
            await house.venue.stop()
    told = [dict(zip(command[6::2], command[7::2], strict=True)) for command in house.quarantine.waiting]
    assert [(bad["route"], bad["reason"], bad["frame"]) for bad in told] == [
        ("toy/main", "not JSON", "{not json"),
        ("toy/main", "not JSON", "\xff\x00"),
    ]
    assert house.venue.sockets[0].session.faults == 2


@readers
async def test_a_venue_that_acknowledges_and_sends_other_things_is_dead(reader: type[OpenSocket]) -> None:
    async def handler(socket: ServerConnection) -> None:
        await socket.recv()
        while True:
            await socket.send(json.dumps({"book": 1}))
            await asyncio.sleep(0.02)

    async with server(handler) as url:
        house = House(url, reader, deadline=0.4)
        await house.venue.start([])
        try:
            await house.until(lambda: RouteState.DEAD in house.states)
        finally:
            await house.venue.stop()
    assert RouteState.LIVE not in house.states


@readers
async def test_a_decoder_that_raises_is_reported_and_its_route_tried_again(reader: type[OpenSocket]) -> None:
    connections = 0

    async def handler(socket: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        await socket.recv()
        await socket.send(json.dumps({"bomb": 1} if connections == 1 else {"price": 1, "canary": 1}))
        await socket.wait_closed()

    async with server(handler) as url:
        house = House(url, reader)
        await house.venue.start([])
        try:
            await house.until(lambda: RouteState.DEAD in house.states)
            (socket,) = house.venue.sockets
            assert socket.session.failure == "RuntimeError: the decoder is broken"
            await house.until(lambda: house.states[-1] is RouteState.LIVE and socket.session.failure is None)
        finally:
            await house.venue.stop()
    assert house.prices == [1.0]


@readers
async def test_a_frame_in_pieces_is_one_frame_and_an_orderly_close_a_loss(reader: type[OpenSocket]) -> None:
    async def handler(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(['{"pri', 'ce": 1, "canary"', ": 1}"])
        await socket.send('{"price": 2}')
        await socket.close()

    async with server(handler) as url:
        house = House(url, reader)
        await house.venue.start([])
        try:
            await house.until(lambda: house.prices[:2] == [1.0, 2.0] and RouteState.CONNECTING in house.states)
        finally:
            await house.venue.stop()
    assert house.states[:3] == [RouteState.UNPROVEN, RouteState.LIVE, RouteState.CONNECTING]
    assert house.reasons[2].startswith("closed")


@readers
async def test_a_burst_of_short_and_long_frames_among_pings_is_heard_in_order(reader: type[OpenSocket]) -> None:
    count = 3_000

    async def handler(socket: ServerConnection) -> None:
        await socket.recv()
        for price in range(1, count + 1):
            await socket.send(json.dumps({"price": price, "filler": "x" * (price % 300)}))
            if not price % 500:
                await socket.ping(b"%0125d" % price)
        await socket.wait_closed()

    async with server(handler) as url:
        house = House(url, reader)
        await house.venue.start([])
        try:
            await house.until(lambda: len(house.prices) == count)
        finally:
            await house.venue.stop()
    assert house.prices == [float(price) for price in range(1, count + 1)]
    assert house.venue.sockets[0].session.faults == 0


@readers
async def test_a_process_that_stood_still_does_not_take_the_venue_for_dead(reader: type[OpenSocket]) -> None:
    async def handler(socket: ServerConnection) -> None:
        await socket.recv()
        for price in range(1, 1_000):
            await socket.send(json.dumps({"canary": 1, "price": price}))
            await asyncio.sleep(0.05)

    async with server(handler) as url:
        house = House(url, reader, deadline=0.8)
        await house.venue.start([])
        try:
            await house.until(lambda: RouteState.LIVE in house.states)
            time.sleep(2.2)  # noqa: ASYNC251 - the whole process stops
            seen = len(house.prices)
            await house.until(lambda: len(house.prices) > seen + 10)
            assert house.states == [RouteState.UNPROVEN, RouteState.LIVE]
        finally:
            await house.venue.stop()


@readers
async def test_a_held_flow_stops_reading_and_loses_nothing(
    reader: type[OpenSocket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("foreshock_feeds.flow.LONGEST_SECONDS", 3_600.0)
    frames, sent = 10_000, 0

    async def handler(socket: ServerConnection) -> None:
        nonlocal sent
        await socket.recv()
        for price in range(1, frames + 1):
            await socket.send(json.dumps({"price": price, "padding": "x" * 4_000}))
            sent = price
        await socket.wait_closed()

    async with server(handler) as url:
        house = House(url, reader)
        house.flow.hold()
        await house.venue.start([])
        try:
            before = -1
            async with asyncio.timeout(20):
                while sent != before or not sent:
                    before = sent
                    await asyncio.sleep(0.3)
            assert sent < frames, "the venue's socket is full"
            assert len(house.prices) < sent
            house.flow.release()
            await house.until(lambda: len(house.prices) == frames)
        finally:
            await house.venue.stop()
    assert house.prices == [float(price) for price in range(1, frames + 1)]
