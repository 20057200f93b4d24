"""A route over all its connections: its state, what is counted of it, what its loss means."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from foreshock_feeds.conversation import NS_PER_MS, Conversation
from foreshock_feeds.domain.ingest import Ingest, Ingested
from foreshock_feeds.domain.offset import ClockOffset
from foreshock_feeds.domain.route_state import RouteChange, RouteInput, RouteState, advance
from foreshock_feeds.health import delay_ms
from foreshock_feeds.quarantine import Quarantine
from foreshock_runtime.clock import Clock, FrameClock
from foreshock_sdk.columns import Decoded
from foreshock_sdk.connector import Connector, Purpose, Route
from foreshock_sdk.instruments import Instruments

Deliver = Callable[[Ingest, Ingested], None]
StateChange = Callable[[RouteChange], None]


class RouteSession:
    """The state machine of a route, moved by the conversation on its present connection.

    route      what the next connection will ask for
    name       venue/route
    failure    what the plugin raised, while the route suffers from it
    outage     why the last attempt to connect failed, None while there is a connection
    silent     why its venue is held for silent while others are not, None when it is not
    replayed   rows dropped because the venue sent them again on subscribing and they are no news
    missing    rows that were not delivered, by the venue's own numbering
    last_good  when the canary was last seen, ns UTC; from the start when an earlier run last wrote, 0 never
    offset     the venue's clock, shared by its routes
    deliver    takes canonical rows
    lane       see `Ingest.rows`
    """

    def __init__(  # noqa: PLR0913 - what it works with, by name
        self,
        connector: Connector,
        route: Route,
        ingest: Ingest,
        *,
        clock: Clock,
        quarantine: Quarantine,
        deliver: Deliver,
        changed: StateChange,
        offset: ClockOffset,
        decode_budget_ms: float,
        last_good: int = 0,
        lane: int = 0,
    ) -> None:
        self.connector = connector
        self.route = route
        self.name = f"{connector.venue}/{route.name}"
        self.ingest = ingest
        self.instruments: Instruments = ingest.instruments
        self.deliver = deliver
        self.lane = lane
        self.offset = offset
        self.decode_budget_ms = decode_budget_ms
        self.replay = clock if isinstance(clock, FrameClock) else None
        self.state = RouteState.CONNECTING
        self.present: Conversation | None = None
        self.failure: str | None = None
        self.outage: str | None = None
        self.silent: str | None = None
        self.frames_seen = 0
        self.faults = 0
        self.replayed = 0
        self.missing = 0
        self.last_good = last_good
        self._quarantine = quarantine
        self._changed = changed
        self._delay_ms = delay_ms(connector.throttle)

    @property
    def refusal(self) -> str | None:
        """What the venue refused on the present connection."""
        return self.present.refusal if self.present else None

    @property
    def known_until_ms(self) -> int | None:
        """Venue's time until which all was told while the route was good, ms UTC; None when it never was.

        A venue may tell of an event so late as it holds rows back.
        """
        return self.last_good // NS_PER_MS - self._delay_ms if self.last_good else None

    def opened(self, conversation: Conversation) -> None:
        """Take a conversation that begins: the present one if there is no other."""
        if self.present is None:
            self.present, self.outage = conversation, None
            self.happened(RouteInput.OPENED, "connected")

    def heard_from(self, conversation: Conversation, what: RouteInput, reason: str) -> None:
        """Take what a conversation learned; only the present one moves the state."""
        if conversation is not self.present:
            return
        self.last_good = max(self.last_good, conversation.last_good)
        self.happened(what, reason)

    def handed_over(self, conversation: Conversation) -> None:
        """Make a conversation that has proven itself the present one: nothing was missed."""
        self.present = conversation
        self.heard_from(conversation, RouteInput.CANARY, "canary seen on the new connection")

    def lost(self, conversation: Conversation, reason: str) -> None:
        """Say that a connection ended, or that there was none to be had."""
        if conversation is self.present:
            self.present = None
            self.happened(RouteInput.CLOSED, reason)
        elif self.present is None:
            self.outage = reason

    def inherited(self, conversation: Conversation) -> None:
        """Make the conversation on a connection that was to follow the present one, after the loss of that."""
        self.opened(conversation)
        if conversation.last_good:
            self.heard_from(conversation, RouteInput.CANARY, "canary seen on the new connection")

    def happened(self, what: RouteInput, reason: str) -> None:
        """Move the state machine. While the venue is held for silent, its canary alone proves nothing."""
        if what is RouteInput.CANARY and self.silent:
            what, reason = RouteInput.CANARY_ALONE, self.silent
        before, self.state = self.state, advance(self.state, what)
        if self.state is RouteState.LIVE:
            self.failure = None
        if self.state is not before:
            self._changed(RouteChange(self.name, before, self.state, reason, self.last_good))

    def suspect(self, reason: str | None) -> None:
        """Take why the venue is held for silent among the others, None when it is not."""
        before, self.silent = self.silent, reason if self.route.purpose is Purpose.LIQUIDATIONS else None
        if self.silent and not before:
            self.happened(RouteInput.SILENT, self.silent)
        elif before and not self.silent:
            self.happened(RouteInput.HEARD, "liquidations came again")

    def failed(self, error: Exception) -> str:
        """Take what the plugin raised on the present connection; return it in words."""
        self.present = None
        self.failure = f"{type(error).__name__}: {error}"
        self.happened(RouteInput.FAILED, self.failure)
        return self.failure

    def report(self, decoded: Decoded, frames: Sequence[bytes | str]) -> None:
        """Count what a decoder could not understand."""
        self.faults += len(decoded.faults)
        for fault in decoded.faults:
            self._quarantine.add(self.name, frames[fault.frame], fault)
