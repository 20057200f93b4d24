"""A simulated Bybit: public linear and inverse streams with the venue's protocol.

Liquidations are told every 500 ms, all of them, a frame a contract. Tickers begin with a snapshot and go on
with deltas. Source: v5 documentation, "Connect", "All Liquidation", "Ticker", "Get Instruments Info",
checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from foreshock_bybit.connector import CHARACTERS_A_SOCKET, QUOTES_AND_COMMA
from foreshock_bybit.decoder import LIQUIDATIONS, TICKERS
from foreshock_bybit.specs import VENUE, by_name
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
TICKER_MS = 100
SILENCE_MS = 600_000
DEFAULT_PAGE = 500
LARGEST_PAGE = 1000
CONNECTION = "465772b1-7630-4fdc-a492-e003e6f0f260"
OTHER_TOPICS = ("publicTrade.", "orderbook.", "kline.", "adlAlert.", "insurance.")
KEYS = {
    ContextField.MARK: "markPrice",
    ContextField.INDEX: "indexPrice",
    ContextField.FUNDING: "fundingRate",
    ContextField.OPEN_INTEREST: "singleOpenInterest",
    ContextField.BID: "bid1Price",
    ContextField.ASK: "ask1Price",
    ContextField.BID_QUANTITY: "bid1Size",
    ContextField.ASK_QUANTITY: "ask1Size",
}


class Tickers:
    """What the venue has told of each contract so far."""

    def __init__(self) -> None:
        self._told: dict[str, dict[str, str]] = {}
        self._pushed_ms: dict[str, int] = {}
        self._waiting: dict[str, dict[str, str]] = {}

    def take(self, rows: Sequence[SimContext]) -> list[str]:
        """Take news; return the contracts they are of."""
        for row in rows:
            waiting = self._waiting.setdefault(row.raw_symbol, {})
            waiting[KEYS[row.field]] = plain(row.value)
            if row.field is ContextField.OPEN_INTEREST:
                waiting["openInterest"] = plain(2 * row.value)
        return list(dict.fromkeys(row.raw_symbol for row in rows))

    def push(self, symbol: str, now_ms: int) -> Push | None:
        """Return the news of a contract, None within 100 ms of the last."""
        if now_ms - self._pushed_ms.get(symbol, -TICKER_MS) < TICKER_MS:
            return None
        news = self._waiting.pop(symbol)
        first = symbol not in self._told
        self._told.setdefault(symbol, {}).update(news)
        self._pushed_ms[symbol] = now_ms
        return _ticker(symbol, "snapshot" if first else "delta", news, now_ms)

    def snapshot(self, topic: str, now_ms: int) -> Push | None:
        """Return all that is known of a contract, None for another topic or when nothing is."""
        symbol = topic.removeprefix(TICKERS)
        told = self._told.get(symbol) if topic.startswith(TICKERS) else None
        return _ticker(symbol, "snapshot", told, now_ms) if told else None


class BybitSession:
    """One client at one category."""

    def __init__(self, symbols: frozenset[str], tickers: Tickers) -> None:
        self._symbols = symbols
        self._tickers = tickers
        self._topics: dict[str, None] = {}
        self._new: list[str] = []
        self._heard_ms: int | None = None

    def receive(self, frame: str | bytes, now_ms: int) -> Sequence[str]:
        """Answer a request."""
        self._heard_ms = now_ms
        try:
            request = msgspec.json.decode(frame)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return [_answer("", success=False, message="Request is not valid JSON", op="")]
        if not isinstance(request, dict):
            return [_answer("", success=False, message="Request is not an object", op="")]
        number, op, args = str(request.get("req_id", "")), request.get("op"), request.get("args")
        if op == "ping":
            return [_answer(number, success=True, message="pong", op="ping")]
        if op not in {"subscribe", "unsubscribe"}:
            return [
                _answer(number, success=False, message=f"Request op {op!s:.40} is unknown", op=str(op)[:40])
            ]
        topics = [str(each) for each in args] if isinstance(args, list) else [""]
        refused = self._subscribe(topics) if op == "subscribe" else self._unsubscribe(topics)
        return [_answer(number, success=not refused, message=refused, op=op)]

    def _subscribe(self, topics: Sequence[str]) -> str:
        """Return why not, "" for yes. One bad topic rejects its whole request (the strictest reading)."""
        bad = next((each for each in topics if not self._exists(each)), None)
        if bad is not None:
            return f"Invalid topic: {bad:.60}"
        asked = {**self._topics, **dict.fromkeys(topics)}
        if sum(len(each) + QUOTES_AND_COMMA for each in asked) > CHARACTERS_A_SOCKET:
            return "args length exceeds the limit"
        self._new += [each for each in topics if each not in self._topics]
        self._topics = asked
        return ""

    def _unsubscribe(self, topics: Sequence[str]) -> str:
        for each in topics:
            self._topics.pop(each, None)
        return ""

    def _exists(self, topic: str) -> bool:
        """Tell whether the venue has the topic; the retired `liquidation.X` is not among them."""
        word = next((each for each in (LIQUIDATIONS, TICKERS, *OTHER_TOPICS) if topic.startswith(each)), None)
        return word is not None and topic.rpartition(".")[2] in self._symbols

    def subscribed(self, channel: str) -> bool:
        """Tell whether this client asked for the topic."""
        return channel in self._topics

    def greeting(self, now_ms: int) -> Sequence[Push]:
        """Return the snapshots of the tickers subscribed since the last call."""
        topics, self._new = self._new, []
        snapshots = (self._tickers.snapshot(topic, now_ms) for topic in topics)
        return [each for each in snapshots if each is not None]

    def overdue(self, now_ms: int) -> bool:
        """Tell whether the client kept silent for ten minutes."""
        self._heard_ms = now_ms if self._heard_ms is None else self._heard_ms
        return now_ms - self._heard_ms >= SILENCE_MS


class BybitScript:
    """The venue."""

    venue = VENUE

    def __init__(self) -> None:
        self._listing = [msgspec.structs.replace(by_name(each), packaged=False) for each in LISTED]
        self._tickers = Tickers()
        self._waiting: list[SimLiquidation] = []
        self._slot = 0

    def listing(self) -> Sequence[InstrumentSpec]:
        """Return the contracts, both categories."""
        return self._listing

    def _of(self, category: str) -> list[InstrumentSpec]:
        return [spec for spec in self._listing if spec.inverse == (category == "inverse")]

    def rest(self, path: str, query: str) -> RestReply | None:
        """Answer instruments-info, page by page."""
        if path != INSTRUMENTS:
            return None
        asked = {key: values[0] for key, values in parse_qs(query).items()}
        category = asked.get("category", "")
        if category not in CATEGORIES:
            return RestReply(
                200, msgspec.json.encode({"retCode": 10001, "retMsg": "params error: category invalid"})
            )
        first = int(asked.get("cursor", "0"))
        size = min(int(asked.get("limit", DEFAULT_PAGE)), LARGEST_PAGE)
        specs = self._of(category)
        result = {
            "category": category,
            "list": [_listed(spec) for spec in specs[first : first + size]],
            "nextPageCursor": str(first + size) if first + size < len(specs) else "",
        }
        return RestReply(
            200, msgspec.json.encode({"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}})
        )

    def session(self, path: str) -> BybitSession | None:
        """Open a session at one category."""
        category = urlsplit(path).path.removeprefix(PUBLIC)
        if category not in CATEGORIES:
            return None
        return BybitSession(frozenset(spec.raw_symbol for spec in self._of(category)), self._tickers)

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
        """Return tickers, one a contract in 100 ms; what came between is told with the next."""
        pushes = (self._tickers.push(symbol, now_ms) for symbol in self._tickers.take(rows))
        return [each for each in pushes if each is not None]


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


def _ticker(symbol: str, kind: str, values: dict[str, str], now_ms: int) -> Push:
    topic = TICKERS + symbol
    frame = {"topic": topic, "type": kind, "data": {"symbol": symbol, **values}, "cs": now_ms, "ts": now_ms}
    return Push(topic, _encode(frame))


def _listed(spec: InstrumentSpec) -> dict[str, Any]:
    base = spec.contract_base or spec.base
    settle = datetime.strptime(spec.expiry, "%y%m%d").replace(hour=8, tzinfo=UTC) if spec.expiry else None
    return {
        "symbol": spec.raw_symbol,
        "contractType": ("Inverse" if spec.inverse else "Linear")
        + ("Futures" if spec.expiry else "Perpetual"),
        "status": "Trading",
        "baseCoin": base,
        "quoteCoin": spec.quote,
        "settleCoin": base if spec.inverse else spec.quote,
        "deliveryTime": str(int(settle.timestamp() * 1000)) if settle else "0",
    }


def _answer(number: str, *, success: bool, message: str, op: str) -> str:
    return _encode(
        {"success": success, "ret_msg": message, "conn_id": CONNECTION, "req_id": number, "op": op}
    )


def _encode(value: Any) -> str:
    return msgspec.json.encode(value).decode()
