"""Queues of those who watch: bounded, oldest dropped and counted, and nothing told that was not acknowledged."""

from __future__ import annotations

import asyncio

from tests.unit.velocity.entries_made import NOW, Row, Writer

from foreshock_model.metrics import WindowMetrics
from foreshock_velocity.domain import VelocityState
from foreshock_velocity.watching import QUEUE, UNACKNOWLEDGED, Watchers


def answer(*symbols: str, clock: int = NOW) -> WindowMetrics:
    """Return the rows of one answer."""
    state = VelocityState()
    state.advance("1-0", Writer().batch(clock, *(Row(symbol, ts=clock) for symbol in symbols)))
    assert state.told is not None
    return state.told


async def test_what_is_not_acknowledged_is_not_told() -> None:
    watchers = Watchers()
    with watchers.watch(["BTCUSDT"]) as watcher:
        replayed, fresh = answer("BTCUSDT"), answer("BTCUSDT", "ETHUSDT", clock=NOW + 1)
        watchers.answered(0, replayed)
        watchers.answered(0, None)
        watchers.answered(0, fresh)
        watchers.acknowledged(0, 2)
        watchers.acknowledged(0, 1)
        told = await watcher.next()
        assert told is not None
        assert (told.metrics, [told.metrics.symbols[row] for row in told.rows]) == (fresh, ["BTCUSDT"])
        watcher.close()
        assert await watcher.next() is None
    assert len(watchers) == 0


async def test_a_slow_reader_loses_the_oldest_and_is_told_how_many() -> None:
    watchers = Watchers()
    first = answer("BTCUSDT")
    with watchers.watch(["BTCUSDT"]) as watcher:
        for number in range(QUEUE + 3):
            watchers.answered(0, first if number < 3 else answer_at(number))
            watchers.acknowledged(0, 1)
        told = await watcher.next()
    assert watcher.dropped == 3
    assert told is not None
    assert told.metrics.as_of[0] == NOW + 3


def answer_at(number: int) -> WindowMetrics:
    """Return an answer of its own time."""
    return answer("BTCUSDT", clock=NOW + number)


async def test_without_watchers_nothing_is_kept_and_with_them_a_bounded_number() -> None:
    watchers = Watchers()
    row = answer("BTCUSDT")
    watchers.answered(0, row)
    with watchers.watch(["ETHUSDT"]) as watcher:
        watchers.acknowledged(0, 1)
        for _ in range(UNACKNOWLEDGED + 10):
            watchers.answered(0, row)
        watchers.acknowledged(0, UNACKNOWLEDGED + 10)
        watcher.close()
        assert await watcher.next() is None


async def test_all_end_with_the_process_and_later_ones_at_once() -> None:
    watchers, stop = Watchers(), asyncio.Event()
    closing = asyncio.create_task(watchers.close_at(stop))
    with watchers.watch(["BTCUSDT"]) as watcher:
        waiting = asyncio.create_task(watcher.next())
        await asyncio.sleep(0)
        stop.set()
        assert await waiting is None
    await closing
    with watchers.watch(["BTCUSDT"]) as late:
        assert await late.next() is None
