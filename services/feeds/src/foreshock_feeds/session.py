"""One connection's conversation with a venue: what to say, what was heard. Does no IO itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from foreshock_feeds.domain.ingest import Ingest, Ingested
from foreshock_feeds.domain.route_state import RouteChange, RouteInput, RouteState, advance
from foreshock_feeds.quarantine import Quarantine
from foreshock_runtime.clock import Clock, FrameClock, monotonic_ns
from foreshock_runtime.log import get_logger
from foreshock_sdk.columns import Control, ControlKind, Decoded
from foreshock_sdk.connector import Connector, Route
from foreshock_sdk.instruments import Instruments

NS = 1_000_000_000
NS_PER_MS = 1_000_000
log = get_logger("feeds")

Deliver = Callable[[Ingest, Ingested], None]
StateChange = Callable[[RouteChange], None]


class RouteSession:
    """A route over all its connections: the state machine, the decoder of the present one, counters.

    name is venue/route; failure what the plugin raised, while the route suffers from it; refusal what the venue
    refused on this connection. deliver takes canonical rows.
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
    ) -> None:
        self.route = route
        self.name = f"{connector.venue}/{route.name}"
        self.state = RouteState.CONNECTING
        self.failure: str | None = None
        self.refusal: str | None = None
        self.closing = False
        self.frames_seen = 0
        self.faults = 0
        self._connector = connector
        self._instruments: Instruments = ingest.instruments
        self._ingest = ingest
        self._quarantine = quarantine
        self._deliver = deliver
        self._changed = changed
        self._decoder = connector.decoder(route, ingest.instruments)
        self._replay = clock if isinstance(clock, FrameClock) else None
        self.last_frame = self.last_canary = self.last_sent = monotonic_ns()
        self._last_good = 0

    def opened(self) -> tuple[str, ...]:
        """Begin a new connection; return the frames to send first."""
        self._decoder = self._connector.decoder(self.route, self._instruments)
        self.closing = False
        self.refusal = None
        self._touch()
        self.happened(RouteInput.OPENED, "connected")
        return self.route.subscribe

    def heard(self, frames: Sequence[bytes | str], recv_ns: Sequence[int]) -> Sequence[str | bytes]:
        """Take frames in order with their receive times; return the answers to send."""
        self.frames_seen += len(frames)
        self.last_frame = monotonic_ns()
        if self._replay is None:
            return self._take(self._decoder.feed(frames), frames, recv_ns)
        # A frame's own time is the clock: each is decoded alone, so that every entry is cut where it was live.
        answers: list[str | bytes] = []
        for frame in frames:
            decoded = self._decoder.feed((frame,))
            self._replay.advance(decoded.pushed_ms * NS_PER_MS)
            answers += self._take(decoded, (frame,), (self._replay.now(),))
        return answers

    def _take(self, decoded: Decoded, frames: Sequence[bytes | str], recv_ns: Sequence[int]) -> Sequence[str | bytes]:
        self._deliver(self._ingest, self._ingest.rows(decoded, recv_ns))
        if decoded.canary:
            self.last_canary = self.last_frame
            self._last_good = recv_ns[-1]
            self.happened(RouteInput.CANARY, "canary seen")
        if decoded.faults:
            self._report(decoded, frames)
        for control in decoded.controls:
            self._obey(control)
        return decoded.replies

    def happened(self, what: RouteInput, reason: str) -> None:
        """Move the state machine."""
        before, self.state = self.state, advance(self.state, what)
        if self.state is RouteState.LIVE:
            self.failure = None
        if self.state is not before:
            self._changed(RouteChange(self.name, before, self.state, reason, self._last_good))

    def failed(self, error: Exception) -> str:
        """Take what the plugin raised; return it in words."""
        self.failure = f"{type(error).__name__}: {error}"
        self.happened(RouteInput.FAILED, self.failure)
        return self.failure

    def slept(self, ns: int) -> None:
        """Say that this process itself stood still for so long: the venue's silence meanwhile proves nothing."""
        self.last_frame += ns
        self.last_canary += ns

    def heartbeat(self, now: int) -> str | None:
        """Return the frame to send when the venue's heartbeat is due. now: the steady clock, ns."""
        beat = self.route.heartbeat
        if beat.frame is None or now - self.last_sent < beat.interval * NS:
            return None
        self.last_sent = now
        return beat.frame

    def dead_for(self, now: int) -> str | None:
        """Return why this connection should be given up, None while it is fine. now: the steady clock, ns."""
        if self.closing:
            return "the venue announced that it will close"
        if self._replay is not None:
            return None  # a recording holds no canary and may rest
        if now - self.last_frame > self.route.heartbeat.idle_timeout * NS:
            return f"no frame for {self.route.heartbeat.idle_timeout:g} s"
        if now - self.last_canary > self.route.canary.deadline * NS:
            self.happened(RouteInput.OVERDUE, f"no {self.route.canary.channel} for {self.route.canary.deadline:g} s")
            # The frames may come again by themselves; a new connection is tried after twice the deadline.
            if now - self.last_canary > 2 * self.route.canary.deadline * NS:
                return f"no {self.route.canary.channel} for {2 * self.route.canary.deadline:g} s"
        return None

    def _touch(self) -> None:
        self.last_frame = self.last_canary = self.last_sent = monotonic_ns()

    def _report(self, decoded: Decoded, frames: Sequence[bytes | str]) -> None:
        self.faults += len(decoded.faults)
        for fault in decoded.faults:
            self._quarantine.add(self.name, frames[fault.frame], fault)

    def _obey(self, control: Control) -> None:
        if control.kind is ControlKind.REFUSED:
            log.warning("subscription_refused", route=self.name, code=control.code, message=control.message)
            self.refusal = f"refused: {control.code} {control.message}".strip()
            self.happened(RouteInput.REFUSED, self.refusal)
        elif control.kind is ControlKind.CLOSING:
            log.info("venue_closing", route=self.name, code=control.code, message=control.message)
            self.closing = True
