"""A simulated Gate: batches of a second, tickers, books with their changes, contracts and history by REST."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec

from foreshock_gate.connector import PAGE
from foreshock_gate.messages import BOOKS, LIQUIDATES, MS_PER_SECOND, PING, PONG, TICKERS, WHOLE_MARKET, book_stream
from foreshock_gate.specs import VENUE, by_name, packaged_specs, settle_of
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
from foreshock_sdk.simbooks import Sides, SimBooks
from foreshock_sdk.simtools import plain
from foreshock_sdk.simvenue import Frame, by_contract, encode, reply

SETTLES = ("usdt", "btc")
FUTURES = "/api/v4/futures/"
BATCH_MS = 1000
BOOK_MS = 100
BATCH_ROWS = 20
TICKER_KEYS = {
    ContextField.MARK: "mark_price",
    ContextField.INDEX: "index_price",
    ContextField.FUNDING: "funding_rate",
    ContextField.OPEN_INTEREST: "total_size",
}


class GateVenue(SimVenue):
    """The venue."""

    venue = VENUE
    paths = tuple(f"/v4/ws/{settle}" for settle in SETTLES)

    def __init__(self) -> None:
        super().__init__([*packaged_specs().specs, by_name("BTC_USDT_20261225")])
        self._held: dict[str, list[SimLiquidation]] = {}
        self._slot = 0
        self._books = SimBooks(BOOK_MS)
        self._ends: dict[str, int] = {}

    def answer(self, session: SimSession, request: dict[str, Any], now_ms: int) -> Sequence[Frame]:
        """Answer a ping or a subscription."""
        channel, event = str(request.get("channel")), str(request.get("event"))
        if channel == PING:
            return (encode({**_head(PONG, "", now_ms), "result": None}),)
        payload = request.get("payload")
        head = _head(channel, event, now_ms)
        if event not in {"subscribe", "unsubscribe"} or not isinstance(payload, list):
            return (encode({**head, "error": {"code": 1, "message": "invalid argument struct"}, "result": None}),)
        channels = [self._channel(session, channel, str(each)) for each in payload]
        if None in channels:
            message = f"unknown contract {payload[channels.index(None)]}"
            return (encode({**head, "error": {"code": 2, "message": message}, "result": None}),)
        for each in filter(None, channels):
            (session.subscribe if event == "subscribe" else session.unsubscribe)(each)
        return (encode({**head, "result": {"status": "success"}}),)

    def _channel(self, session: SimSession, channel: str, asked: str) -> str | None:
        settle = session.path.rpartition("/")[2]
        if channel == LIQUIDATES and asked == WHOLE_MARKET:
            return f"{LIQUIDATES}:{settle}"
        contract = asked.removeprefix("ob.").rpartition(".")[0] if channel == BOOKS else asked
        spec = self.specs.get(contract)
        mine = channel in {TICKERS, BOOKS} and spec is not None and settle_of(spec) == settle
        return f"{channel}:{asked}" if mine else None

    def due(self, now_ms: int) -> Sequence[Push]:
        """Tell a contract's liquidations once a second, or when there are twenty."""
        for symbol, rows in by_contract(self._taken()).items():
            self._held.setdefault(symbol, []).extend(rows)
        slot = now_ms // BATCH_MS
        ended, self._slot = slot != self._slot, slot
        told = [symbol for symbol, rows in self._held.items() if ended or len(rows) >= BATCH_ROWS]
        return [push for symbol in told for push in self.tell(self._held.pop(symbol), now_ms)]

    def _taken(self) -> list[SimLiquidation]:
        rows, self._waiting = self._waiting, []
        self.history.extend(rows)
        return rows

    def tell(self, rows: Sequence[SimLiquidation], now_ms: int) -> Sequence[Push]:
        """Word the liquidations of one contract, at most twenty a frame."""
        channel = f"{LIQUIDATES}:{settle_of(self.specs[rows[0].raw_symbol])}"
        parts = (rows[start : start + BATCH_ROWS] for start in range(0, len(rows), BATCH_ROWS))
        return [
            Push(
                channel,
                encode({**_head(LIQUIDATES, "update", now_ms), "result": [_liquidate(row) for row in part]}),
                tuple(row.row for row in part),
            )
            for part in parts
        ]

    def market(self, raw_symbol: str, prices: dict[ContextField, float], now_ms: int) -> Sequence[Push]:
        """Word the ticker, and what changed in the book."""
        told = {key: plain(prices[field]) for field, key in TICKER_KEYS.items() if field in prices}
        ticker = {**_head(TICKERS, "update", now_ms), "result": [{"contract": raw_symbol, **told}]}
        return [Push(f"{TICKERS}:{raw_symbol}", encode(ticker)), *self._changes(raw_symbol, prices, now_ms)]

    def _changes(self, symbol: str, prices: dict[ContextField, float], now_ms: int) -> Iterator[Push]:
        news = self._books.news(symbol, prices, now_ms)
        if news is None:
            return
        sides, whole = news
        self._ends[symbol] = end = self._ends.get(symbol, 0) + 1
        yield self._book(symbol, {"full": True} if whole else {"U": end}, sides, now_ms)

    def _book(self, symbol: str, told: dict[str, Any], sides: Sides, now_ms: int) -> Push:
        levels = {
            key: [(plain(price), plain(size)) for price, size in side] for key, side in zip("ba", sides, strict=True)
        }
        result = {"t": now_ms, "s": book_stream(symbol), "u": self._ends[symbol], **told, **levels}
        frame = encode({**_head(BOOKS, "update", now_ms), "result": result})
        return Push(f"{BOOKS}:{book_stream(symbol)}", frame)

    def greet(self, channel: str, now_ms: int) -> Sequence[Push]:
        """Return the whole book to who subscribes it."""
        kind, _, stream = channel.partition(":")
        symbol = stream.removeprefix("ob.").rpartition(".")[0]
        whole = self._books.whole(symbol) if kind == BOOKS else None
        return () if whole is None else (self._book(symbol, {"full": True}, whole, now_ms),)

    def rest(self, path: str, query: str, body: bytes = b"") -> RestReply | None:  # noqa: ARG002 - the protocol
        """Answer the contracts and the history of a settlement coin."""
        settle, _, what = path.removeprefix(FUTURES).partition("/")
        asked = {key: values[0] for key, values in parse_qs(query).items()}
        if not path.startswith(FUTURES) or settle not in SETTLES or what not in {"contracts", "liq_orders"}:
            return None
        size = int(asked.get("limit", "100"))
        if what == "contracts":
            rows = [_listed(spec) for spec in self.listing() if settle_of(spec) == settle]
            first = int(asked.get("offset", "0"))
            return reply(rows[first : first + size])
        since, until = int(asked["from"]), int(asked["to"])
        if until - since > 3600:  # noqa: PLR2004 - the documented limit
            return reply({"label": "INVALID_PARAM_VALUE", "message": "from/to range too large"}, 400)
        told = [_order(row) for row in reversed(self.history) if settle_of(self.specs[row.raw_symbol]) == settle]
        return reply([row for row in told if since <= row["time"] <= until][: min(size, PAGE)])


def _head(channel: str, event: str, now_ms: int) -> dict[str, Any]:
    return {"time": now_ms // MS_PER_SECOND, "time_ms": now_ms, "channel": channel, "event": event}


def _signed(row: SimLiquidation, sign: int) -> Any:
    """Return a size as the venue writes it: a whole number, or text with its fraction."""
    size = sign * row.size if row.liquidated_side == LiquidatedSide.LONG else -sign * row.size
    text = plain(size)
    return msgspec.Raw(text.encode()) if text.lstrip("-").isdigit() and len(text) < 18 else text  # noqa: PLR2004 - int64


def _liquidate(row: SimLiquidation) -> dict[str, Any]:
    return {
        "price": plain(row.price),
        "size": _signed(row, 1),
        "time": row.ts_event_ms,
        "contract": row.raw_symbol,
    }


def _order(row: SimLiquidation) -> dict[str, Any]:
    return {
        "time": row.ts_event_ms // MS_PER_SECOND,
        "contract": row.raw_symbol,
        "size": _signed(row, 1),
        "order_size": _signed(row, -1),
        "order_price": plain(row.price),
        "fill_price": plain(row.price),
        "left": 0,
    }


def _listed(spec: InstrumentSpec) -> dict[str, Any]:
    return {
        "name": spec.raw_symbol,
        "type": "inverse" if spec.inverse else "direct",
        "quanto_multiplier": "0" if spec.inverse else plain(spec.contract_value),
        "in_delisting": False,
    }
