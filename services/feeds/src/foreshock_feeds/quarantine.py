"""Frames that could not be understood: counted, kept within bounds, and reported without flooding."""

from __future__ import annotations

from collections import Counter, deque

from foreshock_feeds.health import Command
from foreshock_model import keys
from foreshock_runtime.clock import Clock
from foreshock_runtime.log import get_logger
from foreshock_sdk.columns import Fault

KEPT = 1_000
FRAME_BYTES = 2_000
REPORT_EVERY_NS = 10_000_000_000
log = get_logger("feeds")


class Quarantine:
    """Counts bad frames by route.

    waiting: Redis commands that write the newest, cut to FRAME_BYTES. dropped: how many newer ones took the place of.
    """

    def __init__(self, clock: Clock) -> None:
        self.waiting: deque[Command] = deque()
        self.dropped = 0
        self.counts: Counter[str] = Counter()
        self._clock = clock
        self._reported: dict[str, int] = {}

    def add(self, route: str, frame: bytes | str, fault: Fault) -> None:
        """Take one fault; log it unless this route reported one within the last 10 s."""
        part = frame[:FRAME_BYTES]
        text = part.decode("utf-8", "backslashreplace") if isinstance(part, bytes) else part
        now = self._clock.now()
        row = "" if fault.row is None else fault.row
        fields = ("route", route, "ts", now, "row", row, "reason", fault.reason, "frame", text[:FRAME_BYTES])
        self.waiting.append(("XADD", keys.FEEDS_BAD, "MAXLEN", "~", KEPT, "*", *fields))
        if len(self.waiting) > KEPT:
            self.waiting.popleft()
            self.dropped += 1
        self.counts[route] += 1
        if now - self._reported.get(route, -REPORT_EVERY_NS) >= REPORT_EVERY_NS:
            self._reported[route] = now
            log.warning("bad_frame", route=route, row=fault.row, reason=fault.reason, so_far=self.counts[route])
