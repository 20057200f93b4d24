"""A base for simulated venues whose clients subscribe by JSON frames: a venue writes its own words."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from foreshock_sdk.events import ContextField
from foreshock_sdk.instruments import InstrumentSpec
from foreshock_sdk.simtools import Budget
from foreshock_sdk.simulation import Push, RestReply, SimContext, SimLiquidation

REMEMBERED = 20_000
"""Newest liquidations that a venue's history holds."""
Frame = str | bytes


class SimSession:
    """One client: its subscriptions, and what the venue would cut it for. `venue` words the answers."""

    def __init__(self, venue: SimVenue, path: str) -> None:
        self.path = path
        self.channels: dict[str, None] = {}
        self.cut = False
        """Set by a venue that closes the socket for what the client said."""
        self._venue = venue
        self._new: list[str] = []
        self._budget = Budget(venue.messages, venue.messages_ms)
        self._heard_ms: int | None = None

    def subscribe(self, channel: str) -> bool:
        """Give the client a channel; tell whether it is new."""
        if channel in self.channels:
            return False
        self.channels[channel] = None
        self._new.append(channel)
        return True

    def unsubscribe(self, channel: str) -> None:
        """Take a channel from the client."""
        self.channels.pop(channel, None)

    def receive(self, frame: Frame, now_ms: int) -> Sequence[Frame]:
        """Answer a client's frame."""
        self._heard_ms = now_ms
        self._budget.spend(now_ms)
        plain = self._venue.plain(self, frame, now_ms)
        if plain is not None:
            return plain
        try:
            request = msgspec.json.decode(frame)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            request = None
        if not isinstance(request, dict):
            return self._venue.refuse(frame)
        return self._venue.answer(self, request, now_ms)

    def subscribed(self, channel: str) -> bool:
        """Tell whether this client gets pushes of the channel."""
        return channel in self.channels

    def greeting(self, now_ms: int) -> Sequence[Push]:
        """Return the first frames of the channels subscribed since the last call."""
        channels, self._new = self._new, []
        return [push for channel in channels for push in self._venue.greet(channel, now_ms)]

    def overdue(self, now_ms: int) -> bool:
        """Tell whether the venue would cut this client: for silence, for too many messages, for a wrong word."""
        self._heard_ms = now_ms if self._heard_ms is None else self._heard_ms
        silent = self._venue.silence_ms is not None and now_ms - self._heard_ms >= self._venue.silence_ms
        return self.cut or silent or self._budget.exceeded


class SimVenue:
    """The venue. A subclass says its names and limits and writes `answer`, `tell` and `market`.

    paths        where its sockets are
    silence_ms   a client that says nothing for so long is cut; None: never
    messages, messages_ms   a client may send so many in so many ms
    options      with which a connector hears all that is told here
    history      the newest liquidations told, oldest first, for REST
    prices       what was last offered of each contract
    """

    venue: str
    paths: tuple[str, ...]
    silence_ms: int | None = None
    messages = 1_000
    messages_ms = 1_000
    options: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, listing: Sequence[InstrumentSpec]) -> None:
        self.history: deque[SimLiquidation] = deque(maxlen=REMEMBERED)
        self.prices: dict[str, dict[ContextField, float]] = {}
        self.specs = {spec.raw_symbol: spec for spec in listing}
        self._listing = [msgspec.structs.replace(spec, packaged=False) for spec in listing]
        self._waiting: list[SimLiquidation] = []

    # What a venue writes

    def answer(self, session: SimSession, request: dict[str, Any], now_ms: int) -> Sequence[Frame]:
        """Answer a request, changing the session's subscriptions."""
        raise NotImplementedError

    def tell(self, rows: Sequence[SimLiquidation], now_ms: int) -> Sequence[Push]:
        """Word liquidations."""
        raise NotImplementedError

    def market(self, raw_symbol: str, prices: dict[ContextField, float], now_ms: int) -> Sequence[Push]:
        """Word what is known of a contract's prices."""
        raise NotImplementedError

    def plain(self, session: SimSession, frame: Frame, now_ms: int) -> Sequence[Frame] | None:  # noqa: ARG002 - to override
        """Answer a frame that is not JSON; None when it is not one of the venue's."""
        return None

    def refuse(self, frame: Frame) -> Sequence[Frame]:  # noqa: ARG002 - to override
        """Answer what is no request."""
        return ()

    def greet(self, channel: str, now_ms: int) -> Sequence[Push]:  # noqa: ARG002 - to override
        """Return what a client is sent right after subscribing the channel."""
        return ()

    def rest(self, path: str, query: str, body: bytes = b"") -> RestReply | None:  # noqa: ARG002 - to override
        """Answer REST."""
        return None

    # What is the same everywhere

    def listing(self) -> Sequence[InstrumentSpec]:
        """Return the contracts this venue trades."""
        return self._listing

    def session(self, path: str) -> SimSession | None:
        """Open a session at one of `paths`."""
        return SimSession(self, path) if path.partition("?")[0] in self.paths else None

    def offer(self, rows: Sequence[SimLiquidation]) -> None:
        """Take liquidations as they happen."""
        self._waiting.extend(rows)

    def due(self, now_ms: int) -> Sequence[Push]:
        """Tell what happened."""
        rows, self._waiting = self._waiting, []
        self.history.extend(rows)
        return self.tell(rows, now_ms) if rows else ()

    def withheld(self) -> Sequence[int]:
        """Return nothing: this venue tells all."""
        return ()

    def context(self, rows: Sequence[SimContext], now_ms: int) -> Sequence[Push]:
        """Take prices; tell those of the contracts that changed."""
        for row in rows:
            self.prices.setdefault(row.raw_symbol, {})[row.field] = row.value
        changed = dict.fromkeys(row.raw_symbol for row in rows)
        return [push for symbol in changed for push in self.market(symbol, self.prices[symbol], now_ms)]


def by_contract(rows: Sequence[SimLiquidation]) -> dict[str, list[SimLiquidation]]:
    """Group liquidations by contract, in order."""
    grouped: dict[str, list[SimLiquidation]] = {}
    for row in rows:
        grouped.setdefault(row.raw_symbol, []).append(row)
    return grouped


def encode(value: Any) -> str:
    """Return a value as JSON text."""
    return msgspec.json.encode(value).decode()


def reply(value: Any, status: int = 200) -> RestReply:
    """Return an answer of REST."""
    return RestReply(status, msgspec.json.encode(value))
