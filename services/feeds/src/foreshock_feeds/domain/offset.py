"""How far a venue's clock is behind ours, as its pushes tell."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

NS = 1_000_000_000
WINDOW_SECONDS = 60


class Offset(NamedTuple):
    """Over the window, ns: the smallest time from the venue's push to our receipt, and how far others lie above it.

    offset is the difference of the clocks and the shortest way of a frame in one: a push alone cannot tell them
    apart. It is negative when the venue's clock is ahead by more than that way takes.
    """

    offset: int
    spread: int


class ClockOffset:
    """Keeps the smallest and the largest difference of each second, for 60 s: bounded however many frames come."""

    def __init__(self, window_seconds: int = WINDOW_SECONDS) -> None:
        self._window = window_seconds
        self._seconds: deque[tuple[int, int, int]] = deque()

    def add(self, received: int, pushed: int) -> None:
        """Take the time a frame was received and that it was pushed at, ns UTC of either clock."""
        second, difference = received // NS, received - pushed
        if self._seconds and self._seconds[-1][0] >= second:
            second, least, most = self._seconds[-1]
            self._seconds[-1] = second, min(least, difference), max(most, difference)
        else:
            self._seconds.append((second, difference, difference))
            self._forget(second)

    def present(self, now: int) -> Offset | None:
        """Return what the last 60 s say, None when no frame told its time. now: ns UTC of our clock."""
        self._forget(now // NS)
        if not self._seconds:
            return None
        least = min(each[1] for each in self._seconds)
        return Offset(least, max(each[2] for each in self._seconds) - least)

    def _forget(self, second: int) -> None:
        while self._seconds and self._seconds[0][0] <= second - self._window:
            self._seconds.popleft()
