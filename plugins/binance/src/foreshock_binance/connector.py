"""Binance futures: where its public market data is, and how it says that it lives.

Source: "Important WebSocket Change Notice" of 2026-03-06 and the derivatives documentation, checked
2026-11-20. The old paths /ws and /stream still acknowledge a subscription and deliver none of /market's
channels. Books are on a path of their own, so they need a socket of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec

from foreshock_binance.decoder import BinanceDecoder
from foreshock_binance.specs import VENUE, packaged_specs, parse_exchange_info
from foreshock_sdk import (
    BaseConnector,
    Canary,
    Decoder,
    Endpoints,
    FrameError,
    Heartbeat,
    Instruments,
    InstrumentSpec,
    Limits,
    Poll,
    Purpose,
    RestRequest,
    Route,
    SpecTable,
    Throttle,
)
from foreshock_sdk.naming import depth_symbols

LIQUIDATIONS = "!forceOrder@arr"
"""All symbols; since 2026-06-30 of USD-M and COIN-M both, on one host."""
CANARY = "btcusdt@markPrice@1s"
MARKS = "!markPrice@arr@1s"
TOPS = "!bookTicker"
"""The best bid and ask of all symbols, every 5 s."""
BOOK = "@depth20@500ms"
BOOK_CANARY = f"btcusdt{BOOK}"
INTEREST_SECONDS = 15.0
"""Between two looks at a contract's open interest: there is no stream of it. A look costs 1 of 2,400 a minute."""
STREAMS_A_SOCKET = 190
"""Beside the canary. Documented are 1,024; older texts and common libraries say 200."""
COIN_REST = "coin_rest"
USD_MARGINED, COIN_MARGINED = "usd-margined", "coin-margined"


class BinanceConnector(BaseConnector):
    """USD-M and COIN-M liquidations, mark, index, funding and best prices of all contracts, and the books of a few."""

    venue = VENUE
    endpoints = Endpoints(
        "wss://fstream.binance.com", "https://fapi.binance.com", {COIN_REST: "https://dapi.binance.com"}
    )
    throttle = Throttle(push_interval=1.0, per_symbol_cap=1)
    limits = Limits(connects=300, connects_per=300.0, messages_per_second=10.0, max_age=86_400.0)

    def spec_requests(self, endpoints: Endpoints) -> Sequence[RestRequest]:
        """Ask for both lists of contracts."""
        coin = endpoints.extra.get(COIN_REST, endpoints.rest)
        return (
            RestRequest(name=USD_MARGINED, url=f"{endpoints.rest}/fapi/v1/exchangeInfo"),
            RestRequest(name=COIN_MARGINED, url=f"{coin}/dapi/v1/exchangeInfo"),
        )

    def parse_specs(self, bodies: Mapping[str, bytes]) -> Sequence[InstrumentSpec]:
        """Read both lists; COIN-M comes from the packaged table when only its host kept silent."""
        if USD_MARGINED not in bodies:
            raise FrameError("the list of USD-M contracts is missing")
        specs = parse_exchange_info(bodies[USD_MARGINED])
        if COIN_MARGINED in bodies:
            return specs + parse_exchange_info(bodies[COIN_MARGINED])
        return specs + [each for each in packaged_specs().specs if each.inverse]

    def packaged_specs(self) -> SpecTable:
        """Return the fallback table."""
        return packaged_specs()

    def routes(self, instruments: Instruments, symbols: Sequence[str], endpoints: Endpoints) -> Sequence[Route]:
        """Return the socket of all liquidations, that of all marks, and those of best prices and books."""
        market, public = f"{endpoints.websocket}/market/stream", f"{endpoints.websocket}/public/stream"
        deep = _deep(instruments, symbols)
        streams = (TOPS, *(stream for symbol in deep if (stream := symbol.lower() + BOOK) != BOOK_CANARY))
        shards = [streams[at : at + STREAMS_A_SOCKET] for at in range(0, len(streams), STREAMS_A_SOCKET)]
        return (
            _route("market-0", market, (LIQUIDATIONS, CANARY), CANARY),
            _route("context-0", market, (MARKS,), MARKS, *(_interest(symbol, endpoints) for symbol in deep)),
            *(_route(f"books-{at}", public, (BOOK_CANARY, *shard), BOOK_CANARY) for at, shard in enumerate(shards)),
        )

    def decoder(self, route: Route, instruments: Instruments) -> Decoder:
        """Return a decoder for one connection."""
        return BinanceDecoder(route.canary.channel, instruments)


def _deep(instruments: Instruments, symbols: Sequence[str]) -> list[str]:
    """Name the contracts with books and open interest; COIN-M's are on other hosts, which are not asked."""
    deep = sorted(depth_symbols(symbols))
    return [spec.raw_symbol for spec in instruments.of_symbols(deep) if not (spec.inverse or spec.expiry)]


def _interest(symbol: str, endpoints: Endpoints) -> Poll:
    url = f"{endpoints.rest}/fapi/v1/openInterest?symbol={quote(symbol)}"
    return Poll(request=RestRequest(name=f"interest-{symbol}", url=url), every=INTEREST_SECONDS)


def _route(name: str, url: str, channels: tuple[str, ...], canary: str, *polls: Poll) -> Route:
    subscribe = msgspec.json.encode({"method": "SUBSCRIBE", "params": channels, "id": 1}).decode()
    return Route(
        name=name,
        url=url,
        subscribe=(subscribe,),
        channels=channels,
        heartbeat=Heartbeat(),
        canary=Canary(canary),
        purpose=Purpose.LIQUIDATIONS if LIQUIDATIONS in channels else Purpose.CONTEXT,
        polls=polls,
    )
