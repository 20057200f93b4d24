"""OKX v5: where its public market data is, and how it says that it lives.

Source: v5 documentation, "Connect", "Liquidation orders channel" and "Mark price channel", and the notice of
2026-09-30 that ends every port but 443; checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from foreshock_okx.decoder import OkxDecoder
from foreshock_okx.messages import KINDS, LIQUIDATIONS, MARK_PRICE
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
    RestRequest,
    Route,
    SpecTable,
    Throttle,
)

CANARY_INSTRUMENT = "BTC-USDT-SWAP"
CANARY = f"{MARK_PRICE}:{CANARY_INSTRUMENT}"
CHANNELS = (CANARY, *(f"{LIQUIDATIONS}:{kind}" for kind in KINDS))
ARGS = (
    {"channel": MARK_PRICE, "instId": CANARY_INSTRUMENT},
    *({"channel": LIQUIDATIONS, "instType": kind} for kind in KINDS),
)
"""The mark price first: its time shows that the first liquidation told is an old one."""


class OkxConnector(BaseConnector):
    """Liquidations of all perpetuals and futures, and the mark price of BTC."""

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

    def routes(
        self,
        instruments: Instruments,  # noqa: ARG002 - a channel is of the whole market
        symbols: Sequence[str],  # noqa: ARG002 - the host filters
        endpoints: Endpoints,
    ) -> Sequence[Route]:
        """Return the one socket that carries the whole market."""
        subscribe = msgspec.json.encode({"id": "1", "op": "subscribe", "args": ARGS}).decode()
        return (
            Route(
                name="public-0",
                url=f"{endpoints.websocket}/ws/v5/public",
                subscribe=(subscribe,),
                channels=CHANNELS,
                heartbeat=Heartbeat(frame="ping", idle_timeout=30.0),
                canary=Canary(CANARY),
            ),
        )

    def decoder(self, route: Route, instruments: Instruments) -> Decoder:
        """Return a decoder for one connection."""
        return OkxDecoder(route.canary.channel, instruments)
