from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from foreshock_runtime.backoff import Backoff, wait_for_event


@given(st.floats(0.01, 1.0), st.floats(0.01, 60.0), st.integers(1, 100))
def test_waits_lie_between_the_first_step_and_the_cap(first: float, cap: float, failures: int) -> None:
    backoff = Backoff(first, cap)
    waits = [backoff.next() for _ in range(failures)]
    assert all(first <= wait <= max(first, cap) for wait in waits)
    assert backoff.failures == failures
    backoff.reset()
    assert backoff.failures == 0
    assert backoff.next() <= max(first, min(cap, first * 2))


async def test_a_set_stop_ends_the_wait_at_once() -> None:
    stop = asyncio.Event()
    stop.set()
    async with asyncio.timeout(1):
        await Backoff(first=100, cap=100).wait(stop)


async def test_without_stop_it_sleeps_its_time() -> None:
    async with asyncio.timeout(1):
        await Backoff(first=0.001, cap=0.002).wait()


async def test_wait_for_event_tells_whether_it_came() -> None:
    event = asyncio.Event()
    assert not await wait_for_event(event, 0.001)
    event.set()
    assert await wait_for_event(event, 100)
