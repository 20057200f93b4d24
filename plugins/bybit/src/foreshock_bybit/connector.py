"""Bybit v5: where its public market data is, and how it says that it lives.

Source: v5 documentation, "Connect", "All Liquidation", "Ticker", "Orderbook" and "Rate limit", checked 2026-11-20.
There is no topic for the whole market: one topic a contract, at most 21,000 characters of them on one socket.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal
from urllib.parse import quote

import msgspec

from foreshock_bybit.decoder import BybitDecoder
from foreshock_bybit.messages import BOOKS, LIQUIDATIONS, TICKERS
from foreshock_bybit.specs import VENUE, packaged_specs, parse_page, read_page
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

CANARIES = {"linear": f"{TICKERS}BTCUSDT", "inverse": f"{TICKERS}BTCUSD"}
"""By category; a category is a socket path."""
TOPICS_A_REQUEST = 10
CHARACTERS_A_SOCKET = 21_000
QUOTES_AND_COMMA = 3
PAGE_MARK = "+"


class BybitOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The operator's options. book_levels: how deep books are read; the venue pushes them every 20, 100 and 200 ms."""

    book_levels: Literal[50, 200, 1000] = 200


class BybitConnector(BaseConnector):
    """Liquidations and tickers of all linear and inverse contracts, and the books of a few."""

    venue = VENUE
    endpoints = Endpoints("wss://stream.bybit.com", "https://api.bybit.com")
    throttle = Throttle(push_interval=0.5)
    limits = Limits(connects=500, connects_per=300.0, messages_per_second=20.0, max_age=604_800.0)
    """Neither a rate of client messages nor a greatest age is documented: both are our own restraint."""
    Options = BybitOptions
    options: BybitOptions

    def spec_requests(self, endpoints: Endpoints) -> Sequence[RestRequest]:
        """Ask for the contracts of both categories."""
        address = f"{endpoints.rest}/v5/market/instruments-info?category="
        return tuple(RestRequest(name=each, url=f"{address}{each}&limit=1000") for each in CANARIES)

    def parse_specs(self, bodies: Mapping[str, bytes]) -> Sequence[InstrumentSpec]:
        """Read every page."""
        return [spec for body in bodies.values() for spec in parse_page(body)]

    def next_page(self, request: RestRequest, body: bytes) -> RestRequest | None:
        """Follow nextPageCursor; the pages of a list are named linear, linear+, linear++ and so on."""
        cursor = read_page(body).next_page_cursor
        if not cursor:
            return None
        first = request.url.partition("&cursor=")[0]
        return RestRequest(name=request.name + PAGE_MARK, url=f"{first}&cursor={quote(cursor, safe='')}")

    def packaged_specs(self) -> SpecTable:
        """Return the fallback table."""
        return packaged_specs()

    def routes(self, instruments: Instruments, symbols: Sequence[str], endpoints: Endpoints) -> Sequence[Route]:
        """Return as many sockets of each category as its topics need, those of liquidations first."""
        wanted, deep = instruments.of_symbols(symbols), depth_symbols(symbols)
        by_category = {name: [spec for spec in wanted if _category(spec) == name] for name in CANARIES}
        books = f"{BOOKS}{self.options.book_levels}."
        routes: list[Route] = []
        for name, specs in by_category.items():
            routes += _routes(name, [LIQUIDATIONS + spec.raw_symbol for spec in specs], endpoints)
        for name, specs in by_category.items():
            topics = [TICKERS + spec.raw_symbol for spec in specs]
            topics += [books + spec.raw_symbol for spec in specs if spec.symbol in deep and not spec.expiry]
            routes += _routes(name, topics, endpoints, Purpose.CONTEXT)
        return routes

    def decoder(self, route: Route, instruments: Instruments) -> Decoder:
        """Return a decoder for one connection."""
        return BybitDecoder(route.canary.channel, instruments)


def _category(spec: InstrumentSpec) -> str:
    return "inverse" if spec.inverse else "linear"


def _routes(
    category: str, topics: Sequence[str], endpoints: Endpoints, purpose: Purpose = Purpose.LIQUIDATIONS
) -> Iterator[Route]:
    name = category if purpose is Purpose.LIQUIDATIONS else f"{category}-{purpose}"
    for number, shard in enumerate(_shards(topics, CANARIES[category])):
        yield Route(
            name=f"{name}-{number}",
            url=f"{endpoints.websocket}/v5/public/{category}",
            subscribe=tuple(_requests(shard)),
            channels=tuple(shard),
            heartbeat=Heartbeat(frame='{"op":"ping"}'),
            canary=Canary(CANARIES[category]),
            purpose=purpose,
        )


def _shards(topics: Sequence[str], canary: str) -> Iterator[list[str]]:
    """Spread topics over sockets, the canary on each."""
    shard, length = [canary], len(canary) + QUOTES_AND_COMMA
    for topic in topics:
        if topic == canary:
            continue
        if length + len(topic) + QUOTES_AND_COMMA > CHARACTERS_A_SOCKET:
            yield shard
            shard, length = [canary], len(canary) + QUOTES_AND_COMMA
        shard.append(topic)
        length += len(topic) + QUOTES_AND_COMMA
    if len(shard) > 1:
        yield shard


def _requests(topics: Sequence[str]) -> Iterator[str]:
    """Small requests, so that one delisted contract cannot silence many."""
    for start in range(0, len(topics), TOPICS_A_REQUEST):
        args = list(topics[start : start + TOPICS_A_REQUEST])
        yield msgspec.json.encode({"req_id": str(start), "op": "subscribe", "args": args}).decode()
