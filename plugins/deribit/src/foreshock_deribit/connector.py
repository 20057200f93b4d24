"""Deribit: where its public market data is, and how it says that it lives.

Source: documentation, "trades.(kind).(currency).(interval)", "Connection management" (32 connections an address),
"Rate limits" (about 3 subscribing requests a second) and "public/set_heartbeat", checked 2026-11-20. How many channels
one socket bears is not documented: an option.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import msgspec

from foreshock_deribit import history
from foreshock_deribit.decoder import DeribitDecoder
from foreshock_deribit.messages import HEARTBEAT_S, TEST, book_channel, ticker_channel, trades_channel
from foreshock_deribit.specs import VENUE, packaged_specs, parse_instruments
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

CANARY = ticker_channel("BTC-PERPETUAL")
CURRENCIES = ("BTC", "ETH", "USDC", "USDT")
CHANNELS_A_REQUEST = 50
INSTRUMENTS = "instruments"
FIRST_SUBSCRIPTION = 2
"""The id of the first subscribing request; 1 asks for heartbeats."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The operator's options.

    currencies           the settlement currencies whose futures are read
    channels_per_socket  so many channels of context at most on one socket
    """

    currencies: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern="^[A-Z0-9]{2,10}$")], ...], msgspec.Meta(min_length=1)
    ] = CURRENCIES
    channels_per_socket: Annotated[int, msgspec.Meta(ge=1, le=500)] = 200


class DeribitConnector(BaseConnector):
    """Liquidations of all futures and perpetuals; tickers of the perpetuals; books of the largest markets."""

    venue = VENUE
    endpoints = Endpoints("wss://www.deribit.com", "https://www.deribit.com")
    throttle = Throttle(push_interval=0.1)
    limits = Limits(connects=32, connects_per=60.0, messages_per_second=3.0, max_age=604_800.0)
    """Connection attempts and the greatest age are our own restraint."""
    Options = Options

    def spec_requests(self, endpoints: Endpoints) -> Sequence[RestRequest]:
        """Ask for all futures at once: the venue allows one such request in 10 s."""
        url = f"{endpoints.rest}/api/v2/public/get_instruments?currency=any&kind=future"
        return (RestRequest(name=INSTRUMENTS, url=url),)

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
        """Return a socket for the trades of all futures (the host picks the markets), others for tickers and books."""
        perpetual = [spec for spec in instruments.of_symbols(symbols) if not spec.expiry]
        deep = depth_symbols(symbols)
        context = [
            *(ticker_channel(spec.raw_symbol) for spec in perpetual),
            *(book_channel(spec.raw_symbol) for spec in perpetual if spec.symbol in deep),
        ]
        url, most = f"{endpoints.websocket}/ws/api/v2", self.options.channels_per_socket
        shards = [context[start : start + most] for start in range(0, len(context), most)]
        trades = [trades_channel(currency) for currency in self.options.currencies]
        return [
            _route("liquidations-0", url, trades, Purpose.LIQUIDATIONS),
            *(_route(f"context-{number}", url, shard, Purpose.CONTEXT) for number, shard in enumerate(shards)),
        ]

    def decoder(self, route: Route, instruments: Instruments) -> Decoder:
        """Return a decoder for one connection."""
        asked = {number: frozenset(channels) for number, channels in _requests(route.channels)}
        return DeribitDecoder(route.canary.channel, instruments, asked)

    def backfill_requests(
        self,
        route: Route,
        instruments: Instruments,  # noqa: ARG002 - lists are of currencies
        span: Span,
        endpoints: Endpoints,
    ) -> Sequence[RestRequest]:
        """Ask for the trades of each currency."""
        if route.purpose is not Purpose.LIQUIDATIONS:
            return ()
        return list(history.requests(self.options.currencies, span, endpoints.rest))

    def parse_backfill(self, request: RestRequest, body: bytes, instruments: Instruments) -> Decoded:  # noqa: ARG002 - all are alike
        """Read a page of trades."""
        return history.read(body, instruments)


def _route(name: str, url: str, channels: Sequence[str], purpose: Purpose) -> Route:
    names = tuple(dict.fromkeys((CANARY, *channels)))
    heartbeat = _request(1, "public/set_heartbeat", {"interval": HEARTBEAT_S})
    subscribe = (_request(number, "public/subscribe", {"channels": each}) for number, each in _requests(names))
    return Route(
        name=name,
        url=url,
        subscribe=(heartbeat, *subscribe),
        channels=names,
        heartbeat=Heartbeat(frame=TEST),
        canary=Canary(CANARY),
        purpose=purpose,
    )


def _requests(channels: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the id and the channels of each subscribing request."""
    for number, start in enumerate(range(0, len(channels), CHANNELS_A_REQUEST), FIRST_SUBSCRIPTION):
        yield number, list(channels[start : start + CHANNELS_A_REQUEST])


def _request(number: int, method: str, params: Mapping[str, Any]) -> str:
    request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return msgspec.json.encode(request).decode()
