"""A simulated Lighter: trades of every market by subscription, an old one first, liquidations beside them.

Source: "WebSocket" of the venue's documentation, checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from foreshock_lighter.connector import VENUE
from foreshock_sdk import (
    ContextField,
    InstrumentSpec,
    LiquidatedSide,
    Push,
    RestReply,
    SimLiquidation,
    SimSession,
    SimVenue,
)
from foreshock_sdk.naming import named_spec
from foreshock_sdk.simtools import plain
from foreshock_sdk.simvenue import by_contract, encode, reply

LISTED = ("ETH", "BTC", "SOL", "DOGE", "1000PEPE", "WIF", "WLD", "XRP", "LINK", "AVAX", "NEAR", "DOT")
"""The first two have the venue's own numbers; the others are numbered as they come."""
SUBSCRIPTIONS = 100
TRADE_EVERY_MS = 200


class LighterScript(SimVenue):
    """The venue."""

    venue = VENUE
    paths = ("/stream",)
    silence_ms = 120_000
    messages, messages_ms = 200, 60_000

    def __init__(self) -> None:
        super().__init__([named_spec(VENUE, str(number), name, "USDC") for number, name in enumerate(LISTED)])
        self._trades = 0
        self._traded_ms: dict[str, int] = {}

    def rest(self, path: str, query: str, body: bytes = b"") -> RestReply | None:  # noqa: ARG002 - the protocol
        """Answer orderBookDetails."""
        if path != "/api/v1/orderBookDetails":
            return None
        return reply({"code": 200, "order_book_details": [_listed(spec) for spec in self.listing()]})

    def answer(self, session: SimSession, request: dict[str, Any], now_ms: int) -> Sequence[str]:  # noqa: ARG002
        """Subscribe, or answer a ping."""
        kind, channel = request.get("type"), str(request.get("channel"))
        if kind == "ping":
            return [encode({"type": "pong"})]
        market = channel.removeprefix("trade/")
        if kind != "subscribe" or market not in self.specs or len(session.channels) >= SUBSCRIPTIONS:
            return [encode({"type": "error", "message": f"Invalid Channel: ({channel})"})]
        if not session.subscribe(channel):
            return [encode({"type": "error", "message": f"Already Subscribed: ({channel})"})]
        return [encode({"type": "subscribed/trade", "channel": f"trade:{market}", "trades": []})]

    def tell(self, rows: Sequence[SimLiquidation], now_ms: int) -> Sequence[Push]:  # noqa: ARG002
        """Tell liquidations, a frame a market."""
        return [_told(market, told) for market, told in by_contract(rows).items()]

    def market(self, raw_symbol: str, prices: dict[ContextField, float], now_ms: int) -> Sequence[Push]:
        """Tell that somebody trades at the mark price, at most every 200 ms."""
        mark = prices.get(ContextField.MARK)
        if mark is None or now_ms - self._traded_ms.get(raw_symbol, -TRADE_EVERY_MS) < TRADE_EVERY_MS:
            return ()
        self._traded_ms[raw_symbol] = now_ms
        self._trades += 1
        trade = {"trade_id": self._trades, "type": "trade", "market_id": int(raw_symbol), "size": "0.01"}
        told = {**trade, "price": plain(mark), "is_maker_ask": False, "timestamp": now_ms}
        return [Push(f"trade/{raw_symbol}", _frame(raw_symbol, [told], []))]


def _told(market: str, rows: Sequence[SimLiquidation]) -> Push:
    frame = _frame(market, [], [_liquidation(row) for row in rows])
    return Push(f"trade/{market}", frame, tuple(row.row for row in rows))


def _frame(market: str, trades: list[dict[str, Any]], liquidations: list[dict[str, Any]]) -> str:
    frame = {"type": "update/trade", "channel": f"trade:{market}", "trades": trades}
    return encode({**frame, "liquidation_trades": liquidations})


def _liquidation(row: SimLiquidation) -> dict[str, Any]:
    buys = row.liquidated_side == LiquidatedSide.SHORT
    return {
        "trade_id": 10_000_000_000 + row.row,
        "type": "liquidation",
        "market_id": int(row.raw_symbol),
        "size": plain(row.size),
        "price": plain(row.price),
        "usd_amount": plain(row.size * row.price),
        "is_maker_ask": buys,
        "timestamp": row.ts_event_ms,
        "taker_position_size_before": plain(-row.size if buys else row.size),
    }


def _listed(spec: InstrumentSpec) -> dict[str, Any]:
    name = spec.contract_base or spec.base
    return {"symbol": name, "market_id": int(spec.raw_symbol), "status": "active"}
