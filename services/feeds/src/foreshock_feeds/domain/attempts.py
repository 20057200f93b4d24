"""How often something may be tried."""

from __future__ import annotations

from collections import deque
from typing import Self

NS = 1_000_000_000


class AttemptLimit:
    """Gives out places: never more than `most` of them within any span of `per` seconds, none while barred."""

    def __init__(self, most: int, per: float) -> None:
        self._span = int(per * NS)
        self._given: deque[int] = deque(maxlen=max(most, 1))
        self._barred_until: int | None = None

    @classmethod
    def per_second(cls, rate: float) -> Self:
        """Return a limit of so many a second; of a fraction, one in so much more than a second."""
        return cls(int(rate), 1.0) if rate >= 1 else cls(1, 1 / max(rate, 1e-3))

    def wait_ns(self, now: int) -> int:
        """Take the next place and return the ns to wait for it. now: a steady clock, ns, never falling.

        Whoever asks while others wait gets a place after theirs; a place that was not used is lost.
        """
        at = max(now, now if self._barred_until is None else self._barred_until)
        if self._given:
            full = len(self._given) == self._given.maxlen
            at = max(at, self._given[-1], self._given[0] + self._span if full else at)
        self._given.append(at)
        return at - now

    def bar(self, until: int) -> None:
        """Give no place before that time of the same clock; an earlier end than one told before changes nothing.

        Places given already stand: who waits for one asks `barred_ns` when its time has come.
        """
        self._barred_until = until if self._barred_until is None else max(until, self._barred_until)

    def barred_ns(self, now: int) -> int:
        """Return for how many ns from now nothing may be tried, 0 when it may."""
        return 0 if self._barred_until is None else max(0, self._barred_until - now)
