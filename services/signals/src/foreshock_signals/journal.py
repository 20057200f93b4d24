"""What a partition's processors leave for the edges: times of the entries whose commit is awaited, and work done."""

from __future__ import annotations

from collections import Counter, deque

from foreshock_runtime.clock import Clock, monotonic_ns
from foreshock_runtime.latency import LatencyRecorder
from foreshock_signals.domain.outcome import Outcome

KEPT = 4_096
"""More entries than a read brings: what a recovery replays runs out at the other end."""
LONGEST_NS = 600 * 1_000_000_000
"""Times further apart were not told by the same clock: a recording is replayed."""


class Journal:
    """Outlives the processors of one partition.

    busy_ns   time spent in `advance`; entries: advanced, replayed ones included
    signals   by level, acknowledged
    """

    def __init__(self, latency: LatencyRecorder, clock: Clock) -> None:
        self.busy_ns = 0
        self.entries = 0
        self.signals: Counter[str] = Counter()
        self._latency = latency
        self._clock = clock
        self._waiting: deque[tuple[tuple[str, ...], int]] = deque(maxlen=KEPT)

    def start(self) -> int:
        """Return what `advanced` needs."""
        return monotonic_ns()

    def advanced(self, started: int, outcome: Outcome) -> None:
        """Note an entry: when its work started and what it brought about."""
        self.busy_ns += monotonic_ns() - started
        self.entries += 1
        levels = tuple(each.level for each in outcome.signals)
        self._waiting.append((levels, max((each.data_quality.input_ts for each in outcome.signals), default=0)))

    def committed(self, entries: int, _cursor: str) -> None:
        """Count and measure the newest `entries`: they are acknowledged now. What lies before was replayed."""
        now = self._clock.now()
        for _ in range(min(entries, len(self._waiting))):
            levels, received = self._waiting.pop()
            self.signals.update(levels)
            if received and now - received < LONGEST_NS:
                self._latency.record_ns(now - received)
        self._waiting.clear()
