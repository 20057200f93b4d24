"""Frames that could not be understood: counted, kept within bounds, and reported without flooding."""

from __future__ import annotations

from collections import Counter, deque

import msgspec

from foreshock_runtime.clock import Clock
from foreshock_runtime.log import get_logger
from foreshock_sdk.columns import Fault

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


class Quarantine:
    """The newest bad frames, and how many there were by route."""

    def __init__(self, clock: Clock) -> None:
        self.kept: deque[BadFrame] = deque(maxlen=KEPT)
        self.counts: Counter[str] = Counter()
        self._clock = clock
        self._waiting: list[BadFrame] = []
        self._reported: dict[str, int] = {}

    def add(self, route: str, frame: bytes | str, fault: Fault) -> None:
        """Take one fault; log it unless this route reported one within the last 10 s."""
        text = frame.decode("utf-8", "backslashreplace") if isinstance(frame, bytes) else frame
        now = self._clock.now()
        bad = BadFrame(route, now, fault.row, fault.reason, text[:FRAME_BYTES])
        self.kept.append(bad)
        self.counts[route] += 1
        if len(self._waiting) < KEPT:
            self._waiting.append(bad)
        if now - self._reported.get(route, 0) >= REPORT_EVERY_NS:
            self._reported[route] = now
            log.warning("bad_frame", route=route, row=fault.row, reason=fault.reason, so_far=self.counts[route])

    def take(self) -> list[BadFrame]:
        """Return what came since the last call."""
        waiting, self._waiting = self._waiting, []
        return waiting
