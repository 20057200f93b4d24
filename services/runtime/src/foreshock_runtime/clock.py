"""The one place that asks the operating system for the time."""

from __future__ import annotations

import resource
import time
from typing import Protocol

_THIS_THREAD: int | None = getattr(resource, "RUSAGE_THREAD", None)


class Clock(Protocol):
    """Where `now` comes from: the system, or the frames of a replay."""

    def now(self) -> int:
        """Return the time, integer ns UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> int:
        """Return the time, integer ns UTC."""
        return time.time_ns()


class FrameClock:
    """A replay's clock: the largest time any frame has shown so far."""

    def __init__(self, start: int = 0) -> None:
        self._now = start

    def advance(self, ns: int) -> None:
        """Move to `ns` (ns UTC); an earlier time than the present one changes nothing."""
        self._now = max(self._now, ns)

    def now(self) -> int:
        """Return the largest time so far, integer ns UTC."""
        return self._now


def monotonic_ns() -> int:
    """Return a steady count of ns for measuring durations; its zero means nothing."""
    return time.monotonic_ns()


def thread_ns() -> int:
    """Return the processor time this thread has used, ns: what other work on the machine does not change."""
    return time.thread_time_ns()


def thread_waits() -> int:
    """Return how often this thread gave its processor away by itself (a sleep, a lock, IO); 0 where nobody counts."""
    return 0 if _THIS_THREAD is None else resource.getrusage(_THIS_THREAD).ru_nvcsw
