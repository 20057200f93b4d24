"""A simulated Deribit: JSON-RPC over a websocket, the list of contracts and the history of trades.

Trades of a currency are told together, tickers and books at most once in 100 ms; a client that asked for heartbeats is
tested, and cut when it does not answer. Source: documentation, "JSON-RPC over websocket", "public/set_heartbeat",
"Subscriptions", "public/get_instruments" and "public/get_last_trades_by_currency_and_time", checked 2026-11-20.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from foreshock_deribit.connector import CURRENCIES
from foreshock_deribit.history import PAGE
from foreshock_deribit.history import PATH as HISTORY
from foreshock_deribit.messages import HEARTBEAT_S, book_channel, ticker_channel, trades_channel
from foreshock_deribit.specs import PACKAGED, PERPETUAL, VENUE, by_name
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
from foreshock_sdk.simtools import ladder
from foreshock_sdk.simvenue import encode, reply

LISTED = (*PACKAGED, "BTC-25DEC26", "BTC-26MAR27", "ETH-25DEC26", "BTC_USDC-25DEC26")
INSTRUMENTS = "/api/v2/public/get_instruments"
HEARTBEAT = "heartbeat"
SHORTEST_HEARTBEAT = 10
PATIENCE_MS = 10_000
"""A test_request may stay unanswered for so long."""
EVERY_MS = 100
NO_METHOD, WRONG_PARAMS, NO_JSON = (-32601, "Method not found"), (-32602, "Invalid params"), (-32700, "Parse error")
ENDLESS_MS = 32_503_708_800_000
"""What the venue gives for the expiry of a perpetual."""
TOLD = {
    ContextField.MARK: "mark_price",
    ContextField.INDEX: "index_price",
    ContextField.FUNDING: "current_funding",
    ContextField.OPEN_INTEREST: "open_interest",
    ContextField.BID: "best_bid_price",
    ContextField.BID_QUANTITY: "best_bid_amount",
    ContextField.ASK: "best_ask_price",
    ContextField.ASK_QUANTITY: "best_ask_amount",
}


class DeribitSession(SimSession):
    """One client; it is tested from its wish for heartbeats on."""

    def __init__(self, venue: DeribitScript, path: str) -> None:
        super().__init__(venue, path)
        self._deribit = venue
        self._alive_ms = 0

    def receive(self, frame: str | bytes, now_ms: int) -> Sequence[str | bytes]:
        """Answer a client's frame: whatever it says, it lives."""
        self._alive_ms = now_ms
        return super().receive(frame, now_ms)

    def overdue(self, now_ms: int) -> bool:
        """Tell whether the client would be cut; also for a test it did not answer."""
        tested = self._deribit.tested_ms
        unanswered = self.subscribed(HEARTBEAT) and self._alive_ms < tested <= now_ms - PATIENCE_MS
        return unanswered or super().overdue(now_ms)


class DeribitScript(SimVenue):
    """The venue."""

    venue = VENUE
    paths = ("/ws/api/v2",)
    messages = 20

    def __init__(self) -> None:
        super().__init__([by_name(each) for each in LISTED])
        self.tested_ms = 0
        self._sequence: Counter[str] = Counter()
        self._told_ms: dict[str, int] = {}
        self._channels = {trades_channel(currency) for currency in CURRENCIES}
        for name in LISTED:
            self._channels |= {ticker_channel(name), book_channel(name), f"trades.{name}.100ms"}

    def session(self, path: str) -> DeribitSession | None:
        """Open a session."""
        return DeribitSession(self, path) if path.partition("?")[0] in self.paths else None

    def answer(self, session: SimSession, request: dict[str, Any], now_ms: int) -> Sequence[str]:
        """Answer one call."""
        number, method, params = request.get("id"), request.get("method"), request.get("params")
        params = params if isinstance(params, dict) else {}
        if method == "public/test":
            return [_answer(number, {"version": "1.2.26"}, now_ms)]
        if method == "public/set_heartbeat":
            interval = params.get("interval")
            if not isinstance(interval, int) or interval < SHORTEST_HEARTBEAT:
                return [_error(number, WRONG_PARAMS)]
            session.subscribe(HEARTBEAT)
            return [_answer(number, "ok", now_ms)]
        if method not in ("public/subscribe", "public/unsubscribe"):
            return [_error(number, NO_METHOD)]
        channels = params.get("channels")
        if not isinstance(channels, list):
            return [_error(number, WRONG_PARAMS)]
        known = [each for each in channels if isinstance(each, str) and each in self._channels]
        for channel in known:
            (session.subscribe if method == "public/subscribe" else session.unsubscribe)(channel)
        return [_answer(number, known, now_ms)]

    def refuse(self, frame: str | bytes) -> Sequence[str]:  # noqa: ARG002 - the base's
        """Say that it was no JSON."""
        return [_error(None, NO_JSON)]

    def due(self, now_ms: int) -> Sequence[Push]:
        """Tell what happened, and test the clients."""
        pushes = list(super().due(now_ms))
        if now_ms - self.tested_ms >= HEARTBEAT_S * 1000:
            self.tested_ms = now_ms
            beat = {"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": "test_request"}}
            pushes.append(Push(HEARTBEAT, encode(beat)))
        return pushes

    def tell(self, rows: Sequence[SimLiquidation], now_ms: int) -> Sequence[Push]:  # noqa: ARG002 - the base's
        """Word liquidations, a frame a currency."""
        by_channel: dict[str, list[SimLiquidation]] = {}
        for row in rows:
            by_channel.setdefault(trades_channel(_currency(self.specs[row.raw_symbol])), []).append(row)
        return [
            Push(channel, _notice(channel, [self._trade(row) for row in told]), tuple(row.row for row in told))
            for channel, told in by_channel.items()
        ]

    def _trade(self, row: SimLiquidation) -> dict[str, Any]:
        self._sequence[row.raw_symbol] += 1
        return {"trade_seq": self._sequence[row.raw_symbol], **_trade(row)}

    def market(self, raw_symbol: str, prices: dict[ContextField, float], now_ms: int) -> Sequence[Push]:
        """Word a ticker and a book, at most one in 100 ms."""
        if now_ms - self._told_ms.get(raw_symbol, -EVERY_MS) < EVERY_MS:
            return ()
        self._told_ms[raw_symbol] = now_ms
        data: dict[str, Any] = {"timestamp": now_ms, "state": "open", "instrument_name": raw_symbol}
        data |= {name: prices[field] for field, name in TOLD.items() if field in prices}
        channel = ticker_channel(raw_symbol)
        return [Push(channel, _notice(channel, data)), *_book(raw_symbol, prices, now_ms)]

    def rest(self, path: str, query: str, body: bytes = b"") -> RestReply | None:  # noqa: ARG002 - the base's
        """Answer the list of contracts, and the trades of a currency."""
        asked = {key: values[0] for key, values in parse_qs(query).items()}
        if path == INSTRUMENTS:
            return reply({"jsonrpc": "2.0", "result": [_listed(spec) for spec in self.specs.values()]})
        if path != HISTORY:
            return None
        if asked.get("currency") not in CURRENCIES:
            return reply({"jsonrpc": "2.0", "error": {"code": WRONG_PARAMS[0], "message": WRONG_PARAMS[1]}}, 400)
        first, last = int(asked["start_timestamp"]), int(asked["end_timestamp"])
        rows = [
            row
            for row in self.history
            if _currency(self.specs[row.raw_symbol]) == asked["currency"] and first <= row.ts_event_ms <= last
        ]
        rows.sort(key=lambda row: row.ts_event_ms)
        count = min(int(asked.get("count", 10)), PAGE)
        return reply({"result": {"trades": [_trade(row) for row in rows[:count]], "has_more": len(rows) > count}})


def _currency(spec: InstrumentSpec) -> str:
    return spec.base if spec.inverse else spec.quote


def _trade(row: SimLiquidation) -> dict[str, Any]:
    """Word a trade; every third liquidation is the maker's, whose side is not the trade's direction."""
    maker = row.row % 3 == 0
    sells = (row.liquidated_side == LiquidatedSide.LONG) != maker
    return {
        "trade_id": str(row.row),
        "timestamp": row.ts_event_ms,
        "price": row.price,
        "amount": row.size,
        "direction": "sell" if sells else "buy",
        "liquidation": "M" if maker else "T",
        "instrument_name": row.raw_symbol,
    }


def _book(raw_symbol: str, prices: dict[ContextField, float], now_ms: int) -> Iterator[Push]:
    sides = ((ContextField.BID, ContextField.BID_QUANTITY), (ContextField.ASK, ContextField.ASK_QUANTITY))
    if not all(field in prices for side in sides for field in side):
        return
    bids, asks = (
        ladder(prices[best], prices[size], upwards=best == ContextField.ASK, levels=20) for best, size in sides
    )
    data = {"timestamp": now_ms, "instrument_name": raw_symbol, "change_id": now_ms, "bids": bids, "asks": asks}
    yield Push(book_channel(raw_symbol), _notice(book_channel(raw_symbol), data))


def _listed(spec: InstrumentSpec) -> dict[str, Any]:
    expiry = datetime.strptime(spec.expiry, "%y%m%d").replace(hour=8, tzinfo=UTC) if spec.expiry else None
    return {
        "kind": "future",
        "instrument_name": spec.raw_symbol,
        "instrument_type": "reversed" if spec.inverse else "linear",
        "base_currency": spec.base,
        "quote_currency": spec.quote,
        "settlement_period": "month" if expiry else PERPETUAL,
        "expiration_timestamp": int(expiry.timestamp() * 1000) if expiry else ENDLESS_MS,
        "contract_size": 10.0 if spec.inverse else 0.001,
        "is_active": True,
    }


def _notice(channel: str, data: Any) -> str:
    return encode({"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}})


def _answer(number: Any, result: Any, now_ms: int) -> str:
    times = {"usIn": now_ms * 1000, "usOut": now_ms * 1000 + 100, "usDiff": 100, "testnet": False}
    return encode({"jsonrpc": "2.0", "id": number, "result": result, **times})


def _error(number: Any, error: tuple[int, str]) -> str:
    return encode({"jsonrpc": "2.0", "id": number, "error": {"code": error[0], "message": error[1]}})
