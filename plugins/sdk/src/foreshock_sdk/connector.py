"""A market-data connector describes and decodes; its host does the IO.

Everything here is a value or a pure function, so that a connector's tests need no socket.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from foreshock_sdk.columns import Decoded
from foreshock_sdk.instruments import Instruments, InstrumentSpec


class Endpoints(msgspec.Struct, frozen=True):
    """Where the venue answers: `wss://host[/prefix]` and `https://host[/prefix]`, no trailing slash.

    extra  further bases of venues that spread over several hosts, by names the connector chooses; a base that is
           not there falls back to `websocket` or `rest`, so that a stand-in for the venue needs one address
    """

    websocket: str
    rest: str
    extra: dict[str, str] = {}


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps a socket alive; seconds.

    frame          text the client sends when `interval` passed since its last one; None: protocol pings do
    idle_timeout   without any frame for so long, the socket is taken for dead
    """

    interval: float = 20.0
    timeout: float = 10.0
    frame: str | None = None
    idle_timeout: float = 60.0


class Canary(msgspec.Struct, frozen=True):
    """A high-rate channel on the same socket: its silence past the deadline (seconds) means a dead route."""

    channel: str
    deadline: float = 5.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue allows."""

    connects: int
    connects_per: float
    """Connection attempts in so many seconds."""
    messages_per_second: float
    """Client messages on one socket."""
    max_age: float
    """Seconds after which the venue closes a socket by itself."""


class Throttle(msgspec.Struct, frozen=True, kw_only=True):
    """How the venue thins or delays its liquidation channel.

    push_interval    seconds between pushes: a row may be that old when it comes
    per_symbol_cap   rows a symbol that one interval lets through, None if all pass
    """

    push_interval: float
    per_symbol_cap: int | None = None


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One socket: where, what to say first, and how to know that it lives.

    name      unique within the connector, e.g. "market-0"
    url       whole URL
    subscribe frames to send after connecting, in order
    channels  what was asked for, for people
    """

    name: str
    url: str
    subscribe: tuple[str, ...]
    channels: tuple[str, ...]
    heartbeat: Heartbeat
    canary: Canary


class RestRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A GET the host makes for the connector."""

    name: str
    url: str
    timeout: float = 10.0


class SpecTable(msgspec.Struct, frozen=True):
    """Contract values packaged with a connector, and the day they were checked (YYYY-MM-DD)."""

    checked: str
    specs: tuple[InstrumentSpec, ...]


class Decoder(Protocol):
    """Turns the frames of one connection into columns. It may remember what came before on that connection."""

    def feed(self, frames: Sequence[str | bytes]) -> Decoded:
        """Decode frames in order of arrival.

        Never raises for what a venue sends: what cannot be understood becomes a `Fault`, the good rows beside it stay.
        """
        ...


class Connector(Protocol):
    """One venue's public market data."""

    venue: str
    endpoints: Endpoints
    """Where the venue answers in production. A host may pass others to the methods below."""
    throttle: Throttle
    limits: Limits

    def spec_requests(self, endpoints: Endpoints) -> Sequence[RestRequest]:
        """Return the requests that fetch the venue's contracts."""
        ...

    def parse_specs(self, bodies: Mapping[str, bytes]) -> Sequence[InstrumentSpec]:
        """Read the answers of `spec_requests`, by request name. Raises FrameError when one makes no sense."""
        ...

    def next_page(self, request: RestRequest, body: bytes) -> RestRequest | None:
        """Return the request for the page after this one, None on the last."""
        ...

    def packaged_specs(self) -> SpecTable:
        """Return the fallback table for when REST does not answer."""
        ...

    def routes(self, instruments: Instruments, symbols: Sequence[str], endpoints: Endpoints) -> Sequence[Route]:
        """Return the sockets that cover these underlying markets; all of the venue's when none are named."""
        ...

    def decoder(self, route: Route, instruments: Instruments) -> Decoder:
        """Return a new decoder for one connection of this route."""
        ...
