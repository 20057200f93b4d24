"""Binance futures: where its public market data is, and how it says that it lives.

Source: "Important WebSocket Change Notice" of 2026-03-06 and the derivatives documentation, checked
2026-11-20. The old paths /ws and /stream still acknowledge a subscription and deliver none of these
channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
    RestRequest,
    Route,
    SpecTable,
    Throttle,
)

LIQUIDATIONS = "!forceOrder@arr"
"""All symbols; since 2026-06-30 of USD-M and COIN-M both, on one host."""
CANARY = "btcusdt@markPrice@1s"
SUBSCRIBE = f'{{"method":"SUBSCRIBE","params":["{LIQUIDATIONS}","{CANARY}"],"id":1}}'
COIN_REST = "coin_rest"
USD_MARGINED, COIN_MARGINED = "usd-margined", "coin-margined"


class BinanceConnector(BaseConnector):
    """USD-M and COIN-M liquidations, mark, index and funding of BTC."""

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

    def routes(
        self,
        instruments: Instruments,  # noqa: ARG002 - the stream is of the whole market
        symbols: Sequence[str],  # noqa: ARG002 - the host filters
        endpoints: Endpoints,
    ) -> Sequence[Route]:
        """Return the one socket that carries the whole market."""
        return (
            Route(
                name="market-0",
                url=f"{endpoints.websocket}/market/stream",
                subscribe=(SUBSCRIBE,),
                channels=(LIQUIDATIONS, CANARY),
                heartbeat=Heartbeat(),
                canary=Canary(CANARY),
            ),
        )

    def decoder(self, route: Route, instruments: Instruments) -> Decoder:
        """Return a decoder for one connection."""
        return BinanceDecoder(route.canary.channel, instruments)
