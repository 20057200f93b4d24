"""What readers hand on: bursts in batches that a processor's caches hold, each frame with its receive time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from foreshock_feeds.reader import HEARD_FRAMES, STAMPED_FRAMES, Gatherer


class Steps:
    """A clock that goes on by one at each look."""

    def __init__(self) -> None:
        self.time = 0

    def now(self) -> int:
        self.time += 1
        return self.time


class Line:
    """A socket that only counts how often it was given up."""

    def __init__(self) -> None:
        self.aborted = 0

    async def send(self, frame: str | bytes) -> None:
        """Say nothing."""

    def abort(self) -> None:
        self.aborted += 1

    async def closed(self) -> str:
        return ""


class Ear:
    """Hears batches; raises at those whose numbers it was given."""

    def __init__(self, *raises_at: int) -> None:
        self.batches: list[tuple[Sequence[bytes | str], list[int]]] = []
        self._raises_at = raises_at

    def __call__(self, frames: Sequence[bytes | str], received: Sequence[int]) -> None:
        self.batches.append((frames, list(received)))
        if len(self.batches) in self._raises_at:
            raise RuntimeError("cannot")


async def test_a_burst_is_heard_in_order_and_in_batches_of_a_bounded_size() -> None:
    ear, clock = Ear(), Steps()
    gatherer = Gatherer(ear, clock)
    sent: list[bytes | str] = [b"%d" % number for number in range(2 * HEARD_FRAMES + 7)]
    for frame in sent:
        assert isinstance(frame, bytes)
        gatherer.add(frame, Line())
    assert [len(frames) for frames, _ in ear.batches] == [HEARD_FRAMES, HEARD_FRAMES]
    await asyncio.sleep(0)
    assert [frame for frames, _ in ear.batches for frame in frames] == sent
    assert len(ear.batches) == 3


async def test_each_frame_has_a_receive_time_and_few_share_one() -> None:
    ear, clock = Ear(), Steps()
    gatherer = Gatherer(ear, clock)
    for number in range(HEARD_FRAMES + STAMPED_FRAMES + 3):
        gatherer.add(b"%d" % number, Line())
    await asyncio.sleep(0)
    for frames, received in ear.batches:
        assert len(received) == len(frames)
    times = [time for _, received in ear.batches for time in received]
    assert times == sorted(times)
    assert max(times.count(time) for time in times) == STAMPED_FRAMES
    assert times[-1] == clock.time


async def test_frames_that_come_one_by_one_are_heard_at_once() -> None:
    ear = Ear()
    gatherer = Gatherer(ear, Steps())
    for frame in (b"1", b"2"):
        gatherer.add(frame, Line())
        await asyncio.sleep(0)
    assert ear.batches == [([b"1"], [1]), ([b"2"], [2])]


async def test_after_a_failure_the_connection_ends_and_nothing_more_is_heard() -> None:
    ear, line = Ear(1), Line()
    gatherer = Gatherer(ear, Steps())
    for number in range(2 * HEARD_FRAMES + 1):
        gatherer.add(b"%d" % number, line)
    await asyncio.sleep(0)
    assert isinstance(gatherer.failure, RuntimeError)
    assert (len(ear.batches), line.aborted) == (1, 1)
