"""One connection's conversation with a venue: what to say, what was heard. Does no IO itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from foreshock_feeds.domain.decode_budget import DecodeBudget
from foreshock_feeds.domain.policy import heartbeat_of
from foreshock_feeds.domain.replayed import drop_replayed
from foreshock_feeds.domain.route_state import RouteInput
from foreshock_runtime.clock import monotonic_ns, thread_ns, thread_waits
from foreshock_runtime.log import get_logger
from foreshock_sdk.columns import Control, ControlKind, Decoded
from foreshock_sdk.connector import Decoder

if TYPE_CHECKING:
    from foreshock_feeds.session import RouteSession

NS = 1_000_000_000
NS_PER_MS = 1_000_000
log = get_logger("feeds")


class DecoderTooSlow(Exception):  # noqa: N818 - what happened, in the words of the log
    """The decoder takes more time than its frames may take; the message says how much."""


class Conversation:
    """What is said and heard on one connection of a route, with a decoder of its own.

    The route's state moves with the session's `present` conversation alone; another one may prove itself beside it.
    refusal  what the venue refused here
    closing  the venue said that it will close
    proven   all subscriptions were said, and the canary was seen after that
    """

    def __init__(self, session: RouteSession) -> None:
        self.session = session
        self.route = session.route
        self.heartbeat = heartbeat_of(self.route.purpose, self.route.heartbeat)
        self.refusal: str | None = None
        self.closing = False
        self.proven = False
        self.last_frame = self.last_canary = self.last_sent = monotonic_ns()
        self.last_good = 0
        """When the canary was last seen, ns UTC, 0 never."""
        self._all_said = False
        self._decoder: Decoder | None = None
        self._budget = DecodeBudget(session.decode_budget_ms)

    def prepare(self) -> None:
        """Get a decoder. Raises what the plugin does."""
        self._decoder = self.session.connector.decoder(self.route, self.session.instruments)

    def opened(self) -> None:
        """Begin: the socket is open."""
        self.last_frame = self.last_canary = self.last_sent = monotonic_ns()
        self.session.opened(self)

    def all_said(self) -> None:
        """Say that the last subscription was sent: what proves the connection comes after that."""
        self._all_said = True
        self.last_canary = monotonic_ns()

    def heard(self, frames: Sequence[bytes | str], recv_ns: Sequence[int]) -> Sequence[str | bytes]:
        """Take frames in order with their receive times; return the answers to send. Raises what the decoder does."""
        self.session.frames_seen += len(frames)
        self.last_frame = monotonic_ns()
        replay = self.session.replay
        if self._decoder is None:
            raise RuntimeError("heard before it was prepared")
        if replay is None:
            return self._take(self._decode(self._decoder, frames), frames, recv_ns)
        # A frame's own time is the clock: each is decoded alone, so that every entry is cut where it was live.
        answers: list[str | bytes] = []
        for frame in frames:
            decoded = self._decoder.feed((frame,))
            replay.advance(decoded.pushed_ms * NS_PER_MS)
            answers += self._take(decoded, (frame,), (replay.now(),))
        return answers

    def slept(self, ns: int) -> None:
        """Say that this process itself stood still for so long: the venue's silence meanwhile proves nothing."""
        self.last_frame += ns
        self.last_canary += ns

    def heartbeat_due(self, now: int) -> str | None:
        """Return the frame to send when the venue's heartbeat is due. now: the steady clock, ns."""
        beat = self.heartbeat
        if beat.frame is None or now - self.last_sent < beat.interval * NS:
            return None
        self.last_sent = now
        return beat.frame

    def dead_for(self, now: int) -> str | None:
        """Return why this connection should be given up, None while it is fine. now: the steady clock, ns."""
        if self.session.replay is not None:
            return None  # a recording holds no canary and may rest
        if now - self.last_frame > self.heartbeat.idle_timeout * NS:
            return f"no frame for {self.heartbeat.idle_timeout:g} s"
        canary = self.route.canary
        if self._all_said and now - self.last_canary > canary.deadline * NS:
            self.session.heard_from(self, RouteInput.OVERDUE, f"no {canary.channel} for {canary.deadline:g} s")
            # The frames may come again by themselves; a new connection is tried after twice the deadline.
            if now - self.last_canary > 2 * canary.deadline * NS:
                return f"no {canary.channel} for {2 * canary.deadline:g} s"
        return None

    def _decode(self, decoder: Decoder, frames: Sequence[bytes | str]) -> Decoded:
        suspected = self._budget.suspected
        worked, waits = (thread_ns(), thread_waits()) if suspected else (0, 0)
        before = monotonic_ns()
        decoded = decoder.feed(frames)
        took = monotonic_ns() - before
        if suspected:
            worked, waits = thread_ns() - worked, thread_waits() - waits
        slow = self._budget.spent(len(frames), took, worked, waits)
        if slow is not None:
            raise DecoderTooSlow(slow)
        return decoded

    def _take(self, decoded: Decoded, frames: Sequence[bytes | str], recv_ns: Sequence[int]) -> Sequence[str | bytes]:
        session = self.session
        if decoded.pushed_ms:
            session.offset.add(recv_ns[-1], decoded.pushed_ms * NS_PER_MS)
        session.replayed += drop_replayed(decoded, session.known_until_ms)
        session.missing += decoded.missing
        session.deliver(session.ingest, session.ingest.rows(decoded, recv_ns, lane=session.lane))
        if decoded.canary:
            self.last_canary = self.last_frame
            self.last_good = recv_ns[-1]
            self.proven = self._all_said
            session.heard_from(self, RouteInput.CANARY, "canary seen")
        if decoded.faults:
            session.report(decoded, frames)
        for control in decoded.controls:
            self._obey(control)
        return decoded.replies

    def _obey(self, control: Control) -> None:
        name = self.session.name
        if control.kind is ControlKind.REFUSED:
            log.warning("subscription_refused", route=name, code=control.code, message=control.message)
            self.refusal = f"refused: {control.code} {control.message}".strip()
            self.session.heard_from(self, RouteInput.REFUSED, self.refusal)
        elif control.kind is ControlKind.CLOSING:
            log.info("venue_closing", route=name, code=control.code, message=control.message)
            self.closing = True
