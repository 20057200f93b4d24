from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from foreshock_runtime.clock import Clock, FrameClock, SystemClock, monotonic_ns


def test_system_clock_tells_utc_in_nanoseconds() -> None:
    clock: Clock = SystemClock()
    before = time.time_ns()
    assert before <= clock.now() <= time.time_ns()


@given(st.lists(st.integers(0, 2**62), min_size=1))
def test_frame_clock_is_the_largest_time_so_far(times: list[int]) -> None:
    clock = FrameClock()
    for at, ns in enumerate(times, start=1):
        clock.advance(ns)
        assert clock.now() == max(times[:at])


def test_monotonic_does_not_go_back() -> None:
    first = monotonic_ns()
    assert monotonic_ns() >= first
