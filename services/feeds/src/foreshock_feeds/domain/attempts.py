"""How often something may be tried."""

from __future__ import annotations

from collections import deque

NS = 1_000_000_000


class AttemptLimit:
    """Gives out places: never more than `most` of them within any span of `per` seconds."""

    def __init__(self, most: int, per: float) -> None:
        self._span = int(per * NS)
        self._given: deque[int] = deque(maxlen=max(most, 1))

    def wait_ns(self, now: int) -> int:
        """Take the next place and return the ns to wait for it. now: a steady clock, ns, never falling.

        Whoever asks while others wait gets a place after theirs; a place that was not used is lost.
        """
        full = len(self._given) == self._given.maxlen
        at = max(now, self._given[0] + self._span) if full else now
        self._given.append(at)
        return at - now
