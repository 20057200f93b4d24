"""A route over real sockets: it proves its life, survives losses, and never dies of a frame."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve

from foreshock_feeds.domain.dedupe import Dedupe
from foreshock_feeds.domain.ingest import Ingest, Ingested
from foreshock_feeds.domain.route_state import RouteChange, RouteState
from foreshock_feeds.fast_reader import PicowsReader
from foreshock_feeds.flow import Flow
from foreshock_feeds.health import RouteHealth
from foreshock_feeds.quarantine import Quarantine
from foreshock_feeds.reader import OpenSocket, WebsocketsReader
from foreshock_feeds.venue import Venue
from foreshock_lab.polling import within
from foreshock_runtime.clock import SystemClock
from foreshock_sdk import (
    Canary,
    Connector,
    Control,
    ControlKind,
    Decoded,
    Endpoints,
    Fatal,
    Fault,
    Heartbeat,
    Instruments,
    InstrumentSpec,
    Limits,
    RestRequest,
    Route,
    SpecTable,
    Throttle,
)

SPEC = InstrumentSpec(venue="toy", raw_symbol="BTC", base="BTC", quote="USDT", packaged=True)


class ToyDecoder:
    def feed(self, frames: Sequence[str | bytes]) -> Decoded:
        found = Decoded()
        for at, frame in enumerate(frames):
            try:
                message = json.loads(frame)
            except ValueError:
                found.faults.append(Fault(at, None, "not JSON"))
                continue
            self._take(found, at, message)
        return found

    def _take(self, found: Decoded, at: int, message: Mapping[str, object]) -> None:
        if message.get("bomb"):
            raise RuntimeError("the decoder is broken")
        if message.get("fatal"):
            raise Fatal("not for this region")
        if message.get("canary"):
            found.canary = 1
        if message.get("ping"):
            found.replies.append("pong")
        if message.get("bye"):
            found.controls.append(Control(at, ControlKind.CLOSING, "1"))
        if "price" in message:
            raw = found.liquidations
            assert raw.frame is not None
            raw.frame.append(at)
            raw.instrument.append(0)
            raw.side.append(0)
            raw.price.append(float(str(message["price"])))
            raw.price_kind.append(0)
            raw.size.append(1.0)
            raw.ts_event_ms.append(1)
            raw.identity_a.append(float(str(message["price"])))
            raw.identity_b.append(0.0)
            raw.flags.append(0)


class Toy:
    venue = "toy"
    throttle = Throttle(push_interval=0.1)
    limits = Limits(connects=10, connects_per=1, messages_per_second=10, max_age=100)

    def __init__(self, url: str, deadline: float = 5.0) -> None:
        self.endpoints = Endpoints(url, url)
        self._deadline = deadline

    def spec_requests(self, endpoints: Endpoints) -> Sequence[RestRequest]:
        return [RestRequest(name="specs", url="http://127.0.0.1:1/", timeout=0.1)]

    def parse_specs(self, bodies: Mapping[str, bytes]) -> Sequence[InstrumentSpec]:
        return []

    def next_page(self, request: RestRequest, body: bytes) -> RestRequest | None:
        return None

    def packaged_specs(self) -> SpecTable:
        return SpecTable("2026-11-20", (SPEC,))

    def routes(self, instruments: Instruments, symbols: Sequence[str], endpoints: Endpoints) -> Sequence[Route]:
        beat = Heartbeat(interval=0.3, timeout=1, frame="beat", idle_timeout=30)
        canary = Canary("toy", self._deadline)
        return [
            Route(
                name="main",
                url=endpoints.websocket,
                subscribe=('{"op":"subscribe"}',),
                channels=tuple(symbols),
                heartbeat=beat,
                canary=canary,
            )
        ]

    def decoder(self, route: Route, instruments: Instruments) -> ToyDecoder:
        return ToyDecoder()


Handler = Callable[[ServerConnection], object]


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0) as running:  # type: ignore[arg-type]
        port = next(iter(running.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}"


class Watched(RouteHealth):
    """Also tells a test."""

    def __init__(self, told: Callable[[RouteChange], None]) -> None:
        super().__init__(SystemClock())
        self._told = told

    def changed(self, change: RouteChange) -> None:
        super().changed(change)
        self._told(change)


class House:
    """A venue with its surroundings, and what came out."""

    def __init__(
        self, url: str, reader: type[OpenSocket], deadline: float = 5.0, connector: Connector | None = None
    ) -> None:
        clock = SystemClock()
        self.prices: list[float] = []
        self.flow = Flow()
        self.states: list[RouteState] = []
        self.reasons: list[str] = []
        self.health = Watched(self._changed)
        self.moved = asyncio.Event()
        self.quarantine = Quarantine(clock)
        connector = connector or Toy(url, deadline)
        self.venue = Venue(
            connector,
            connector.endpoints,
            clock=clock,
            open_socket=reader(clock, self.flow),  # type: ignore[call-arg]
            dedupe=Dedupe(),
            quarantine=self.quarantine,
            deliver=self._deliver,
            health=self.health,
            partitions=1,
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self.moved.clear()
                await self.moved.wait()

    def _deliver(self, ingest: Ingest, found: Ingested) -> None:
        self.prices += found.liquidations["price"].tolist()
        self.moved.set()

    def _changed(self, change: RouteChange) -> None:
        self.states.append(change.after)
        self.reasons.append(change.reason)
        self.moved.set()


readers = pytest.mark.parametrize("reader", [WebsocketsReader, PicowsReader])


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
async def test_a_lost_route_comes_back_and_what_is_sent_again_counts_once(reader: type[OpenSocket]) -> None:
    connections = 0

    async def handler(socket: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        await socket.recv()
        for price in range(1, 5 + connections):
            await socket.send(json.dumps({"price": price, "canary": 1}))
        if connections == 1:
            socket.transport.abort()
        elif connections == 2:
            await socket.send(json.dumps({"bye": 1}))
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


async def quiet(socket: ServerConnection) -> None:
    """Say that all is well, and nothing else."""
    await socket.recv()
    await socket.send(json.dumps({"canary": 1}))
    await socket.wait_closed()


async def test_only_sockets_that_need_other_channels_are_opened_anew() -> None:
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
            await house.venue.follow(["ETHUSDT"])
            assert first not in house.venue.sockets
            await house.until(lambda: house.states.count(RouteState.LIVE) == 4)
        finally:
            await house.venue.stop()
    assert house.health.gaps == 3, "the second route began late; both were opened anew"


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
            await house.until(lambda: len(house.prices) == 3)
        finally:
            await house.venue.stop()
    assert heard[2] - heard[0] > 0.8


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
