"""A simulated Binance: the market streams of USD-M futures with the venue's protocol and throttle.

The throttle lets through the largest order a symbol a second (current documentation; older texts say the
latest), told at the end of the second. Paths without a category still acknowledge everything and deliver
none of /market. Source: derivatives documentation, "Live Subscribing/Unsubscribing to streams", checked
2026-11-20.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from foreshock_binance.connector import BOOK, LIQUIDATIONS, MARKS, TOPS
from foreshock_binance.session import RAW, BinanceSession
from foreshock_binance.specs import BTC_CONTRACT_USD, COIN_CONTRACT_USD, VENUE, by_name
from foreshock_binance.throttle import LargestEachSecond
from foreshock_sdk import (
    ContextField,
    InstrumentSpec,
    LiquidatedSide,
    Push,
    RestReply,
    SimContext,
    SimLiquidation,
)
from foreshock_sdk.simbooks import ladder
from foreshock_sdk.simtools import plain

LISTED = (
    *("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT", "BNBUSDT", "ADAUSDT", "AVAXUSDT", "LINKUSDT"),
    *("LTCUSDT", "DOTUSDT", "UNIUSDT", "ATOMUSDT", "TRXUSDT", "XLMUSDT", "NEARUSDT", "ETCUSDT", "BCHUSDT"),
    *("FILUSDT", "SUIUSDT", "1000PEPEUSDT", "1000SHIBUSDT", "1000BONKUSDT", "1000SATSUSDT"),
    *("1MBABYDOGEUSDT", "1INCHUSDT", "4USDT", "币安人生USDT", "BTCUSDC", "ETHUSDC", "BTCUSDT_261225"),
    *("ETHUSDT_261225", "BTCUSD_PERP", "ETHUSD_PERP", "SOLUSD_PERP", "XRPUSD_PERP", "DOGEUSD_PERP"),
    *("BTCUSD_261225", "ETHUSD_261225"),
)
MARK_PRICE = "@markPrice@1s"
PACES_MS = {MARK_PRICE: 1000, BOOK: 500, TOPS: 5000}
SLIPPAGE = 0.004
"""How far the limit of a liquidation order lies beyond its fill in the live frame of 2026-10-09."""


class BinanceScript:
    """The venue."""

    venue = VENUE

    def __init__(self) -> None:
        self._listing = [msgspec.structs.replace(by_name(each), packaged=False) for each in LISTED]
        self._throttle = LargestEachSecond()
        self._prices: dict[str, dict[ContextField, float]] = {}
        self._slots: dict[tuple[str, str], int] = {}
        self._told_ms = 0
        self._raw_clients = False

    def listing(self) -> Sequence[InstrumentSpec]:
        """Return the contracts, both kinds of margin."""
        return self._listing

    def rest(self, path: str, query: str, body: bytes = b"") -> RestReply | None:  # noqa: ARG002 - GET only
        """Answer exchangeInfo of USD-M and COIN-M, and openInterest."""
        if path == "/fapi/v1/openInterest":
            return self._interest(parse_qs(query).get("symbol", [""])[0])
        if path not in {"/fapi/v1/exchangeInfo", "/dapi/v1/exchangeInfo"}:
            return None
        coin_margined = path.startswith("/dapi")
        symbols = [_listed(spec) for spec in self._listing if spec.inverse == coin_margined]
        return RestReply(200, msgspec.json.encode({"timezone": "UTC", "symbols": symbols}))

    def _interest(self, symbol: str) -> RestReply:
        interest = self._prices.get(symbol, {}).get(ContextField.OPEN_INTEREST)
        if interest is None:
            return RestReply(400, msgspec.json.encode({"code": -1121, "msg": "Invalid symbol."}))
        told = {"openInterest": plain(interest), "symbol": symbol, "time": self._told_ms}
        return RestReply(200, msgspec.json.encode(told))

    def session(self, path: str) -> BinanceSession | None:
        """Open a session: /market, /public and the old paths, raw (/ws) or combined (/stream)."""
        parts = urlsplit(path)
        place = parts.path.removeprefix("/market").removeprefix("/public")
        if place.rstrip("/") == "/stream":
            streams = parse_qs(parts.query).get("streams", [""])[0].split("/")
        elif place == "/ws" or place.startswith("/ws/"):
            streams = place.removeprefix("/ws").split("/")
            self._raw_clients = True
        else:
            return None
        return BinanceSession(parts.path, [each for each in streams if each])

    def offer(self, rows: Sequence[SimLiquidation]) -> None:
        """Take orders as they are filled."""
        self._throttle.offer(rows)

    def due(self, now_ms: int) -> Sequence[Push]:
        """Return the orders of every second that has ended."""
        return [
            push
            for row in self._throttle.due(now_ms)
            for push in self._pushes(LIQUIDATIONS, _force_order(row, now_ms), (row.row,))
        ]

    def withheld(self) -> Sequence[int]:
        """Return the rows that a larger one of their second kept back."""
        return self._throttle.withheld()

    def context(self, rows: Sequence[SimContext], now_ms: int) -> Sequence[Push]:
        """Return marks once a second, books twice and best prices every 5 s, of symbols whose mark price is known."""
        self._told_ms = now_ms
        for row in rows:
            self._prices.setdefault(row.raw_symbol, {})[row.field] = row.value
        changed = [
            symbol for symbol in {row.raw_symbol: None for row in rows} if ContextField.MARK in self._prices[symbol]
        ]
        marks = [
            _mark_price(each, self._prices[each], now_ms) for each in changed if self._due(MARK_PRICE, each, now_ms)
        ]
        pushes = [push for mark in marks for push in self._pushes(mark["s"].lower() + MARK_PRICE, mark, ())]
        if marks:
            pushes += self._pushes(MARKS, marks, ())
        return pushes + [push for symbol in changed for push in self._public(symbol, now_ms)]

    def _public(self, symbol: str, now_ms: int) -> list[Push]:
        prices, pushes = self._prices[symbol], list[Push]()
        if "USD_" not in symbol and self._due(BOOK, symbol, now_ms):
            pushes += self._pushes(symbol.lower() + BOOK, _depth(symbol, prices, now_ms), ())
        if self._due(TOPS, symbol, now_ms):
            pushes += self._pushes(TOPS, _book_ticker(symbol, prices, now_ms), ())
        return pushes

    def _due(self, stream: str, symbol: str, now_ms: int) -> bool:
        slot = now_ms // PACES_MS[stream]
        before, self._slots[stream, symbol] = self._slots.get((stream, symbol)), slot
        return before != slot

    def _pushes(self, channel: str, data: Any, rows: tuple[int, ...]) -> list[Push]:
        """Return the frame in its envelope, and bare when there is a client that could want it so."""
        pushes = [Push(channel, _encode({"stream": channel, "data": data}), rows)]
        return [*pushes, Push(RAW + channel, _encode(data), rows)] if self._raw_clients else pushes


def _force_order(row: SimLiquidation, now_ms: int) -> dict[str, Any]:
    long_died = row.liquidated_side == LiquidatedSide.LONG
    limit = row.price * (1 - SLIPPAGE if long_died else 1 + SLIPPAGE)
    size = plain(row.size)
    order = {
        "s": row.raw_symbol,
        "S": "SELL" if long_died else "BUY",
        "o": "LIMIT",
        "f": "IOC",
        "q": size,
        "p": plain(float(f"{limit:.8g}")),
        "ap": plain(row.price),
        "X": "FILLED",
        "l": size,
        "z": size,
        "T": row.ts_event_ms,
        "ps": row.raw_symbol.partition("_")[0],
        "st": 2 if "USD_" in row.raw_symbol else 1,
    }
    return {"e": "forceOrder", "E": now_ms, "o": order}


def _mark_price(symbol: str, prices: dict[ContextField, float], now_ms: int) -> dict[str, Any]:
    mark = prices[ContextField.MARK]
    return {
        "e": "markPriceUpdate",
        "E": now_ms,
        "s": symbol,
        "p": plain(mark),
        "ap": plain(mark),
        "P": plain(mark),
        "i": plain(prices.get(ContextField.INDEX, mark)),
        "r": plain(prices[ContextField.FUNDING]) if ContextField.FUNDING in prices else "",
        "T": (now_ms // 28_800_000 + 1) * 28_800_000,
        "st": 2 if "USD_" in symbol else 1,
    }


def _depth(symbol: str, prices: dict[ContextField, float], now_ms: int) -> dict[str, Any]:
    bids, asks = ([[plain(price), plain(size)] for price, size in side] for side in ladder(prices))
    times = {"E": now_ms, "T": now_ms, "s": symbol, "ps": symbol, "st": 1, "U": 1, "u": 2, "pu": 0}
    return {"e": "depthUpdate", **times, "b": bids, "a": asks}


def _book_ticker(symbol: str, prices: dict[ContextField, float], now_ms: int) -> dict[str, Any]:
    (bid, bid_size), (ask, ask_size) = (side[0] for side in ladder(prices))
    best = {"b": plain(bid), "B": plain(bid_size), "a": plain(ask), "A": plain(ask_size)}
    return {"e": "bookTicker", "u": 1, "E": now_ms, "T": now_ms, "s": symbol, **best}


def _listed(spec: InstrumentSpec) -> dict[str, Any]:
    base = spec.contract_base or spec.base
    row: dict[str, Any] = {
        "symbol": spec.raw_symbol,
        "pair": base + spec.quote,
        "contractType": "CURRENT_QUARTER" if spec.expiry else "PERPETUAL",
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": spec.quote,
        "marginAsset": base if spec.inverse else spec.quote,
    }
    if spec.inverse:
        row["contractSize"] = int(BTC_CONTRACT_USD if base == "BTC" else COIN_CONTRACT_USD)
    return row


def _encode(value: Any) -> str:
    return msgspec.json.encode(value).decode()
