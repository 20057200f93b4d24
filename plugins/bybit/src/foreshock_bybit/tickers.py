"""Tickers of the simulated Bybit: a snapshot first, then deltas, at most one a contract in 100 ms."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from foreshock_bybit.messages import TICKERS
from foreshock_sdk import ContextField, Push, SimContext
from foreshock_sdk.simtools import plain

TICKER_MS = 100
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


def _ticker(symbol: str, kind: str, values: dict[str, str], now_ms: int) -> Push:
    topic = TICKERS + symbol
    frame = {"topic": topic, "type": kind, "data": {"symbol": symbol, **values}, "cs": now_ms, "ts": now_ms}
    return Push(topic, msgspec.json.encode(frame).decode())
