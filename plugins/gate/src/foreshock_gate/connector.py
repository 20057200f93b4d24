"""Gate futures: where its public market data is, and how it says that it lives.

Source: "Futures WebSocket v4" and APIv4, "Query liquidation order history" and "List all futures contracts", checked
2026-11-20. A settlement coin is an address of its own. The venue itself sends protocol pings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import msgspec

from foreshock_gate.decoder import GateDecoder, Sign, request
from foreshock_gate.messages import BOOKS, LIQUIDATES, MS_PER_SECOND, PING, TICKERS, WHOLE_MARKET, book_stream
from foreshock_gate.specs import VENUE, contract_rows, packaged_specs, parse_contracts, settle_of
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

Settle = Literal["usdt", "btc", "usd1"]
CANARIES: Mapping[str, Canary] = {
    "usdt": Canary("futures.tickers:BTC_USDT", 8.0),
    "btc": Canary("futures.tickers:BTC_USD", 60.0),
    "usd1": Canary("futures.tickers:BTC_USD1", 60.0),
}
"""By settlement coin. How often tickers come is not documented: the smaller markets get more time."""
CONTRACTS_A_SOCKET = 50
PAGE = 1000
WINDOW_SECONDS = 3600
PAGE_MARK = "+"
HISTORY = "history-"


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the operator may choose.

    ws_size_sign  what the sign of a size on the socket is of: the position (positive: a long died), as REST documents,
                  or the order (negative: a long died)
    settles       settlement coins to listen to
    """

    ws_size_sign: Sign = "position"
    settles: tuple[Settle, ...] = ("usdt", "btc")


class GateConnector(BaseConnector):
    """Liquidations of all perpetuals; tickers and books of the named markets, or of the majors."""

    venue = VENUE
    endpoints = Endpoints("wss://fx-ws.gateio.ws", "https://api.gateio.ws")
    throttle = Throttle(push_interval=1.0)
    limits = Limits(connects=300, connects_per=300.0, messages_per_second=10.0, max_age=604_800.0, rest_per_second=10.0)
    """Only REST's limit is documented (200 in 10 s); the others are our own restraint."""
    Options = Options

    def spec_requests(self, endpoints: Endpoints) -> Sequence[RestRequest]:
        """Ask for the contracts of each settlement coin."""
        address = f"{endpoints.rest}/api/v4/futures"
        query = f"contracts?limit={PAGE}&offset=0"
        return tuple(RestRequest(name=each, url=f"{address}/{each}/{query}") for each in self.options.settles)

    def parse_specs(self, bodies: Mapping[str, bytes]) -> Sequence[InstrumentSpec]:
        """Read every page."""
        return [spec for body in bodies.values() for spec in parse_contracts(body)]

    def next_page(self, request: RestRequest, body: bytes) -> RestRequest | None:
        """Return the contracts behind a full page, or the orders before the oldest of a full one."""
        rows = contract_rows(body)
        if len(rows) < PAGE:
            return None
        first, _, last = request.url.rpartition("=")
        if not request.name.startswith(HISTORY):
            return _page(request, f"{first}={int(last) + PAGE}")
        times = [row.get("time") for row in rows if isinstance(row, dict)]
        oldest = min((each for each in times if isinstance(each, int)), default=0)
        until = int(parse_qs(urlsplit(request.url).query)["to"][0])
        return _page(request, f"{first}={oldest}") if 0 < oldest < until else None

    def packaged_specs(self) -> SpecTable:
        """Return the fallback table."""
        return packaged_specs()

    def routes(self, instruments: Instruments, symbols: Sequence[str], endpoints: Endpoints) -> Sequence[Route]:
        """Return one socket of liquidations a settlement coin, and as many as the tickers and books need."""
        wanted = instruments.of_symbols(tuple(depth_symbols(symbols)))
        return [
            *(_liquidations(settle, endpoints) for settle in self.options.settles),
            *(
                route
                for settle in self.options.settles
                for route in _context(settle, [each for each in wanted if settle_of(each) == settle], endpoints)
            ),
        ]

    def decoder(self, route: Route, instruments: Instruments) -> Decoder:
        """Return a decoder for one connection."""
        return GateDecoder(route.canary.channel, instruments, self.options.ws_size_sign)

    def backfill_requests(
        self,
        route: Route,
        instruments: Instruments,  # noqa: ARG002 - one request is of the whole market
        span: Span,
        endpoints: Endpoints,
    ) -> Sequence[RestRequest]:
        """Ask for the orders of the time, an hour a request, newest page of it first."""
        settle = route.name.partition("-")[0]
        address = f"{endpoints.rest}/api/v4/futures/{settle}/liq_orders?limit={PAGE}"
        starts = range(span.from_ms // MS_PER_SECOND, span.to_ms // MS_PER_SECOND + 1, WINDOW_SECONDS)
        last = span.to_ms // MS_PER_SECOND + 1
        return tuple(
            RestRequest(
                name=f"{HISTORY}{settle}-{start}",
                url=f"{address}&from={start}&to={min(start + WINDOW_SECONDS - 1, last)}",
            )
            for start in (starts if route.purpose is Purpose.LIQUIDATIONS else ())
        )

    def parse_backfill(
        self,
        request: RestRequest,  # noqa: ARG002 - the rows say all
        body: bytes,
        instruments: Instruments,
    ) -> Decoded:
        """Read one page of orders. Raises FrameError."""
        decoder, out = GateDecoder("", instruments, self.options.ws_size_sign), Decoded()
        decoder.rows(0, contract_rows(body), out, decoder.past)
        return out


def _page(asked: RestRequest, url: str) -> RestRequest:
    return RestRequest(name=asked.name + PAGE_MARK, url=url)


def _route(name: str, frames: Sequence[str], channels: Sequence[str], endpoints: Endpoints) -> Route:
    settle, _, what = name.partition("-")
    return Route(
        name=name,
        url=f"{endpoints.websocket}/v4/ws/{settle}",
        subscribe=tuple(frames),
        channels=tuple(channels),
        heartbeat=Heartbeat(frame=f'{{"time":0,"channel":"{PING}"}}'),
        canary=CANARIES[settle],
        purpose=Purpose.CONTEXT if what.startswith("context") else Purpose.LIQUIDATIONS,
    )


def _liquidations(settle: str, endpoints: Endpoints) -> Route:
    canary = CANARIES[settle].channel
    frames = (request(TICKERS, [canary.rpartition(":")[2]]), request(LIQUIDATES, [WHOLE_MARKET]))
    return _route(f"{settle}-0", frames, (canary, f"{LIQUIDATES}:{settle}"), endpoints)


def _context(settle: str, specs: Sequence[InstrumentSpec], endpoints: Endpoints) -> Iterator[Route]:
    canary = CANARIES[settle].channel.rpartition(":")[2]
    for number, start in enumerate(range(0, len(specs), CONTRACTS_A_SOCKET)):
        names = [each.raw_symbol for each in specs[start : start + CONTRACTS_A_SOCKET]]
        ticked, books = list(dict.fromkeys((canary, *names))), [book_stream(each) for each in names]
        channels = [*(f"{TICKERS}:{each}" for each in ticked), *(f"{BOOKS}:{each}" for each in books)]
        frames = (request(TICKERS, ticked), request(BOOKS, books))
        yield _route(f"{settle}-context-{number}", frames, channels, endpoints)
