"""When the next of a recording is due: recorded time, faster or slower, long pauses cut."""

from __future__ import annotations

import asyncio

from foreshock_runtime.clock import monotonic_ns
from foreshock_runtime.streams.recovery import Turns

LONGEST_PAUSE_S = 60.0
NS = 1_000_000_000


class Pace:
    """Waits until a moment of the recording has come. speed: 1 is real time; None: waits for nothing.

    Counted from the start, so that what one record comes late the next ones make up for.
    """

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._began = monotonic_ns()
        self._newest: int | None = None
        self._elapsed = 0
        """Recorded time since the first moment, pauses cut, ns."""
        self._turns = Turns()

    @property
    def elapsed_s(self) -> float:
        """How much of the recording has passed, in recorded seconds."""
        return self._elapsed / NS

    async def until(self, at: int) -> None:
        """Return when this moment (ns UTC, 0 unknown) is due; one before the newest is due at once."""
        self._pass(at)
        if self._speed is not None:
            ahead = self._elapsed / self._speed - (monotonic_ns() - self._began)
            if ahead > 0:
                await asyncio.sleep(ahead / NS)
        await self._turns.give()

    def _pass(self, at: int) -> None:
        if not at:
            return
        if self._newest is None:
            self._newest = at
        self._elapsed += min(max(at - self._newest, 0), int(LONGEST_PAUSE_S * NS))
        self._newest = max(at, self._newest)
