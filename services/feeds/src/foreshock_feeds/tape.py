"""The other end of the recorder's queue: what comes out of it becomes lines of segments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from foreshock_feeds.domain.recording import DroppedData, Kind, Recorded, SegmentData, encode, encode_frames
from foreshock_feeds.segments import Segments
from foreshock_runtime.clock import monotonic_ns
from foreshock_runtime.log import get_logger

FLUSH_SECONDS = 0.5
"""What a killed process loses of its recording at most."""
RETRY_NS = 5_000_000_000
log = get_logger("feeds")


class Batch(NamedTuple):
    """The frames of one read of one connection, and when each came, ns UTC."""

    route: str
    connection: int
    frames: Sequence[bytes | str]
    received: Sequence[int]


Item = Batch | Recorded


class Tape:
    """Puts items into segments, each of which can be read without the ones before it. Belongs to one thread.

    written counts frames, lost those that the disk did not take.
    """

    def __init__(self, segments: Segments, source: str) -> None:
        self.written = 0
        self.lost = 0
        self._segments = segments
        self._source = source
        self._present: dict[tuple[str, int], Recorded] = {}
        self._flushed = monotonic_ns()
        self._failed_at: int | None = None
        self._untold = 0

    def write(self, items: list[Item], frames: int, now: int) -> tuple[int, int]:
        """Write items, in a new segment when it is time; return how many of their frames were written, how many lost.

        now: ns UTC.
        """
        done = self._wrote(items, now)
        self._remember(items)
        if done:
            self.written += frames
            return frames, 0
        self.lost += frames
        self._untold += frames
        return 0, frames

    def _wrote(self, items: list[Item], now: int) -> bool:
        if self._failed_at is not None and monotonic_ns() - self._failed_at < RETRY_NS:
            return False
        try:
            if self._failed_at is not None or self._segments.due(now):
                self._begin(now)
            self._segments.write(b"".join(map(_lines, items)))
        except OSError as error:
            self._fail(error)
            return False
        self._failed_at = None
        if monotonic_ns() - self._flushed > FLUSH_SECONDS * 1e9:
            self.flush()
        return True

    def flush(self) -> None:
        """Let what was written outlive this process."""
        self._flushed = monotonic_ns()
        try:
            self._segments.flush()
        except OSError as error:
            self._fail(error)

    def end(self) -> None:
        """Give the last segment its name."""
        try:
            self._segments.close()
        except OSError as error:
            self._fail(error)

    def _begin(self, now: int) -> None:
        self._segments.begin(now)
        head = SegmentData(self._source, self._segments.number)
        first = Recorded(b"", now, Kind.SEGMENT, data=msgspec.json.encode(head))
        missing = [dropped_record(now, self._untold)] if self._untold else []
        self._segments.write(encode([first, *missing, *self._present.values()]))
        self._untold = 0

    def _remember(self, items: list[Item]) -> None:
        """Keep what a later segment must begin with."""
        for each in items:
            if isinstance(each, Batch):
                continue
            if each.kind in {Kind.CONTRACTS, Kind.OPENED}:
                self._present[each.route, each.connection] = each
            elif each.kind is Kind.CLOSED:
                self._present.pop((each.route, each.connection), None)

    def _fail(self, error: OSError) -> None:
        if self._failed_at is None:
            log.error("recording_failed", reason=str(error))
        self._failed_at = monotonic_ns()


def frames_in(item: Item) -> int:
    """Return how many frames an item holds."""
    return len(item.frames) if isinstance(item, Batch) else 0


def _lines(item: Item) -> bytes:
    return encode_frames(*item) if isinstance(item, Batch) else encode([item])


def dropped_record(now: int, frames: int) -> Recorded:
    """Return what tells that so many frames are missing here."""
    return Recorded(b"", now, Kind.DROPPED, data=msgspec.json.encode(DroppedData(frames)))
