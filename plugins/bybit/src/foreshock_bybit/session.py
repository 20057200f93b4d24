"""A client's connection to the simulated Bybit."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from foreshock_bybit.books import Books
from foreshock_bybit.connector import CHARACTERS_A_SOCKET, QUOTES_AND_COMMA
from foreshock_bybit.messages import BOOKS, LIQUIDATIONS, TICKERS
from foreshock_bybit.tickers import Tickers
from foreshock_sdk import Push

SILENCE_MS = 600_000
CONNECTION = "465772b1-7630-4fdc-a492-e003e6f0f260"
OTHER_TOPICS = (BOOKS, "publicTrade.", "kline.", "adlAlert.", "insurance.")


class BybitSession:
    """One client at one category."""

    def __init__(self, symbols: frozenset[str], tickers: Tickers, books: Books) -> None:
        self._symbols = symbols
        self._books = books
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
            return [_answer(number, success=False, message=f"Request op {op!s:.40} is unknown", op=str(op)[:40])]
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
        for each in topics:
            self._books.ask(each)
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
        """Return the snapshots of the tickers and books subscribed since the last call."""
        topics, self._new = self._new, []
        snapshots = [each.snapshot(topic, now_ms) for topic in topics for each in (self._tickers, self._books)]
        return [each for each in snapshots if each is not None]

    def overdue(self, now_ms: int) -> bool:
        """Tell whether the client kept silent for ten minutes."""
        self._heard_ms = now_ms if self._heard_ms is None else self._heard_ms
        return now_ms - self._heard_ms >= SILENCE_MS


def _answer(number: str, *, success: bool, message: str, op: str) -> str:
    answer = {"success": success, "ret_msg": message, "conn_id": CONNECTION, "req_id": number, "op": op}
    return msgspec.json.encode(answer).decode()
