"""OKX v5: where its public market data is, and how it says that it lives.

Source: v5 documentation, "Connect", "Liquidation orders channel", "Public data" and "Order book channel", and the
notice of 2026-09-30 that ends every port but 443; checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from foreshock_okx.decoder import OkxDecoder
from foreshock_okx.messages import (
    BOOKS,
    FUNDING,
    INDEX_PRICE,
    KINDS,
    LIQUIDATIONS,
    MARK_PRICE,
    OPEN_INTEREST,
    TICKERS,
)
from foreshock_okx.specs import VENUE, packaged_specs, parse_instruments
from foreshock_sdk import (
    BaseConnector,
    Canary,
    Decoder,
    Endpoints,
    Heartbeat,
    Instruments,
    InstrumentSpec,
    Limits,
    Purpose,
    RestRequest,
    Route,
    SpecTable,
    Throttle,
)
from foreshock_sdk.naming import depth_symbols

CANARY_INSTRUMENT = "BTC-USDT-SWAP"
CANARY = f"{MARK_PRICE}:{CANARY_INSTRUMENT}"
CHANNELS = (CANARY, *(f"{LIQUIDATIONS}:{kind}" for kind in KINDS))
"""The mark price first: its time shows that the first liquidation told is an old one."""
CHARACTERS_A_SOCKET = 60_000
"""Of all requests on it: the venue allows 64 KB."""
CHANNELS_A_REQUEST = 50
PERPETUAL_FUTURES = "_XPERP-"
"""In the name of a future that has a funding rate."""


class OkxConnector(BaseConnector):
    """Liquidations, prices, funding and open interest of all perpetuals and futures, and the books of a few."""

    venue = VENUE
    endpoints = Endpoints("wss://ws.okx.com", "https://www.okx.com")
    throttle = Throttle(push_interval=0.0)
    limits = Limits(connects=3, connects_per=1.0, messages_per_second=3.0, max_age=604_800.0)
    """Requests are limited to 480 an hour; the rate a second and the greatest age are our own restraint."""

    def spec_requests(self, endpoints: Endpoints) -> Sequence[RestRequest]:
        """Ask for perpetuals and futures."""
        address = f"{endpoints.rest}/api/v5/public/instruments?instType="
        return tuple(RestRequest(name=kind, url=f"{address}{kind}") for kind in KINDS)

    def parse_specs(self, bodies: Mapping[str, bytes]) -> Sequence[InstrumentSpec]:
        """Read both lists."""
        return [spec for body in bodies.values() for spec in parse_instruments(body)]

    def packaged_specs(self) -> SpecTable:
        """Return the fallback table."""
        return packaged_specs()

    def routes(self, instruments: Instruments, symbols: Sequence[str], endpoints: Endpoints) -> Sequence[Route]:
        """Return the one socket that carries the whole market's liquidations, and those of the context."""
        shards = _shards(_context_channels(instruments, symbols))
        return (
            _route("public-0", CHANNELS, endpoints, Purpose.LIQUIDATIONS),
            *(_route(f"context-{at}", shard, endpoints, Purpose.CONTEXT) for at, shard in enumerate(shards)),
        )

    def decoder(self, route: Route, instruments: Instruments) -> Decoder:
        """Return a decoder for one connection."""
        return OkxDecoder(route.canary.channel, instruments)


def _context_channels(instruments: Instruments, symbols: Sequence[str]) -> Iterator[str]:
    """Name the channels of these markets; before the venue told its list only those of the few with books."""
    deep = depth_symbols(symbols)
    for spec in instruments.of_symbols(symbols):
        contract, is_deep = spec.raw_symbol, spec.symbol in deep
        if spec.packaged and not is_deep:
            continue
        yield from (f"{channel}:{contract}" for channel in (MARK_PRICE, OPEN_INTEREST, TICKERS))
        if not spec.expiry or PERPETUAL_FUTURES in contract:
            yield f"{FUNDING}:{contract}"
        if not spec.expiry:
            yield f"{INDEX_PRICE}:{contract.removesuffix('-SWAP')}"
            if is_deep:
                yield f"{BOOKS}:{contract}"


def _shards(channels: Iterator[str]) -> list[list[str]]:
    """Spread channels over sockets, the canary on each."""
    shards, length = list[list[str]](), CHARACTERS_A_SOCKET
    for channel in channels:
        if channel == CANARY:
            continue
        size = len(msgspec.json.encode(_arg(channel))) + 1
        if length + size > CHARACTERS_A_SOCKET:
            shards.append([CANARY])
            length = len(msgspec.json.encode(_arg(CANARY))) + 1
        shards[-1].append(channel)
        length += size
    return shards


def _arg(channel: str) -> dict[str, str]:
    name, _, subject = channel.partition(":")
    return {"channel": name, "instType" if name == LIQUIDATIONS else "instId": subject}


def _route(name: str, channels: Sequence[str], endpoints: Endpoints, purpose: Purpose) -> Route:
    return Route(
        name=name,
        url=f"{endpoints.websocket}/ws/v5/public",
        subscribe=tuple(_requests(channels)),
        channels=tuple(channels),
        heartbeat=Heartbeat(frame="ping", idle_timeout=30.0),
        canary=Canary(CANARY),
        purpose=purpose,
    )


def _requests(channels: Sequence[str]) -> Iterator[str]:
    for number, start in enumerate(range(0, len(channels), CHANNELS_A_REQUEST), 1):
        args = [_arg(channel) for channel in channels[start : start + CHANNELS_A_REQUEST]]
        yield msgspec.json.encode({"id": str(number), "op": "subscribe", "args": args}).decode()
