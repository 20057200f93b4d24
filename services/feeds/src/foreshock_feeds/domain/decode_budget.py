"""How much time a decoder may take: one plugin must not stand in the way of all others."""

from __future__ import annotations

NS = 1_000_000_000
NS_PER_MS = 1_000_000
JUDGED_NS = NS
"""Work after which the average is judged: long enough for a pause of the interpreter to vanish in it."""
LONGEST_CALL_NS = 500_000_000
"""A single call may take so long at once: several times what the largest snapshot takes."""


class DecodeBudget:
    """Compares the time of a decoder with what its frames may take on average, twice.

    First by the clock on the wall, which costs nothing to ask. Only then, because a busy machine is not the decoder's
    fault, by what its thread did: it worked too long, or it gave its processor away (a sleep, a lock, a file) at least
    once a call and was too late by the wall. suspected: the second is wanted.
    """

    def __init__(self, ms_per_frame: float) -> None:
        self.suspected = False
        self._each = ms_per_frame * NS_PER_MS
        self._begin()

    def _begin(self) -> None:
        self._calls = self._frames = self._wall = self._worked = self._waits = 0

    def spent(self, frames: int, wall_ns: int, worked_ns: int = 0, waits: int = 0) -> str | None:
        """Take one call: its frames and its time by the wall.

        worked_ns, waits: processor time of the thread and how often it gave its processor away, wanted only if
        `suspected` was so before the call. Returns why the decoder is too slow, None while it is not.
        """
        long = wall_ns > LONGEST_CALL_NS and wall_ns > frames * self._each
        if long:
            self._begin()
        self._calls += 1
        self._frames += frames
        self._wall += wall_ns
        self._worked += worked_ns
        self._waits += waits
        return self._judged() if long or self._wall >= JUDGED_NS else None

    def _judged(self) -> str | None:
        confirmed, self.suspected = self.suspected, self._wall > self._frames * self._each
        verdict = self._verdict() if confirmed and self.suspected else None
        self._begin()
        return verdict

    def _verdict(self) -> str | None:
        if self._worked > self._frames * self._each:
            return self._words("decoding takes", self._worked)
        if self._waits >= self._calls:
            return self._words("decoding waits: it takes", self._wall)
        return None

    def _words(self, what: str, ns: int) -> str:
        each, allowed = ns / max(self._frames, 1) / NS_PER_MS, self._each / NS_PER_MS
        return f"{what} {each:.3g} ms a frame, {allowed:g} are allowed ({ns / NS_PER_MS:.0f} ms judged)"
