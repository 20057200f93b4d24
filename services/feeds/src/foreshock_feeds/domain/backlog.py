"""Frames that wait to be said: a bounded queue that forgets the oldest first."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

MOST = 1_000

Frame = str | bytes


class Backlog:
    """Frames in the order they were given. dropped: how many had to go because more than `most` waited."""

    def __init__(self, most: int = MOST) -> None:
        self.dropped = 0
        self._frames: deque[Frame] = deque(maxlen=most)

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, frames: Iterable[Frame]) -> None:
        """Add frames; the oldest go for want of room: what was asked last is what counts."""
        for frame in frames:
            self.dropped += len(self._frames) == self._frames.maxlen
            self._frames.append(frame)

    def first(self) -> Frame | None:
        """Return the oldest frame and keep it until `said`; None when nothing waits."""
        return self._frames[0] if self._frames else None

    def said(self, frame: Frame) -> None:
        """Take the frame that `first` returned as sent. It may have gone meanwhile for want of room."""
        if self._frames and self._frames[0] is frame:
            self._frames.popleft()
