"""A simulated Kraken Futures: websocket v1, the list of contracts and the history of executions.

Every trade is a frame of its own; a new subscriber is first sent the newest trades and the whole book. Tickers come
once a second, books as one frame a level that changed. Source: documentation, "Trade", "Ticker", "Book",
"Get instruments" and "Get public execution events", checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from foreshock_krakenfutures.history import PAGE
from foreshock_krakenfutures.history import PATH as HISTORY
from foreshock_krakenfutures.messages import BOOK, BOOK_SNAPSHOT, TICKER, TRADE, TRADE_SNAPSHOT
from foreshock_krakenfutures.specs import PACKAGED, VENUE, by_name
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
from foreshock_sdk.simtools import ladder, plain
from foreshock_sdk.simvenue import encode, reply

LISTED = (*PACKAGED, "FF_XBTUSD_261225", "FF_ETHUSD_261225", "FI_XBTUSD_261225", "FI_ETHUSD_261225")
INSTRUMENTS = "/derivatives/api/v3/instruments"
FEEDS = (TRADE, TICKER, BOOK)
KINDS = {"PI": "futures_inverse", "FI": "futures_inverse"}
TICKER_MS = 1000
SNAPSHOT_TRADES = 100
LEVELS = 3
"""Levels a side of a book: each that changes is a frame."""
TOLD = {ContextField.MARK: "markPrice", ContextField.INDEX: "index", ContextField.OPEN_INTEREST: "openInterest"}
QUOTED = {
    ContextField.BID: "bid",
    ContextField.BID_QUANTITY: "bid_size",
    ContextField.ASK: "ask",
    ContextField.ASK_QUANTITY: "ask_size",
}
Sides = tuple[dict[float, float], dict[float, float]]


class KrakenFuturesScript(SimVenue):
    """The venue."""

    venue = VENUE
    paths = ("/ws/v1",)
    messages = 100

    def __init__(self) -> None:
        super().__init__([by_name(each) for each in LISTED])
        self._sequence = count(1)
        self._ticked_ms: dict[str, int] = {}
        self._books: dict[str, Sides] = {}

    def answer(self, session: SimSession, request: dict[str, Any], now_ms: int) -> Sequence[str]:  # noqa: ARG002 - the base's
        """Subscribe or unsubscribe, answer why not."""
        event, feed, products = request.get("event"), request.get("feed"), request.get("product_ids")
        if event not in ("subscribe", "unsubscribe"):
            return [_error("Invalid event")]
        if feed == "heartbeat":
            session.subscribe("heartbeat")
            return [encode({"event": f"{event}d", "feed": feed})]
        if feed not in FEEDS:
            return [_error("Invalid feed")]
        if not isinstance(products, list) or not products or not all(map(self._lists, products)):
            return [_error("Invalid product id")]
        for product in products:
            change = session.subscribe if event == "subscribe" else session.unsubscribe
            change(f"{feed}:{product}")
        return [encode({"event": f"{event}d", "feed": feed, "product_ids": products})]

    def _lists(self, product: Any) -> bool:
        return isinstance(product, str) and product in self.specs

    def refuse(self, frame: str | bytes) -> Sequence[str]:  # noqa: ARG002 - the base's
        """Say that it was no JSON."""
        return [encode({"event": "alert", "message": "Json Error"})]

    def greet(self, channel: str, now_ms: int) -> Sequence[Push]:
        """Send the newest trades, or the whole book."""
        feed, _, product = channel.partition(":")
        if feed == TRADE:
            trades = [_trade(row, 0) for row in reversed(self.history) if row.raw_symbol == product][:SNAPSHOT_TRADES]
            return [Push(channel, encode({"feed": TRADE_SNAPSHOT, "product_id": product, "trades": trades}))]
        if feed == BOOK and product in self._books:
            bids, asks = (
                [{"price": price, "qty": qty} for price, qty in side.items()] for side in self._books[product]
            )
            told = {"feed": BOOK_SNAPSHOT, "product_id": product, "timestamp": now_ms, "seq": next(self._sequence)}
            return [Push(channel, encode({**told, "tickSize": None, "bids": bids, "asks": asks}))]
        return ()

    def tell(self, rows: Sequence[SimLiquidation], now_ms: int) -> Sequence[Push]:  # noqa: ARG002 - the base's
        """Word liquidations, a frame each."""
        return [
            Push(f"{TRADE}:{row.raw_symbol}", encode(_trade(row, next(self._sequence))), (row.row,)) for row in rows
        ]

    def market(self, raw_symbol: str, prices: dict[ContextField, float], now_ms: int) -> Sequence[Push]:
        """Word a ticker, at most one a second, and what changed in the book."""
        pushes = list(self._levels(raw_symbol, prices, now_ms))
        if now_ms - self._ticked_ms.get(raw_symbol, -TICKER_MS) >= TICKER_MS:
            self._ticked_ms[raw_symbol] = now_ms
            spec = self.specs[raw_symbol]
            pushes.append(Push(f"{TICKER}:{raw_symbol}", encode(_ticker(spec, prices, now_ms))))
        return pushes

    def _levels(self, raw_symbol: str, prices: dict[ContextField, float], now_ms: int) -> Iterator[Push]:
        if not prices.keys() >= QUOTED.keys():
            return
        bid, bid_size, ask, ask_size = (prices[field] for field in QUOTED)
        now: Sides = (
            dict(ladder(bid, bid_size, upwards=False, levels=LEVELS)),
            dict(ladder(ask, ask_size, upwards=True, levels=LEVELS)),
        )
        before = self._books.get(raw_symbol, ({}, {}))
        self._books[raw_symbol] = now
        for side, old, new in zip(("buy", "sell"), before, now, strict=True):
            for price in dict.fromkeys((*old, *new)):
                if old.get(price) != new.get(price):
                    told = {"feed": BOOK, "product_id": raw_symbol, "side": side, "seq": next(self._sequence)}
                    level = {"price": price, "qty": new.get(price, 0), "timestamp": now_ms}
                    yield Push(f"{BOOK}:{raw_symbol}", encode({**told, **level}))

    def rest(self, path: str, query: str, body: bytes = b"") -> RestReply | None:  # noqa: ARG002 - the base's
        """Answer the list of contracts, and the executions of one."""
        if path == INSTRUMENTS:
            return reply({"result": "success", "instruments": [_listed(spec) for spec in self.specs.values()]})
        product, _, last = path.removeprefix(HISTORY).partition("/")
        if not path.startswith(HISTORY) or last != "executions":
            return None
        if product not in self.specs:
            return reply({"result": "error", "error": "contractNotFound"}, 404)
        asked = {key: values[0] for key, values in parse_qs(query).items()}
        since, before = int(asked.get("since", 0)), int(asked.get("before", 1 << 60))
        rows = [row for row in self.history if row.raw_symbol == product and since <= row.ts_event_ms <= before]
        rows.sort(key=lambda row: row.ts_event_ms, reverse=asked.get("sort") != "asc")
        elements = [_element(row) for row in rows[: min(int(asked.get("count", PAGE)), PAGE)]]
        return reply({"elements": elements, "len": len(elements)})


def _error(message: str) -> str:
    return encode({"event": "error", "message": message})


def _uid(row: SimLiquidation) -> str:
    return str(UUID(int=row.row))


def _trade(row: SimLiquidation, sequence: int) -> dict[str, Any]:
    return {
        "feed": TRADE,
        "product_id": row.raw_symbol,
        "uid": _uid(row),
        "side": "sell" if row.liquidated_side == LiquidatedSide.LONG else "buy",
        "type": "liquidation",
        "seq": sequence,
        "time": row.ts_event_ms,
        "qty": row.size,
        "price": row.price,
    }


def _ticker(spec: InstrumentSpec, prices: dict[ContextField, float], now_ms: int) -> dict[str, Any]:
    told: dict[str, Any] = {"time": now_ms, "product_id": spec.raw_symbol, "feed": TICKER, "suspended": False}
    told |= {name: prices[field] for field, name in {**TOLD, **QUOTED}.items() if field in prices}
    if ContextField.FUNDING in prices and not spec.expiry:
        rate = prices[ContextField.FUNDING]
        told |= {"funding_rate": rate * prices.get(ContextField.INDEX, 1.0), "relative_funding_rate": rate}
    return told


def _element(row: SimLiquidation) -> dict[str, Any]:
    order = {
        "uid": str(UUID(int=row.row + (1 << 64))),
        "tradeable": row.raw_symbol,
        "direction": "Sell" if row.liquidated_side == LiquidatedSide.LONG else "Buy",
        "quantity": plain(row.size),
        "timestamp": row.ts_event_ms,
        "orderType": "Liquidation" if row.row % 2 else "PartialLiquidation",
        "reduceOnly": True,
    }
    execution = {
        "uid": _uid(row),
        "takerOrder": order,
        "timestamp": row.ts_event_ms,
        "quantity": plain(row.size),
        "price": plain(row.price),
    }
    event = {"Execution": {"execution": execution, "takerReducedQuantity": ""}}
    return {"uid": str(UUID(int=row.row + (1 << 96))), "timestamp": row.ts_event_ms, "event": event}


def _listed(spec: InstrumentSpec) -> dict[str, Any]:
    return {
        "symbol": spec.raw_symbol,
        "type": KINDS.get(spec.raw_symbol[:2], "flexible_futures"),
        "contractSize": spec.contract_value,
        "tradeable": True,
        "base": spec.base,
        "quote": spec.quote,
        "pair": f"{spec.base}:{spec.quote}",
    }
