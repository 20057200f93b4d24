"""A client's connection to the simulated OKX, and what the venue remembers for new ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from foreshock_okx.connector import CANARY_INSTRUMENT
from foreshock_okx.messages import BOOKS, INDEX_PRICE, KINDS, LIQUIDATIONS
from foreshock_okx.prices import CHANNELS, Prices
from foreshock_okx.telling import family_of, liquidations_frame
from foreshock_sdk import LiquidatedSide, Push, SimLiquidation
from foreshock_sdk.simtools import Budget

OTHER_CHANNELS = frozenset({"trades", "bbo-tbt", "books5", BOOKS, *CHANNELS})
IGNORED_KINDS = frozenset({"MARGIN", "OPTION"})
SILENCE_MS = 30_000
HOUR_MS = 3_600_000
REQUESTS_AN_HOUR = 480
STALE_MS = 600_000
STALE_PRICE = 60_000.0
CONNECTION = "a4d3ae55"


class Memory:
    """What a new subscriber is told first: the newest prices and books, and the last liquidation of each kind."""

    def __init__(self, prices: Prices) -> None:
        self.liquidations: dict[str, Push] = {}
        self._prices = prices

    def of(self, channel: str, now_ms: int) -> Push | None:
        """Return the frame for a new subscriber: with no liquidation yet, one of ten minutes ago."""
        if channel == f"{LIQUIDATIONS}:SWAP" and channel not in self.liquidations:
            row = SimLiquidation(-1, CANARY_INSTRUMENT, LiquidatedSide.LONG, STALE_PRICE, 1.0, now_ms - STALE_MS)
            return Push(channel, liquidations_frame("SWAP", [row]))
        return self._prices.newest(channel, now_ms) or self.liquidations.get(channel)


class OkxSession:
    """One client."""

    def __init__(self, memory: Memory, contracts: frozenset[str]) -> None:
        self._memory = memory
        self._contracts = contracts
        self._pairs = frozenset(family_of(each) for each in contracts)
        self._channels: set[str] = set()
        self._new: list[str] = []
        self._budget = Budget(REQUESTS_AN_HOUR, HOUR_MS)
        self._heard_ms: int | None = None

    def receive(self, frame: str | bytes, now_ms: int) -> Sequence[str]:
        """Answer a request; ping and pong are bare text."""
        self._heard_ms = now_ms
        if frame in {"ping", b"ping"}:
            return ["pong"]
        try:
            request = msgspec.json.decode(frame)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            request = None
        op = request.get("op") if isinstance(request, dict) else None
        args = request.get("args") if isinstance(request, dict) else None
        if op not in {"subscribe", "unsubscribe"} or not isinstance(args, list):
            shown = frame if isinstance(frame, str) else frame.decode(errors="replace")
            return [_error("60012", f"Invalid request: {shown:.200}")]
        self._budget.spend(now_ms)
        number = {"id": request["id"]} if "id" in request else {}
        return [_encode({**number, **self._handle(op, arg)}) for arg in args]

    def _handle(self, op: str, arg: Any) -> dict[str, Any]:
        channel = self._channel(arg)
        if channel is None:
            message = "Wrong URL or channel doesn't exist. Please use the correct URL, channel and parameters."
            return {"event": "error", "code": "60018", "msg": message, "connId": CONNECTION}
        if op == "unsubscribe":
            self._channels.discard(channel)
        elif channel not in self._channels:
            self._channels.add(channel)
            self._new.append(channel)
        return {"event": op, "arg": arg, "connId": CONNECTION}

    def _channel(self, arg: Any) -> str | None:
        """Return the channel's name, None when the venue has none such (the retired `liquidations`)."""
        if not isinstance(arg, dict):
            return None
        name, kind, contract = arg.get("channel"), arg.get("instType"), arg.get("instId")
        if name == LIQUIDATIONS and (kind in KINDS or kind in IGNORED_KINDS):
            return f"{LIQUIDATIONS}:{kind}"
        if name in OTHER_CHANNELS and contract in (self._pairs if name == INDEX_PRICE else self._contracts):
            return f"{name}:{contract}"
        return None

    def subscribed(self, channel: str) -> bool:
        """Tell whether this client asked for the channel, `name:instType` or `name:instId`."""
        return channel in self._channels

    def greeting(self, now_ms: int) -> Sequence[Push]:
        """Return the first frames of the channels subscribed since the last call."""
        channels, self._new = self._new, []
        frames = (self._memory.of(channel, now_ms) for channel in channels)
        return [each for each in frames if each is not None]

    def overdue(self, now_ms: int) -> bool:
        """Tell whether the client said nothing for 30 s, or subscribed too often."""
        self._heard_ms = now_ms if self._heard_ms is None else self._heard_ms
        return self._budget.exceeded or now_ms - self._heard_ms >= SILENCE_MS


def _error(code: str, message: str) -> str:
    return _encode({"event": "error", "code": code, "msg": message, "connId": CONNECTION})


def _encode(value: Any) -> str:
    return msgspec.json.encode(value).decode()
