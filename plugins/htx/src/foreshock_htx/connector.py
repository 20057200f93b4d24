"""HTX futures: where its public market data is, and how it says that it lives.

Source: HTX OpenAPI, USDT-M and coin-M futures, checked 2026-11-20. Liquidations come from the notification sockets, one
a family of contracts; nothing there is told more often than the list of contracts, every 60 s. Prices and books come
from other sockets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from foreshock_htx.decoder import HtxDecoder
from foreshock_htx.messages import BBO, CONTRACTS, DEPTH, FUNDING, INDEX, LIQUIDATIONS, MARK, channel, topic
from foreshock_htx.specs import VENUE, family_of, packaged_specs, parse_contracts
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
)
from foreshock_sdk.naming import depth_symbols

NOTIFICATIONS = {"linear-swap": "linear-swap-notification", "swap": "swap-notification", "futures": "notification"}
MARKETS = {"linear-swap": "linear-swap-ws", "swap": "swap-ws"}
PRICES = "ws_index"
LISTS = {
    "linear-swap": "linear-swap-api/v1/swap_contract_info?business_type=all",
    "swap": "swap-api/v1/swap_contract_info",
    "futures": "api/v1/contract_contract_info",
}
HISTORIES = {
    "linear-swap": "linear-swap-api/v3/swap_liquidation_orders?contract=",
    "swap": "swap-api/v3/swap_liquidation_orders?contract=",
    "futures": "api/v3/contract_liquidation_orders?symbol=",
}
"""By family: a linear contract, a coin-margined one, or all that a coin has."""
CONTRACT_DEADLINE = 150.0
"""The list of contracts comes every 60 s: two pushes may be missed."""
MARKET_DEADLINE = 10.0
PRICE_DEADLINE = 60.0
"""How often candles are pushed is not documented."""
HEARTBEAT = Heartbeat(idle_timeout=30.0)
"""The venue pings every 5 s in JSON, and the decoder answers."""
CANARIES = {"linear-swap": "BTC-USDT", "swap": "BTC-USD"}
CHANNELS_A_SOCKET = 60
WINDOW_MS = 7_200_000
PAGE_MARK = "+"
FROM = "&from_id="


class HtxConnector(BaseConnector):
    """Liquidations of all contracts; prices and books of the named markets, or of the majors."""

    venue = VENUE
    endpoints = Endpoints("wss://api.hbdm.com", "https://api.hbdm.com")
    limits = Limits(connects=30, connects_per=60.0, messages_per_second=10.0, max_age=604_800.0, rest_per_second=20.0)
    """Only REST's limit is documented (240 in 3 s); the others are our own restraint."""

    def spec_requests(self, endpoints: Endpoints) -> Sequence[RestRequest]:
        """Ask for the contracts of each family."""
        return tuple(RestRequest(name=family, url=f"{endpoints.rest}/{path}") for family, path in LISTS.items())

    def parse_specs(self, bodies: Mapping[str, bytes]) -> Sequence[InstrumentSpec]:
        """Read the lists."""
        return [spec for body in bodies.values() for spec in parse_contracts(body)]

    def next_page(self, request: RestRequest, body: bytes) -> RestRequest | None:
        """Return the orders behind the last of this page; lists have one page."""
        if request.name in LISTS:
            return None
        first, _, since = request.url.partition(FROM)
        newest = max((_query_id(row) for row in _orders(body)), default=0)
        if newest <= int(since or "0"):
            return None
        return RestRequest(name=request.name + PAGE_MARK, url=f"{first}{FROM}{newest}")

    def packaged_specs(self) -> SpecTable:
        """Return the fallback table."""
        return packaged_specs()

    def routes(self, instruments: Instruments, symbols: Sequence[str], endpoints: Endpoints) -> Sequence[Route]:
        """Return one socket of liquidations a family, and those of prices and books."""
        wanted = [each for each in instruments.of_symbols(tuple(depth_symbols(symbols))) if not each.expiry]
        swaps = {family: _named(wanted, family) for family in MARKETS}
        return [
            *(_liquidations(family, endpoints) for family in NOTIFICATIONS),
            *(route for family in MARKETS for route in _books(family, swaps[family], endpoints)),
            *_prices([name for names in swaps.values() for name in names], endpoints),
        ]

    def decoder(self, route: Route, instruments: Instruments) -> Decoder:
        """Return a decoder for one connection."""
        return HtxDecoder(route.canary.channel, instruments)

    def backfill_requests(
        self, route: Route, instruments: Instruments, span: Span, endpoints: Endpoints
    ) -> Sequence[RestRequest]:
        """Ask for the orders of each contract of the route, two hours a request."""
        if route.purpose is not Purpose.LIQUIDATIONS:
            return ()
        mine = _named(instruments.specs, route.name)
        asked = dict.fromkeys(name[:-6] for name in mine) if route.name == "futures" else mine
        return tuple(
            RestRequest(
                name=f"{route.name}-{what}-{start}",
                url=f"{endpoints.rest}/{HISTORIES[route.name]}{what}&trade_type=0&direct=next"
                f"&start_time={start}&end_time={min(start + WINDOW_MS - 1, span.to_ms)}",
            )
            for what in asked
            for start in range(span.from_ms, span.to_ms + 1, WINDOW_MS)
        )

    def parse_backfill(
        self,
        request: RestRequest,  # noqa: ARG002 - the rows say all
        body: bytes,
        instruments: Instruments,
    ) -> Decoded:
        """Read one page of orders. Raises FrameError."""
        decoder, out = HtxDecoder("", instruments), Decoded()
        decoder.rows(0, _orders(body), out, decoder.past)
        return out


class _Page(msgspec.Struct):
    code: Any = None
    msg: Any = ""
    data: list[Any] | None = None


def _orders(body: bytes) -> list[Any]:
    try:
        page = msgspec.json.decode(body, type=_Page)
    except (msgspec.MsgspecError, ValueError) as error:
        raise FrameError(f"liquidation orders: {error}") from error
    if page.data is None:
        raise FrameError(f"liquidation orders: code {page.code} {page.msg}")
    return page.data


def _query_id(row: Any) -> int:
    told = row.get("query_id") if isinstance(row, dict) else None
    return told if isinstance(told, int) else 0


def _named(specs: Sequence[InstrumentSpec], family: str) -> list[str]:
    return [each.raw_symbol for each in specs if family_of(each.raw_symbol) == family]


def _liquidations(family: str, endpoints: Endpoints) -> Route:
    whats = (CONTRACTS, LIQUIDATIONS) if family == "futures" else (CONTRACTS, LIQUIDATIONS, FUNDING)
    scope = {"business_type": "all"} if family == "linear-swap" else {}
    asked = [{"op": "sub", "cid": what, "topic": topic(what), **(scope if what != FUNDING else {})} for what in whats]
    return Route(
        name=family,
        url=f"{endpoints.websocket}/{NOTIFICATIONS[family]}",
        subscribe=tuple(msgspec.json.encode(each).decode() for each in asked),
        channels=tuple(f"{NOTIFICATIONS[family]}:{topic(what)}" for what in whats),
        heartbeat=HEARTBEAT,
        canary=Canary(f"{NOTIFICATIONS[family]}:{topic(CONTRACTS)}", CONTRACT_DEADLINE),
    )


def _books(family: str, names: Sequence[str], endpoints: Endpoints) -> Iterator[Route]:
    channels = [channel(name, DEPTH) for name in names]
    canary = Canary(f"{MARKETS[family]}:{channel(CANARIES[family], BBO)}", MARKET_DEADLINE)
    yield from _shards(f"{family}-books", f"{endpoints.websocket}/{MARKETS[family]}", channels, canary)


def _prices(names: Sequence[str], endpoints: Endpoints) -> Iterator[Route]:
    channels = [channel(name, what) for name in names for what in (MARK, INDEX)]
    canary = Canary(f"{PRICES}:{channel(CANARIES['linear-swap'], MARK)}", PRICE_DEADLINE)
    yield from _shards("prices", f"{endpoints.websocket}/{PRICES}", channels, canary)


def _shards(name: str, url: str, channels: Sequence[str], canary: Canary) -> Iterator[Route]:
    place, _, sung = canary.channel.partition(":")
    for number, start in enumerate(range(0, len(channels), CHANNELS_A_SOCKET)):
        mine = list(dict.fromkeys((sung, *channels[start : start + CHANNELS_A_SOCKET])))
        yield Route(
            name=f"{name}-{number}",
            url=url,
            subscribe=tuple(msgspec.json.encode({"sub": each, "id": each}).decode() for each in mine),
            channels=tuple(f"{place}:{each}" for each in mine),
            heartbeat=HEARTBEAT,
            canary=canary,
            purpose=Purpose.CONTEXT,
        )
