"""A simulated Bybit: public linear and inverse streams with the venue's protocol.

Liquidations are told every 500 ms, all of them, a frame a contract. Tickers and books begin with a snapshot and go
on with deltas. Source: v5 documentation, "Connect", "All Liquidation", "Ticker", "Orderbook", "Get Instruments Info",
checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from foreshock_bybit.books import Books
from foreshock_bybit.messages import LIQUIDATIONS
from foreshock_bybit.session import BybitSession
from foreshock_bybit.specs import VENUE, by_name
from foreshock_bybit.tickers import Tickers
from foreshock_sdk import (
    ContextField,
    InstrumentSpec,
    LiquidatedSide,
    Push,
    RestReply,
    SimContext,
    SimLiquidation,
)
from foreshock_sdk.simtools import plain

LISTED = (
    *("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT", "BNBUSDT", "ADAUSDT", "AVAXUSDT", "LINKUSDT"),
    *("LTCUSDT", "DOTUSDT", "UNIUSDT", "ATOMUSDT", "TRXUSDT", "XLMUSDT", "NEARUSDT", "ETCUSDT", "BCHUSDT"),
    *("FILUSDT", "SUIUSDT", "1000PEPEUSDT", "SHIB1000USDT", "1000BONKUSDT", "10000SATSUSDT"),
    *("1000000BABYDOGEUSDT", "1INCHUSDT", "BTCPERP", "ETHPERP", "1000PEPEPERP", "BTCUSDT-25DEC26"),
    *("BTC-25DEC26", "ETH-25DEC26", "BTCUSD", "ETHUSD", "SOLUSD", "XRPUSD", "BTCUSDZ26", "ETHUSDZ26"),
)
PUBLIC = "/v5/public/"
INSTRUMENTS = "/v5/market/instruments-info"
CATEGORIES = ("linear", "inverse")
PUSH_MS = 500
DEFAULT_PAGE = 500
LARGEST_PAGE = 1000


class BybitScript:
    """The venue."""

    venue = VENUE

    def __init__(self) -> None:
        self._listing = [msgspec.structs.replace(by_name(each), packaged=False) for each in LISTED]
        self._tickers = Tickers()
        self._books = Books()
        self._prices: dict[str, dict[ContextField, float]] = {}
        self._waiting: list[SimLiquidation] = []
        self._slot = 0

    def listing(self) -> Sequence[InstrumentSpec]:
        """Return the contracts, both categories."""
        return self._listing

    def _of(self, category: str) -> list[InstrumentSpec]:
        return [spec for spec in self._listing if spec.inverse == (category == "inverse")]

    def rest(self, path: str, query: str, body: bytes = b"") -> RestReply | None:  # noqa: ARG002 - the protocol
        """Answer instruments-info, page by page."""
        if path != INSTRUMENTS:
            return None
        asked = {key: values[0] for key, values in parse_qs(query).items()}
        category = asked.get("category", "")
        if category not in CATEGORIES:
            return RestReply(200, msgspec.json.encode({"retCode": 10001, "retMsg": "params error: category invalid"}))
        first = int(asked.get("cursor", "0"))
        size = min(int(asked.get("limit", DEFAULT_PAGE)), LARGEST_PAGE)
        specs = self._of(category)
        result = {
            "category": category,
            "list": [_listed(spec) for spec in specs[first : first + size]],
            "nextPageCursor": str(first + size) if first + size < len(specs) else "",
        }
        return RestReply(200, msgspec.json.encode({"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}}))

    def session(self, path: str) -> BybitSession | None:
        """Open a session at one category."""
        category = urlsplit(path).path.removeprefix(PUBLIC)
        if category not in CATEGORIES:
            return None
        return BybitSession(frozenset(spec.raw_symbol for spec in self._of(category)), self._tickers, self._books)

    def offer(self, rows: Sequence[SimLiquidation]) -> None:
        """Take liquidations as they happen."""
        self._waiting.extend(rows)

    def due(self, now_ms: int) -> Sequence[Push]:
        """Return all rows before the newest 500 ms boundary, and those of a time to come, by contract."""
        slot = now_ms // PUSH_MS
        if slot == self._slot:
            return ()
        self._slot = slot
        by_symbol: dict[str, list[SimLiquidation]] = {}
        held: list[SimLiquidation] = []
        for row in self._waiting:
            running = slot * PUSH_MS <= row.ts_event_ms <= now_ms
            (held if running else by_symbol.setdefault(row.raw_symbol, [])).append(row)
        self._waiting = held
        return [_liquidations(symbol, rows, now_ms) for symbol, rows in by_symbol.items()]

    def withheld(self) -> Sequence[int]:
        """Return nothing: this venue tells all."""
        return ()

    def context(self, rows: Sequence[SimContext], now_ms: int) -> Sequence[Push]:
        """Return tickers and books, one of each a contract in 100 ms; what came between is told with the next."""
        for row in rows:
            self._prices.setdefault(row.raw_symbol, {})[row.field] = row.value
        symbols = self._tickers.take(rows)
        tickers = [self._tickers.push(symbol, now_ms) for symbol in symbols]
        books = [push for symbol in symbols for push in self._books.push(symbol, self._prices[symbol], now_ms)]
        return [*(each for each in tickers if each is not None), *books]


def _liquidations(symbol: str, rows: Sequence[SimLiquidation], now_ms: int) -> Push:
    topic = LIQUIDATIONS + symbol
    data = [
        {
            "T": row.ts_event_ms,
            "s": symbol,
            "S": "Buy" if row.liquidated_side == LiquidatedSide.LONG else "Sell",
            "v": plain(row.size),
            "p": plain(row.price),
        }
        for row in rows
    ]
    frame = {"topic": topic, "type": "snapshot", "ts": now_ms, "data": data}
    return Push(topic, _encode(frame), tuple(row.row for row in rows))


def _listed(spec: InstrumentSpec) -> dict[str, Any]:
    base = spec.contract_base or spec.base
    settle = datetime.strptime(spec.expiry, "%y%m%d").replace(hour=8, tzinfo=UTC) if spec.expiry else None
    return {
        "symbol": spec.raw_symbol,
        "contractType": ("Inverse" if spec.inverse else "Linear") + ("Futures" if spec.expiry else "Perpetual"),
        "status": "Trading",
        "baseCoin": base,
        "quoteCoin": spec.quote,
        "settleCoin": base if spec.inverse else spec.quote,
        "deliveryTime": str(int(settle.timestamp() * 1000)) if settle else "0",
    }


def _encode(value: Any) -> str:
    return msgspec.json.encode(value).decode()
