"""Kraken Futures, websocket v1: where its public market data is, and how it says that it lives.

Source: documentation, "Trade", "Ticker" (told once a second), "Book", "Futures rate limits" (100 connections, 100
requests a second) and support article 360022635632 (a ping at least every 60 s), checked 2026-11-20. How many contracts
one socket bears is not documented: an option.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec

from foreshock_krakenfutures import history
from foreshock_krakenfutures.decoder import KrakenFuturesDecoder
from foreshock_krakenfutures.messages import BOOK, TICKER, TRADE
from foreshock_krakenfutures.specs import VENUE, packaged_specs, parse_instruments
from foreshock_sdk import (
    BaseConnector,
    Canary,
    Decoded,
    Decoder,
    Endpoints,
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

CANARY = f"{TICKER}:PF_XBTUSD"
CONTRACTS_A_REQUEST = 50
INSTRUMENTS = "instruments"


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The operator's options.

    history_uid           whose uid the socket's trades carry: the execution's, or that of the element around it
    contracts_per_socket  so many contracts at most on one socket
    """

    history_uid: Literal["execution", "element"] = "execution"
    contracts_per_socket: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100


class KrakenFuturesConnector(BaseConnector):
    """Liquidations of all contracts; tickers of the perpetuals; books of the largest markets."""

    venue = VENUE
    endpoints = Endpoints("wss://futures.kraken.com", "https://futures.kraken.com")
    throttle = Throttle(push_interval=0.0)
    limits = Limits(connects=50, connects_per=60.0, messages_per_second=50.0, max_age=604_800.0)
    """Connection attempts and the greatest age are our own restraint."""
    Options = Options

    def spec_requests(self, endpoints: Endpoints) -> Sequence[RestRequest]:
        """Ask for all contracts."""
        return (RestRequest(name=INSTRUMENTS, url=f"{endpoints.rest}/derivatives/api/v3/instruments"),)

    def parse_specs(self, bodies: Mapping[str, bytes]) -> Sequence[InstrumentSpec]:
        """Read the list."""
        return [spec for body in bodies.values() for spec in parse_instruments(body)]

    def next_page(self, request: RestRequest, body: bytes) -> RestRequest | None:
        """Follow the history; the list of contracts has one page."""
        return None if request.name == INSTRUMENTS else history.following(request, body)

    def packaged_specs(self) -> SpecTable:
        """Return the fallback table."""
        return packaged_specs()

    def routes(self, instruments: Instruments, symbols: Sequence[str], endpoints: Endpoints) -> Sequence[Route]:
        """Return sockets for the trades of all these contracts, and others for tickers and books."""
        wanted = instruments.of_symbols(symbols)
        perpetual = [spec for spec in wanted if not spec.expiry]
        deep = depth_symbols(symbols)
        context = {
            TICKER: [spec.raw_symbol for spec in perpetual],
            BOOK: [spec.raw_symbol for spec in perpetual if spec.symbol in deep],
        }
        url, most = f"{endpoints.websocket}/ws/v1", self.options.contracts_per_socket
        trades = {TRADE: [spec.raw_symbol for spec in wanted]}
        return [*_routes(Purpose.LIQUIDATIONS, url, trades, most), *_routes(Purpose.CONTEXT, url, context, most)]

    def decoder(self, route: Route, instruments: Instruments) -> Decoder:
        """Return a decoder for one connection."""
        return KrakenFuturesDecoder(route.canary.channel, instruments)

    def backfill_requests(
        self,
        route: Route,
        instruments: Instruments,  # noqa: ARG002 - the route names its contracts
        span: Span,
        endpoints: Endpoints,
    ) -> Sequence[RestRequest]:
        """Ask for the executions of each contract whose trades the route brings."""
        channels = (each.partition(":") for each in route.channels)
        return list(history.requests([name for feed, _, name in channels if feed == TRADE], span, endpoints.rest))

    def parse_backfill(self, request: RestRequest, body: bytes, instruments: Instruments) -> Decoded:
        """Read a page of executions."""
        try:
            return history.read(body, instruments, by_element=self.options.history_uid == "element")
        except FrameError as error:
            raise FrameError(f"{request.name}: {error}") from error


def _routes(purpose: Purpose, url: str, feeds: dict[str, list[str]], most: int) -> Iterator[Route]:
    """Yield as many sockets as the contracts need, each with the canary."""
    channels = [(feed, product) for feed, products in feeds.items() for product in products]
    for number, start in enumerate(range(0, len(channels), most)):
        shard = {TICKER: {CANARY.partition(":")[2]: None}}
        for feed, product in channels[start : start + most]:
            shard.setdefault(feed, {})[product] = None
        yield Route(
            name=f"{purpose}-{number}",
            url=url,
            subscribe=tuple(_requests(shard)),
            channels=tuple(f"{feed}:{product}" for feed, products in shard.items() for product in products),
            heartbeat=Heartbeat(),
            canary=Canary(CANARY),
            purpose=purpose,
        )


def _requests(feeds: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for feed, products in feeds.items():
        names = list(products)
        for start in range(0, len(names), CONTRACTS_A_REQUEST):
            request = {"event": "subscribe", "feed": feed, "product_ids": names[start : start + CONTRACTS_A_REQUEST]}
            yield msgspec.json.encode(request).decode()
