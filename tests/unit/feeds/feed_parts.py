"""A venue without sockets, for tests of what feeds does with one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from foreshock_sdk import (
    BaseConnector,
    Canary,
    Control,
    ControlKind,
    Decoded,
    Endpoints,
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
from foreshock_sdk.columns import RawLiquidation
from foreshock_sdk.events import EventFlag, LiquidatedSide, PriceKind

SECOND = 10**9
ROUTE = Route(
    name="main",
    url="ws://127.0.0.1:1",
    subscribe=("hello",),
    channels=("all",),
    heartbeat=Heartbeat(interval=20.0, frame="ping", idle_timeout=30.0),
    canary=Canary("btc", 5.0),
)


class ToyFrame(msgspec.Struct):
    """What a frame of the toy venue may say."""

    price: float | None = None
    ts: int = 1
    replayed: bool = False
    missing: int = 0
    canary: int = 0
    pushed_ms: int = 0
    control: ControlKind | None = None


class ToyDecoder:
    def feed(self, frames: Sequence[str | bytes]) -> Decoded:
        found = Decoded()
        for at, frame in enumerate(frames):
            try:
                said = msgspec.json.decode(frame, type=ToyFrame)
            except msgspec.DecodeError:
                found.faults.append(Fault(at, None, "not JSON"))
                continue
            found.canary = max(found.canary, said.canary)
            found.pushed_ms = max(found.pushed_ms, said.pushed_ms)
            found.missing += said.missing
            if said.control is not None:
                found.controls.append(Control(at, said.control, "7", "why"))
            if said.price is not None:
                row = RawLiquidation(0, LiquidatedSide.LONG, said.price, PriceKind(0), 1.0, said.ts, said.price)
                flags = EventFlag.REPLAYED if said.replayed else EventFlag.NONE
                found.liquidations.append(at, row._replace(flags=flags))
        return found


class ToyConnector(BaseConnector):
    venue = "toy"
    endpoints = Endpoints("ws://127.0.0.1:1", "http://127.0.0.1:1")
    throttle = Throttle(push_interval=0.1)
    limits = Limits(connects=10, connects_per=1, messages_per_second=10, max_age=100)

    def spec_requests(self, endpoints: Endpoints) -> Sequence[RestRequest]:
        return [RestRequest(name=each, url=f"{endpoints.rest}/{each}", timeout=2.0) for each in ("linear", "inverse")]

    def parse_specs(self, bodies: Mapping[str, bytes]) -> Sequence[InstrumentSpec]:
        names = [name for body in bodies.values() for name in msgspec.json.decode(body, type=list[str]) if name != "+"]
        return [InstrumentSpec(venue="toy", raw_symbol=name, base=name, quote="USDT") for name in names]

    def next_page(self, request: RestRequest, body: bytes) -> RestRequest | None:
        """A list that ends with a plus goes on."""
        if not body.endswith(b'"+"]'):
            return None
        return msgspec.structs.replace(request, name=f"{request.name}+", url=f"{request.url}+")

    def packaged_specs(self) -> SpecTable:
        names = ("BTC", "OLD")
        specs = [InstrumentSpec(venue="toy", raw_symbol=each, base=each, quote="USDT", packaged=True) for each in names]
        return SpecTable("2026-11-20", tuple(specs))

    def routes(self, instruments: Instruments, symbols: Sequence[str], endpoints: Endpoints) -> Sequence[Route]:
        topics = tuple(spec.raw_symbol for spec in instruments.of_symbols(symbols))
        return [msgspec.structs.replace(ROUTE, channels=topics, url=endpoints.websocket)]

    def decoder(self, route: Route, instruments: Instruments) -> ToyDecoder:
        return ToyDecoder()
