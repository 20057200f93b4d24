"""A client's connection to the simulated Binance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from foreshock_sdk import Push
from foreshock_sdk.simtools import Budget

MARKET_PATH = "/market/"
RAW = "raw:"
"""Before a channel's name: its frames without the envelope, for sockets at /market/ws."""
MESSAGES_A_SECOND = 10
STREAMS_A_SOCKET = 1024
DAY_MS = 86_400_000
METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
NO_METHOD = "unknown variant {}, expected one of " + ", ".join(f"`{each}`" for each in METHODS)


class BinanceSession:
    """One client. A stream that does not exist is acknowledged and never told, as at the venue."""

    def __init__(self, path: str, streams: Sequence[str]) -> None:
        self._market = path.startswith(MARKET_PATH)
        self._raw = path.rstrip("/").endswith("/ws") or "/ws/" in path
        self._streams = dict.fromkeys(streams)
        self._budget = Budget(MESSAGES_A_SECOND, 1000)
        self._opened_ms: int | None = None

    def receive(self, frame: str | bytes, now_ms: int) -> Sequence[str]:
        """Answer a request."""
        self._budget.spend(now_ms)
        try:
            request = msgspec.json.decode(frame)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            return [_refusal(3, f"Invalid JSON: {error}")]
        number = request.get("id") if isinstance(request, dict) else None
        if not isinstance(number, int) or number < 0:
            return [_refusal(2, "Invalid request: request ID must be an unsigned integer")]
        return [self._answer(request, number)]

    def _answer(self, request: dict[str, Any], number: int) -> str:
        method, params = request.get("method"), request.get("params", [])
        if method not in METHODS:
            return _refusal(2, "Invalid request: " + NO_METHOD.format(f"`{method}`"))
        if method == "LIST_SUBSCRIPTIONS":
            return _encode({"result": list(self._streams), "id": number})
        if method == "GET_PROPERTY":
            return _encode({"result": not self._raw, "id": number})
        if not isinstance(params, list):
            return _refusal(2, "Invalid request: invalid type, expected a sequence")
        if method == "SET_PROPERTY":
            self._raw = params[-1:] != [True]
        elif method == "SUBSCRIBE":
            return self._subscribe(params, number)
        else:
            for each in params:
                self._streams.pop(str(each), None)
        return _encode({"result": None, "id": number})

    def _subscribe(self, params: list[Any], number: int) -> str:
        if not all(isinstance(each, str) for each in params):
            return _refusal(2, "Invalid request: stream name must be a string")
        if len(self._streams.keys() | set(params)) > STREAMS_A_SOCKET:
            return _refusal(2, "Invalid request: too many parameters")
        self._streams.update(dict.fromkeys(params))
        return _encode({"result": None, "id": number})

    def subscribed(self, channel: str) -> bool:
        """Tell whether this client gets the channel: only those of its path, by the spelling it asked for.

        The old paths, without a category, deliver what is public and nothing of /market.
        """
        raw, name = channel.startswith(RAW), channel.removeprefix(RAW)
        public = name.partition("@")[2].startswith(("depth", "bookTicker")) or name == "!bookTicker"
        return public != self._market and raw == self._raw and name in self._streams

    def greeting(self, now_ms: int) -> Sequence[Push]:  # noqa: ARG002 - the protocol
        """Return nothing: this venue tells what happens from now on."""
        return ()

    def overdue(self, now_ms: int) -> bool:
        """Tell whether the client talked too much or its socket is a day old."""
        self._opened_ms = now_ms if self._opened_ms is None else self._opened_ms
        return self._budget.exceeded or now_ms - self._opened_ms >= DAY_MS


def _refusal(code: int, message: str) -> str:
    return _encode({"code": code, "msg": message})


def _encode(value: Any) -> str:
    return msgspec.json.encode(value).decode()
