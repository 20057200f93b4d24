"""Lighter: where its public market data is, and what it says.

A liquidation (real frame of 2026-04-20, shortened):

    {"type":"update/trade","channel":"trade:1","trades":[],"liquidation_trades":[{"trade_id":18237797923,
     "type":"liquidation","market_id":1,"size":"0.01664","price":"75602.8","usd_amount":"1258.030592",
     "is_maker_ask":true,"timestamp":1776687656653,"taker_position_size_before":"-0.01664"}]}

No field names the side. The taker is who is closed: here he buys against a maker's ask, and was short. Where the taker
does not reduce a position nobody knows the side: a fault. size is base coins; trade_id is the event. A market is a
number on the wire: its name comes from REST. The first frame of a subscription holds old trades. The trades of BTC, all
of them, are the sign of life. Source: "WebSocket" and "Market data" of the venue's documentation, checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from foreshock_sdk import (
    BaseConnector,
    Canary,
    Control,
    ControlKind,
    Decoded,
    Decoder,
    Endpoints,
    EventFlag,
    Fault,
    FrameDecoder,
    FrameError,
    Heartbeat,
    Instruments,
    InstrumentSpec,
    Limits,
    LiquidatedSide,
    PriceKind,
    RawLiquidation,
    RestRequest,
    Route,
    SpecTable,
)
from foreshock_sdk.decoding import list_of, time_of
from foreshock_sdk.naming import named_spec
from foreshock_sdk.reading import Finite, Millis, NonNegative, Positive

VENUE, CHECKED, CANARY, MARKETS_A_SOCKET = "lighter", "2026-11-20", "trade/1", 99
CONTROLS = {"subscribed": ControlKind.ACK, "pong": ControlKind.PONG, "error": ControlKind.REFUSED}


class Market(msgspec.Struct):
    """A perpetual."""

    symbol: str
    market_id: int


class Trade(msgspec.Struct):
    """A liquidation."""

    market_id: int
    trade_id: NonNegative
    size: Positive
    price: Positive
    is_maker_ask: bool
    timestamp: Millis
    taker_position_size_before: Finite


class LighterDecoder(FrameDecoder):
    """Decoder of one connection."""

    def message(self, number: int, value: Any, out: Decoded) -> None:
        """Take one frame."""
        kind, _, what = str(value.get("type") if isinstance(value, dict) else value).partition("/")
        if kind in CONTROLS:
            out.controls.append(Control(number, CONTROLS[kind], message=str(value.get("message", ""))))
        if what == "trade":
            self._trades(number, value, out, EventFlag.SNAPSHOT if kind == "subscribed" else EventFlag.NONE)
        elif kind not in CONTROLS and kind != "connected":
            out.faults.append(Fault(number, None, f"unknown message {kind!r:.60}"))

    def _trades(self, number: int, value: dict[str, Any], out: Decoded, flags: EventFlag) -> None:
        liquidations = list_of(value, "liquidation_trades", optional=True)
        self.rows(number, liquidations, out, lambda row: self._row(row)._replace(flags=flags))
        for trade in list_of(value, "trades", optional=True):
            out.pushed_ms = max(out.pushed_ms, time_of(trade, "timestamp"))
        if value.get("channel") == CANARY.replace("/", ":"):
            out.canary = max(out.canary, out.pushed_ms)

    def _row(self, value: Any) -> RawLiquidation:
        trade = msgspec.convert(value, Trade, strict=False)
        if trade.taker_position_size_before * (-1) ** trade.is_maker_ask <= 0:
            raise FrameError("the taker does not reduce a position: nobody knows the side")
        market, side = self.index.of(str(trade.market_id)), LiquidatedSide(trade.is_maker_ask)
        return RawLiquidation(market, side, trade.price, PriceKind.AVERAGE, trade.size, trade.timestamp, trade.trade_id)


class LighterConnector(BaseConnector):
    """Liquidations of all perpetuals."""

    venue = VENUE
    endpoints = Endpoints("wss://mainnet.zklighter.elliot.ai", "https://mainnet.zklighter.elliot.ai")
    limits = Limits(connects=100, connects_per=60.0, messages_per_second=3.0, max_age=86_400.0)

    def spec_requests(self, endpoints: Endpoints) -> Sequence[RestRequest]:
        """Ask for all markets."""
        return (RestRequest(name="markets", url=f"{endpoints.rest}/api/v1/orderBookDetails"),)

    def parse_specs(self, bodies: Mapping[str, bytes]) -> Sequence[InstrumentSpec]:
        """Read the list."""
        listed = msgspec.convert(list_of(msgspec.json.decode(bodies["markets"]), "order_book_details"), list[Market])
        return [named_spec(VENUE, str(each.market_id), each.symbol, "USDC") for each in listed]

    def packaged_specs(self) -> SpecTable:
        """Return the fallback table."""
        named = (("0", "ETH"), ("1", "BTC"))
        return SpecTable(CHECKED, tuple(named_spec(VENUE, *each, "USDC", packaged=True) for each in named))

    def routes(self, instruments: Instruments, symbols: Sequence[str], endpoints: Endpoints) -> list[Route]:
        """Return a socket for every 99 markets."""
        trades = [f"trade/{spec.raw_symbol}" for spec in instruments.of_symbols(symbols)]
        shards = range(0, len(trades), MARKETS_A_SOCKET)
        return [_route(at, trades[at : at + MARKETS_A_SOCKET], endpoints) for at in shards]

    def decoder(self, route: Route, instruments: Instruments) -> Decoder:  # noqa: ARG002 - the protocol
        """Return a decoder for one connection."""
        return LighterDecoder(instruments)


def _route(at: int, trades: list[str], endpoints: Endpoints) -> Route:
    channels = tuple(dict.fromkeys((CANARY, *trades)))
    frames = tuple(f'{{"type":"subscribe","channel":"{channel}"}}' for channel in channels)
    url, beat = f"{endpoints.websocket}/stream?readonly=true", Heartbeat(interval=60.0, frame='{"type":"ping"}')
    name, canary = f"markets-{at}", Canary(CANARY)
    return Route(name=name, url=url, subscribe=frames, channels=channels, heartbeat=beat, canary=canary)
