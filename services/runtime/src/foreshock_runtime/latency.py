"""Latencies in a histogram of fixed size: 2 % wide logarithmic bins from 1 us to 1,000 s."""

from __future__ import annotations

from math import log

import msgspec

_BASE = 1.02
_LOWEST_NS = 1_000
_BINS = 1_050
_STEP = log(_BASE)


class LatencySummary(msgspec.Struct, frozen=True):
    """Milliseconds; zeros when nothing was measured."""

    n: int
    p50: float
    p99: float
    max: float


class LatencyRecorder:
    """Counts durations. Percentiles are right to 2 %."""

    def __init__(self) -> None:
        self._bins = [0] * _BINS
        self._count = 0
        self._max_ns = 0

    def record_ns(self, duration: int) -> None:
        """Add one duration in nanoseconds; a negative one counts as zero."""
        duration = max(duration, 0)
        at = 0 if duration <= _LOWEST_NS else min(int(log(duration / _LOWEST_NS) / _STEP) + 1, _BINS - 1)
        self._bins[at] += 1
        self._count += 1
        self._max_ns = max(self._max_ns, duration)

    def percentile_ms(self, share: float) -> float:
        """Return the duration that this share (0 to 1) of all lie at or below, in milliseconds."""
        wanted = share * self._count
        seen = 0
        for at, number in enumerate(self._bins):
            seen += number
            if number and seen >= wanted:
                return min(_LOWEST_NS * _BASE**at, self._max_ns) / 1e6
        return 0.0

    def summary(self) -> LatencySummary:
        """Return count, median, 99th percentile and largest."""
        return LatencySummary(self._count, self.percentile_ms(0.5), self.percentile_ms(0.99), self._max_ns / 1e6)
