"""Frames that could not be understood: counted, kept within bounds, and reported without flooding."""

from __future__ import annotations

from collections import Counter, deque

import msgspec

from foreshock_runtime.clock import Clock
from foreshock_runtime.log import get_logger
from foreshock_sdk.columns import Fault

STREAM = "feeds:bad"
"""The newest frames that could not be understood."""
KEPT = 1_000
FRAME_BYTES = 2_000
REPORT_EVERY_NS = 10_000_000_000
log = get_logger("feeds")


class BadFrame(msgspec.Struct, frozen=True):
    """A frame (cut to FRAME_BYTES) and what is wrong with it."""

    route: str
    ts: int
    row: int | None
    reason: str
    frame: str

    def command(self) -> tuple[str | int, ...]:
        """Return the Redis command that writes it."""
        row = "" if self.row is None else self.row
        fields = ("route", self.route, "ts", self.ts, "row", row, "reason", self.reason, "frame", self.frame)
        return ("XADD", STREAM, "MAXLEN", "~", KEPT, "*", *fields)


class Quarantine:
    """The newest bad frames, and how many there were by route. waiting: those not yet written."""

    def __init__(self, clock: Clock) -> None:
        self.waiting: deque[BadFrame] = deque()
        self.counts: Counter[str] = Counter()
        self._clock = clock
        self._reported: dict[str, int] = {}

    def add(self, route: str, frame: bytes | str, fault: Fault) -> None:
        """Take one fault; log it unless this route reported one within the last 10 s."""
        part = frame[:FRAME_BYTES]
        text = part.decode("utf-8", "backslashreplace") if isinstance(part, bytes) else part
        now = self._clock.now()
        self.waiting.append(BadFrame(route, now, fault.row, fault.reason, text[:FRAME_BYTES]))
        if len(self.waiting) > KEPT:
            self.waiting.popleft()
        self.counts[route] += 1
        if now - self._reported.get(route, -REPORT_EVERY_NS) >= REPORT_EVERY_NS:
            self._reported[route] = now
            log.warning("bad_frame", route=route, row=fault.row, reason=fault.reason, so_far=self.counts[route])
