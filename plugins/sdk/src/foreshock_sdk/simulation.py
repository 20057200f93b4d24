"""A simulated venue as a script without IO: it speaks the venue's real protocol, a host gives it sockets and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from foreshock_sdk.events import ContextField, LiquidatedSide
from foreshock_sdk.instruments import InstrumentSpec


class SimLiquidation(msgspec.Struct, frozen=True):
    """A liquidation to be told, in the venue's own units; row is the host's number for it."""

    row: int
    raw_symbol: str
    liquidated_side: LiquidatedSide
    price: float
    size: float
    ts_event_ms: int


class SimContext(msgspec.Struct, frozen=True):
    """A price or other context to be told, in the venue's own units."""

    raw_symbol: str
    field: ContextField
    value: float
    ts_event_ms: int


class Push(msgspec.Struct, frozen=True):
    """A frame for every session that subscribed the channel, and the rows it carries."""

    channel: str
    frame: str | bytes
    rows: tuple[int, ...] = ()


class RestReply(msgspec.Struct, frozen=True):
    """Answer to a GET."""

    status: int
    body: bytes
    content_type: str = "application/json"


class ScriptSession(Protocol):
    """One client's connection."""

    def receive(self, frame: str | bytes, now_ms: int) -> Sequence[str | bytes]:
        """Take a client's frame; return the answers (acks, errors, pongs)."""
        ...

    def subscribed(self, channel: str) -> bool:
        """Tell whether this client gets pushes of the channel."""
        ...

    def greeting(self, now_ms: int) -> Sequence[Push]:
        """Return what a client is sent right after its subscription, once (an old frame, a snapshot)."""
        ...

    def overdue(self, now_ms: int) -> bool:
        """Tell whether the venue would cut this client (no heartbeat, too many messages)."""
        ...


class VenueScript(Protocol):
    """One venue: its contracts, its sessions, its throttle."""

    venue: str

    def listing(self) -> Sequence[InstrumentSpec]:
        """Return the contracts this venue trades."""
        ...

    def rest(self, path: str, query: str, body: bytes = b"") -> RestReply | None:
        """Answer a GET, or a POST of `body`; None for an unknown path."""
        ...

    def session(self, path: str) -> ScriptSession | None:
        """Open a session at a websocket path with its query string, None when the venue has no such path."""
        ...

    def offer(self, rows: Sequence[SimLiquidation]) -> None:
        """Take liquidations as they happen; they are told when the throttle lets them."""
        ...

    def context(self, rows: Sequence[SimContext], now_ms: int) -> Sequence[Push]:
        """Return the frames for prices and other context."""
        ...

    def due(self, now_ms: int) -> Sequence[Push]:
        """Return the frames that are due now."""
        ...

    def withheld(self) -> Sequence[int]:
        """Return the rows the throttle swallowed since the last call."""
        ...


def operator_options(script: VenueScript) -> Mapping[str, Any]:
    """Return the options with which a connector hears all that this venue tells: its attribute `options`, if any."""
    options: Mapping[str, Any] = getattr(script, "options", {})
    return options


def remembered(script: VenueScript) -> Sequence[SimLiquidation]:
    """Return what this venue's REST may tell of its past: its attribute `history`, if any."""
    history: Sequence[SimLiquidation] = getattr(script, "history", ())
    return history
