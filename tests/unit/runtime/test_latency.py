"""Percentiles from bins."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_runtime.latency import LatencyRecorder, LatencySummary


def test_nothing_measured_is_all_zeros() -> None:
    assert LatencyRecorder().summary() == LatencySummary(0, 0.0, 0.0, 0.0)
    assert LatencyRecorder().percentile_ms(0.5) == 0.0


def test_median_tail_and_largest() -> None:
    recorder = LatencyRecorder()
    for milliseconds in range(1, 101):
        recorder.record_ns(milliseconds * 1_000_000)
    summary = recorder.summary()
    assert (summary.n, summary.max) == (100, 100.0)
    assert summary.p50 == pytest.approx(50.0, rel=0.02)
    assert summary.p99 == pytest.approx(99.0, rel=0.02)


def test_a_negative_duration_counts_as_none_and_an_endless_one_in_the_last_bin() -> None:
    recorder = LatencyRecorder()
    recorder.record_ns(-5)
    assert recorder.summary() == LatencySummary(1, 0.0, 0.0, 0.0)
    recorder.record_ns(10**15)
    assert recorder.summary().max == 1e9
    assert 1e5 < recorder.percentile_ms(1.0) <= 1e9


@given(st.lists(st.integers(1_000, 900 * 10**9), min_size=1, max_size=200), st.floats(0.001, 1.0))
def test_a_percentile_is_right_to_two_percent(durations: list[int], share: float) -> None:
    recorder = LatencyRecorder()
    for duration in durations:
        recorder.record_ns(duration)
    exact = sorted(durations)[max(math.ceil(share * len(durations)), 1) - 1] / 1e6
    assert exact * 0.9999 <= recorder.percentile_ms(share) <= exact * 1.0201
