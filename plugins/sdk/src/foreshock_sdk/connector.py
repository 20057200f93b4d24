"""A market-data connector describes and decodes; its host does the IO.

Everything here is a value or a pure function, so that a connector's tests need no socket.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

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


class Purpose(StrEnum):
    """What a route is for. Hosts choose how to keep it, and what its loss means, by that."""

    LIQUIDATIONS = "liquidations"
    """It brings liquidations, and perhaps context: its life is the venue's coverage."""
    CONTEXT = "context"
    """It brings prices and books alone."""
    PRIVATE = "private"
    """It belongs to an account."""


class Span(msgspec.Struct, frozen=True):
    """A stretch of time, ms UTC, ends included."""

    from_ms: int
    to_ms: int


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue allows."""

    connects: int
    connects_per: float
    """Connection attempts in so many seconds."""
    messages_per_second: float
    """Client messages on one socket."""
    max_age: float
    """Seconds after which the venue closes a socket by itself."""
    rest_per_second: float = 5.0
    """Requests to the venue's REST."""


class Throttle(msgspec.Struct, frozen=True, kw_only=True):
    """How the venue thins or delays its liquidation channel.

    push_interval    seconds between pushes: a row may be that old when it comes
    per_symbol_cap   rows a symbol that one interval lets through, None if all pass
    partial          only some of the venue's liquidations can be seen at all: it adds nothing to coverage
    """

    push_interval: float
    per_symbol_cap: int | None = None
    partial: bool = False


class RestRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request the host makes for the connector: a GET, or a POST of `body` (JSON) when there is one."""

    name: str
    url: str
    timeout: float = 10.0
    body: bytes | None = None


class Poll(msgspec.Struct, frozen=True, kw_only=True):
    """A request the host makes again and again beside a socket, for what the venue pushes on none.

    Its answers go to the route's decoder like frames. every: seconds between two.
    """

    request: RestRequest
    every: float


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One socket: where, what to say first, and how to know that it lives.

    name      unique within the connector, e.g. "market-0"
    url       whole URL
    subscribe frames to send after connecting, in order
    channels  what was asked for, for people
    purpose   what it is for
    polls     what is asked from REST while it is open
    """

    name: str
    url: str
    subscribe: tuple[str, ...]
    channels: tuple[str, ...]
    heartbeat: Heartbeat
    canary: Canary
    purpose: Purpose = Purpose.LIQUIDATIONS
    polls: tuple[Poll, ...] = ()


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
    """One venue's public market data. `connecting.BaseConnector` has what most venues need of it."""

    venue: str
    endpoints: Endpoints
    """Where the venue answers in production. A host may pass others to the methods below."""
    throttle: Throttle
    limits: Limits

    def configured(self, options: Mapping[str, Any]) -> Connector:
        """Return this connector with the operator's options for its venue. Raises OptionError naming the option."""
        ...

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

    def backfill_requests(
        self, route: Route, instruments: Instruments, span: Span, endpoints: Endpoints
    ) -> Sequence[RestRequest]:
        """Return the requests for what the route missed in that time; none where the venue keeps no history."""
        ...

    def parse_backfill(self, request: RestRequest, body: bytes, instruments: Instruments) -> Decoded:
        """Read one answer of `backfill_requests`: rows flagged BACKFILLED, with the identity they have on the socket.

        Raises FrameError when the whole of it makes no sense.
        """
        ...
