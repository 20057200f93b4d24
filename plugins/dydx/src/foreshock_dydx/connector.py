"""dYdX v4: where its indexer's public market data is, and how it says that it lives.

A connection bears 32 subscriptions of each channel. The canary is the block height: the chain makes a block about every
second, and trades reach the socket by the same way as blocks do. Source: indexer documentation, "WebSockets" and "Rate
limiting", and the defaults of `indexer/services/socks` in dydxprotocol/v4-chain, checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec

from foreshock_dydx import history
from foreshock_dydx.decoder import DydxDecoder
from foreshock_dydx.messages import BLOCKS, BOOK, MARKETS, TRADES
from foreshock_dydx.specs import VENUE, packaged_specs, parse_markets
from foreshock_sdk import (
    BaseConnector,
    Canary,
    Decoded,
    Decoder,
    Endpoints,
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

PERPETUAL_MARKETS = "perpetualMarkets"


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The operator's options.

    markets_per_socket  so many markets at most on one socket; the venue's public indexer takes 32
    canary_deadline     seconds without a block after which a socket is taken for dead
    """

    markets_per_socket: Annotated[int, msgspec.Meta(ge=1, le=256)] = 32
    canary_deadline: Annotated[float, msgspec.Meta(gt=0, le=120)] = 5.0


class DydxConnector(BaseConnector):
    """Liquidations and oracle prices of all markets, books of the largest."""

    venue = VENUE
    endpoints = Endpoints("wss://indexer.dydx.trade", "https://indexer.dydx.trade")
    throttle = Throttle(push_interval=0.25)
    limits = Limits(connects=30, connects_per=60.0, messages_per_second=10.0, max_age=604_800.0, rest_per_second=8.0)
    """REST allows 100 requests in 10 s, and a socket 2 subscriptions a second of one market; the others are ours."""
    Options = Options

    def spec_requests(self, endpoints: Endpoints) -> Sequence[RestRequest]:
        """Ask for all markets."""
        return (RestRequest(name=PERPETUAL_MARKETS, url=f"{endpoints.rest}/v4/perpetualMarkets"),)

    def parse_specs(self, bodies: Mapping[str, bytes]) -> Sequence[InstrumentSpec]:
        """Read the list."""
        return [spec for body in bodies.values() for spec in parse_markets(body)]

    def next_page(self, request: RestRequest, body: bytes) -> RestRequest | None:
        """Follow the history; the list of markets has one page."""
        return None if request.name == PERPETUAL_MARKETS else history.following(request, body)

    def packaged_specs(self) -> SpecTable:
        """Return the fallback table."""
        return packaged_specs()

    def routes(self, instruments: Instruments, symbols: Sequence[str], endpoints: Endpoints) -> Sequence[Route]:
        """Return sockets for the trades of all these markets, and others for prices and books."""
        wanted, deep = instruments.of_symbols(symbols), depth_symbols(symbols)
        trades = self._shards([f"{TRADES}:{spec.raw_symbol}" for spec in wanted])
        books = self._shards([f"{BOOK}:{spec.raw_symbol}" for spec in wanted if spec.symbol in deep])
        context = [[MARKETS, *(books[0] if books else [])], *books[1:]] if wanted else []
        return [
            *(self._route(number, each, Purpose.LIQUIDATIONS, endpoints) for number, each in enumerate(trades)),
            *(self._route(number, each, Purpose.CONTEXT, endpoints) for number, each in enumerate(context)),
        ]

    def _shards(self, channels: list[str]) -> list[list[str]]:
        most = self.options.markets_per_socket
        return [channels[start : start + most] for start in range(0, len(channels), most)]

    def _route(self, number: int, channels: list[str], purpose: Purpose, endpoints: Endpoints) -> Route:
        names = (BLOCKS, *channels)  # the blocks first: theirs is the only time that markets and books have
        return Route(
            name=f"{purpose}-{number}",
            url=f"{endpoints.websocket}/v4/ws",
            subscribe=tuple(_request(name) for name in names),
            channels=names,
            heartbeat=Heartbeat(),
            canary=Canary(BLOCKS, self.options.canary_deadline),
            purpose=purpose,
        )

    def decoder(self, route: Route, instruments: Instruments) -> Decoder:  # noqa: ARG002 - all routes are alike
        """Return a decoder for one connection."""
        return DydxDecoder(instruments)

    def backfill_requests(
        self,
        route: Route,
        instruments: Instruments,  # noqa: ARG002 - the route names its markets
        span: Span,
        endpoints: Endpoints,
    ) -> Sequence[RestRequest]:
        """Ask for the trades of each market that the route brings."""
        channels = (each.partition(":") for each in route.channels)
        return list(history.requests([name for kind, _, name in channels if kind == TRADES], span, endpoints.rest))

    def parse_backfill(self, request: RestRequest, body: bytes, instruments: Instruments) -> Decoded:
        """Read a page of trades."""
        return history.read(request, body, instruments)


def _request(channel: str) -> str:
    kind, _, market = channel.partition(":")
    request: dict[str, Any] = {"type": "subscribe", "channel": kind}
    if market:
        request["id"] = market
    if kind != BLOCKS:
        request["batched"] = True
    return msgspec.json.encode(request).decode()
