"""Books of the simulated Bybit: a snapshot first, then deltas, of every depth that somebody asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from foreshock_bybit.messages import BOOKS
from foreshock_sdk import ContextField, Push
from foreshock_sdk.columns import Level
from foreshock_sdk.simbooks import Sides, SimBooks
from foreshock_sdk.simtools import plain

BOOK_MS = 100
DEPTHS = ("50", "200", "1000")


class Books:
    """What the venue has told of each book so far."""

    def __init__(self) -> None:
        self._books = SimBooks(BOOK_MS)
        self._depths = {"200"}
        self._updates: dict[str, int] = {}

    def ask(self, topic: str) -> None:
        """Note that somebody subscribed a topic."""
        depth = topic.removeprefix(BOOKS).partition(".")[0]
        if topic.startswith(BOOKS) and depth in DEPTHS:
            self._depths.add(depth)

    def push(self, symbol: str, prices: Mapping[ContextField, float], now_ms: int) -> Sequence[Push]:
        """Return the news of a contract's book."""
        news = self._books.news(symbol, prices, now_ms)
        if news is None:
            return ()
        self._updates[symbol] = self._updates.get(symbol, 1) + 1
        return [self._push(f"{BOOKS}{depth}.{symbol}", *news, now_ms) for depth in sorted(self._depths)]

    def snapshot(self, topic: str, now_ms: int) -> Push | None:
        """Return all that is known of a book, None for another topic or when nothing is."""
        told = self._books.whole(topic.rpartition(".")[2]) if topic.startswith(BOOKS) else None
        return None if told is None else self._push(topic, told, True, now_ms)

    def _push(self, topic: str, sides: Sides, whole: bool, now_ms: int) -> Push:  # noqa: FBT001
        symbol = topic.rpartition(".")[2]
        data = {"s": symbol, "b": _levels(sides[0]), "a": _levels(sides[1]), "u": self._updates[symbol], "seq": now_ms}
        frame = {"topic": topic, "type": "snapshot" if whole else "delta", "ts": now_ms, "data": data, "cts": now_ms}
        return Push(topic, msgspec.json.encode(frame).decode())


def _levels(side: Sequence[Level]) -> list[list[str]]:
    return [[plain(price), plain(size)] for price, size in side]
