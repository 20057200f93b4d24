"""Hyperliquid: where its public market data is, and how it says that it lives.

There is no public feed of liquidations. What can be seen is the fills of accounts that the operator names:
liquidations of those accounts, and of others where they took the other side. Source: API documentation, "Websocket",
"Rate limits and user limits", "Retrieve a user's fills by time", checked 2026-11-20; cadences by a probe of
2026-09-24.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import msgspec

from foreshock_hyperliquid.decoder import HyperliquidDecoder
from foreshock_hyperliquid.fills import read_fill
from foreshock_hyperliquid.messages import ASSET, BOOK, FILLS
from foreshock_hyperliquid.specs import CERTAIN, VENUE, packaged_specs, parse_meta
from foreshock_sdk import (
    BaseConnector,
    Canary,
    Decoded,
    Decoder,
    Endpoints,
    EventFlag,
    FrameError,
    Heartbeat,
    Instruments,
    InstrumentSpec,
    Limits,
    Purpose,
    RestRequest,
    Route,
    Span,
    SpecTable,
    Throttle,
)
from foreshock_sdk.naming import depth_symbols
from foreshock_sdk.reading import UNREADABLE

CANARY = f"{BOOK}:BTC"
MOST_SUBSCRIPTIONS = 1000
"""Of one address on the internet, over all its sockets."""
MOST_ADDRESSES = 10
FILLS_A_PAGE = 2000
META, HISTORY = "meta", "fills"
Address = Annotated[str, msgspec.Meta(pattern="^0x[0-9a-fA-F]{40}$")]
Dex = Annotated[str, msgspec.Meta(pattern="^[a-z0-9]{1,10}$")]


class HyperliquidOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The operator's options.

    addresses  accounts whose fills are followed: the venue allows ten
    dexes      builders' exchanges (HIP-3) whose perpetuals are read beside the venue's own, e.g. "xyz"
    """

    addresses: Annotated[tuple[Address, ...], msgspec.Meta(max_length=MOST_ADDRESSES)] = ()
    dexes: tuple[Dex, ...] = ()


class HyperliquidConnector(BaseConnector):
    """Context of all perpetuals, and liquidations in the fills of the accounts named in the options."""

    venue = VENUE
    endpoints = Endpoints("wss://api.hyperliquid.xyz", "https://api.hyperliquid.xyz")
    throttle = Throttle(push_interval=0.0, partial=True)
    limits = Limits(connects=30, connects_per=60.0, messages_per_second=15.0, max_age=604_800.0, rest_per_second=1.0)
    """2,000 client messages a minute over all sockets; 1,200 weight of REST a minute, 20 a request; the age is ours."""
    Options = HyperliquidOptions
    options: HyperliquidOptions

    def spec_requests(self, endpoints: Endpoints) -> Sequence[RestRequest]:
        """Ask for the perpetuals of the venue and of each builder's exchange."""
        asked = [(META, {"type": "meta"})]
        asked += [(f"{META}:{dex}", {"type": "meta", "dex": dex}) for dex in dict.fromkeys(self.options.dexes)]
        return tuple(_info(endpoints.rest + "/info", name, body) for name, body in asked)

    def parse_specs(self, bodies: Mapping[str, bytes]) -> Sequence[InstrumentSpec]:
        """Read the lists."""
        return [spec for name, body in bodies.items() for spec in parse_meta(body, name.partition(":")[2])]

    def packaged_specs(self) -> SpecTable:
        """Return the fallback table."""
        return packaged_specs()

    def routes(self, instruments: Instruments, symbols: Sequence[str], endpoints: Endpoints) -> Sequence[Route]:
        """Return a socket for the accounts, when there are any, and one for the context of coins."""
        addresses = dict.fromkeys(address.lower() for address in self.options.addresses)
        fills = [CANARY, *(f"{FILLS}:{address}" for address in addresses)] if addresses else []
        context = list(_context_channels(instruments, symbols))[: MOST_SUBSCRIPTIONS - len(fills)]
        routes = [_route("context-0", context, endpoints, Purpose.CONTEXT)]
        return [_route("fills-0", fills, endpoints, Purpose.LIQUIDATIONS), *routes] if fills else routes

    def decoder(self, route: Route, instruments: Instruments) -> Decoder:
        """Return a decoder for one connection."""
        return HyperliquidDecoder(route.canary.channel, instruments)

    def backfill_requests(
        self,
        route: Route,
        instruments: Instruments,  # noqa: ARG002 - an account's fills are of all coins
        span: Span,
        endpoints: Endpoints,
    ) -> Sequence[RestRequest]:
        """Ask for the fills of the route's accounts."""
        users = [channel.partition(":")[2] for channel in route.channels if channel.startswith(f"{FILLS}:")]
        return [_history(f"{endpoints.rest}/info", f"{HISTORY}:{user}", user, span) for user in users]

    def next_page(self, request: RestRequest, body: bytes) -> RestRequest | None:
        """Go on where a full page of fills ends; all other answers are whole."""
        if not request.name.startswith(HISTORY):
            return None
        times = [fill.get("time", 0) for fill in _fills(body)]
        asked = msgspec.json.decode(request.body or b"{}")
        newest = max(times, default=0)
        if len(times) < FILLS_A_PAGE or newest <= asked["startTime"]:
            return None
        return _history(request.url, request.name + "+", asked["user"], Span(newest, asked["endTime"]))

    def parse_backfill(self, request: RestRequest, body: bytes, instruments: Instruments) -> Decoded:
        """Read an account's fills."""
        user = msgspec.json.decode(request.body or b"{}").get("user", "")
        decoder = HyperliquidDecoder("", instruments)
        out = Decoded()
        decoder.rows(0, _fills(body), out, lambda fill: read_fill(fill, decoder.index, user, EventFlag.BACKFILLED))
        return out


def _context_channels(instruments: Instruments, symbols: Sequence[str]) -> Iterator[str]:
    """Name the channels of these markets: books of the few, the rest of all; only of coins certainly there."""
    deep = depth_symbols(symbols)
    specs = [spec for spec in instruments.of_symbols(symbols) if not spec.packaged or spec.raw_symbol in CERTAIN]
    books = (f"{BOOK}:{spec.raw_symbol}" for spec in specs if spec.symbol in deep)
    yield from dict.fromkeys((CANARY, *books))
    yield from (f"{ASSET}:{spec.raw_symbol}" for spec in specs)


def _route(name: str, channels: Sequence[str], endpoints: Endpoints, purpose: Purpose) -> Route:
    return Route(
        name=name,
        url=f"{endpoints.websocket}/ws",
        subscribe=tuple(_subscribe(channel) for channel in channels),
        channels=tuple(channels),
        heartbeat=Heartbeat(frame='{"method":"ping"}'),
        canary=Canary(CANARY),
        purpose=purpose,
    )


def _subscribe(channel: str) -> str:
    kind, _, subject = channel.partition(":")
    what: dict[str, Any] = {"type": kind, "user" if kind == FILLS else "coin": subject}
    if kind == BOOK:
        what["fast"] = True  # five levels twice a second; without it twenty levels in 5 s
    return msgspec.json.encode({"method": "subscribe", "subscription": what}).decode()


def _info(url: str, name: str, body: dict[str, Any]) -> RestRequest:
    return RestRequest(name=name, url=url, body=msgspec.json.encode(body))


def _history(url: str, name: str, user: str, span: Span) -> RestRequest:
    asked = {"type": "userFillsByTime", "user": user, "startTime": span.from_ms, "endTime": span.to_ms}
    return _info(url, name, asked)


def _fills(body: bytes) -> list[dict[str, Any]]:
    try:
        return msgspec.json.decode(body, type=list[dict[str, Any]])
    except UNREADABLE as error:
        raise FrameError(f"fills: {error}") from error
