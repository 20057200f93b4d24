"""Bitget UTA v3: where its public market data is, and how it says that it lives.

Source: UTA documentation, "Websocket", "Liquidation Channel" and "Get Instruments", checked 2026-11-20: 10 messages a
second, 300 connections in 5 minutes, at best 50 channels a socket, every socket ended after 24 hours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from foreshock_bitget.decoder import BitgetDecoder
from foreshock_bitget.messages import BOOK, COIN_FUTURES, LIQUIDATION, TICKER, USDC_FUTURES, USDT_FUTURES
from foreshock_bitget.specs import VENUE, CoinAmount, packaged_specs, parse_instruments
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

CANARY = f"{TICKER}:BTCUSDT"
CHANNELS_A_SOCKET = 48
"""And the canary: within the 50 that the venue recommends."""
ARGS_A_REQUEST = 5
Arg = dict[str, str]


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the operator may choose.

    coin_futures_amount  in what the amounts of coin-margined contracts are counted: quote (USD) or base (coins); off:
                         leave these contracts out, because the venue does not say
    """

    coin_futures_amount: CoinAmount = "off"


class BitgetConnector(BaseConnector):
    """Liquidations of all contracts; tickers and books of the named markets, or of the majors."""

    venue = VENUE
    endpoints = Endpoints("wss://ws.bitget.com", "https://api.bitget.com")
    throttle = Throttle(push_interval=1.0, per_symbol_cap=2)
    """Of each second the largest of either side."""
    limits = Limits(connects=300, connects_per=300.0, messages_per_second=10.0, max_age=86_400.0, rest_per_second=10.0)
    Options = Options

    def spec_requests(self, endpoints: Endpoints) -> Sequence[RestRequest]:
        """Ask for the contracts of each category."""
        address = f"{endpoints.rest}/api/v3/market/instruments?category="
        return tuple(RestRequest(name=each, url=f"{address}{each.upper()}") for each in self._kinds())

    def parse_specs(self, bodies: Mapping[str, bytes]) -> Sequence[InstrumentSpec]:
        """Read the lists."""
        amount = self.options.coin_futures_amount
        return [spec for body in bodies.values() for spec in parse_instruments(body, amount)]

    def packaged_specs(self) -> SpecTable:
        """Return the fallback table."""
        return packaged_specs(self.options.coin_futures_amount)

    def routes(self, instruments: Instruments, symbols: Sequence[str], endpoints: Endpoints) -> Sequence[Route]:
        """Return the socket of liquidations, and as many as the tickers and books need."""
        canary = _arg(TICKER, USDT_FUTURES, "BTCUSDT")
        liquidations = [{"instType": kind, "topic": LIQUIDATION} for kind in self._kinds()]
        first = _route("public-0", [canary, *liquidations], endpoints, Purpose.LIQUIDATIONS)
        wanted = instruments.of_symbols(tuple(depth_symbols(symbols)))
        args = [arg for spec in wanted for arg in _args(spec)]
        shards = range(0, len(args), CHANNELS_A_SOCKET)
        return [
            first,
            *(
                _route(f"context-{number}", [canary, *args[at : at + CHANNELS_A_SOCKET]], endpoints, Purpose.CONTEXT)
                for number, at in enumerate(shards)
            ),
        ]

    def decoder(self, route: Route, instruments: Instruments) -> Decoder:
        """Return a decoder for one connection."""
        return BitgetDecoder(route.canary.channel, instruments, self.options.coin_futures_amount)

    def _kinds(self) -> tuple[str, ...]:
        known = (USDT_FUTURES, USDC_FUTURES)
        return known if self.options.coin_futures_amount == "off" else (*known, COIN_FUTURES)


def kind_of(spec: InstrumentSpec) -> str:
    """Return the instType of a contract."""
    return {"USDT": USDT_FUTURES, "USDC": USDC_FUTURES}.get(spec.quote, COIN_FUTURES)


def channel_of(arg: Arg) -> str:
    """Return the name of a channel."""
    return f"{arg['topic']}:{arg.get('symbol') or arg['instType']}"


def _arg(topic: str, kind: str, symbol: str) -> Arg:
    return {"instType": kind, "topic": topic, "symbol": symbol}


def _args(spec: InstrumentSpec) -> Iterator[Arg]:
    kind = kind_of(spec)
    for topic in (TICKER,) if kind == COIN_FUTURES else (TICKER, BOOK):
        yield _arg(topic, kind, spec.raw_symbol)


def _route(name: str, args: Sequence[Arg], endpoints: Endpoints, purpose: Purpose) -> Route:
    unique = list({channel_of(arg): arg for arg in args}.values())
    requests = (unique[at : at + ARGS_A_REQUEST] for at in range(0, len(unique), ARGS_A_REQUEST))
    return Route(
        name=name,
        url=f"{endpoints.websocket}/v3/ws/public",
        subscribe=tuple(msgspec.json.encode({"op": "subscribe", "args": each}).decode() for each in requests),
        channels=tuple(channel_of(arg) for arg in unique),
        heartbeat=Heartbeat(frame="ping"),
        canary=Canary(CANARY),
        purpose=purpose,
    )
