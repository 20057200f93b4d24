"""A toy venue behind a real socket, and feeds' venue reading it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from foreshock_feeds.domain.ingest import Ingest, Ingested
from foreshock_feeds.domain.route_state import RouteChange, RouteState
from foreshock_feeds.fast_reader import PicowsReader
from foreshock_feeds.flow import Flow
from foreshock_feeds.health import Gap, RouteHealth
from foreshock_feeds.quarantine import Quarantine
from foreshock_feeds.reader import OpenSocket, WebsocketsReader
from foreshock_feeds.venue import Tuning, Venue
from foreshock_model.dedupe import Dedupe
from foreshock_runtime.clock import SystemClock
from foreshock_sdk import (
    BaseConnector,
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

readers = pytest.mark.parametrize("reader", [WebsocketsReader, PicowsReader])
SPEC = InstrumentSpec(venue="toy", raw_symbol="BTC", base="BTC", quote="USDT", packaged=True)


def lose_time(message: Mapping[str, object]) -> None:
    """Work or sleep, as a frame says, in seconds."""
    until = time.thread_time() + float(str(message.get("work", 0)))
    while time.thread_time() < until:
        pass
    time.sleep(float(str(message.get("sleep", 0))))


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
        lose_time(message)
        if message.get("fatal"):
            raise Fatal("not for this region")
        if message.get("canary"):
            found.canary = 1
        if message.get("ping"):
            found.replies.append("pong")
        if message.get("refused"):
            found.controls.append(Control(at, ControlKind.REFUSED, "7", "no such channel"))
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


class Toy(BaseConnector):
    venue = "toy"
    throttle = Throttle(push_interval=0.1)
    limits = Limits(connects=10, connects_per=1, messages_per_second=10, max_age=100)

    def __init__(self, url: str, deadline: float = 5.0) -> None:
        super().__init__()
        self.endpoints = Endpoints(url, url)
        self._deadline = deadline

    def spec_requests(self, endpoints: Endpoints) -> Sequence[RestRequest]:
        return [RestRequest(name="specs", url="http://127.0.0.1:1/", timeout=0.1)]

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

    def changed(self, change: RouteChange) -> Gap | None:
        gap = super().changed(change)
        self._told(change)
        return gap


class House:
    """A venue with its surroundings, and what came out."""

    def __init__(
        self,
        url: str,
        reader: type[OpenSocket],
        deadline: float = 5.0,
        connector: Connector | None = None,
        tuning: Tuning | None = None,
    ) -> None:
        clock = SystemClock()
        self.prices: list[float] = []
        self.flags: list[int] = []
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
            tuning=tuning,
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self.moved.clear()
                await self.moved.wait()

    def _deliver(self, ingest: Ingest, found: Ingested) -> None:
        self.prices += found.liquidations["price"].tolist()
        self.flags += found.liquidations["flags"].tolist()
        self.moved.set()

    def _changed(self, change: RouteChange) -> None:
        self.states.append(change.after)
        self.reasons.append(change.reason)
        self.moved.set()
