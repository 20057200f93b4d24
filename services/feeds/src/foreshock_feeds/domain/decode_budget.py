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
    fault, by the processor time of the thread. suspected: the second is wanted.
    """

    def __init__(self, ms_per_frame: float) -> None:
        self.suspected = False
        self._each = ms_per_frame * NS_PER_MS
        self._spent = 0
        self._frames = 0

    def spent(self, frames: int, ns: int) -> str | None:
        """Take one call's frames and time, of the thread if `suspected` was so before the call, else of the wall.

        Returns why the decoder is too slow, None while it is not.
        """
        self._spent += ns
        self._frames += frames
        long = ns > LONGEST_CALL_NS and ns > frames * self._each
        if not long and self._spent < JUDGED_NS:
            return None
        total, spent = (frames, ns) if long else (self._frames, self._spent)
        self._spent = self._frames = 0
        confirmed, self.suspected = self.suspected, spent > total * self._each
        return self._words(total, spent) if confirmed and self.suspected else None

    def _words(self, frames: int, ns: int) -> str:
        each, allowed = ns / max(frames, 1) / NS_PER_MS, self._each / NS_PER_MS
        return f"decoding takes {each:.3g} ms a frame, {allowed:g} are allowed ({ns / NS_PER_MS:.0f} ms judged)"
