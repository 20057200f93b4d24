"""Rows as they are acknowledged, for those who watch: bounded queues that drop the oldest."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from foreshock_model.metrics import WindowMetrics

MOST_WATCHERS = 32
QUEUE = 256
"""Answers that wait for one watcher; at 1,000 answers a second a quarter of a second."""
UNACKNOWLEDGED = 4_096
"""More answers than a commit holds."""


class Told(NamedTuple):
    """Rows of one answer that a watcher asked for."""

    partition: int
    metrics: WindowMetrics
    rows: list[int]


class Watcher:
    """One who watches. dropped: answers that made room for newer ones."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self.dropped = 0
        self._symbols = frozenset(symbols)
        self._waiting: deque[Told] = deque()
        self._news = asyncio.Event()
        self._closed = False

    def offer(self, partition: int, metrics: WindowMetrics) -> None:
        """Take the rows that were asked for."""
        rows = [row for row, symbol in enumerate(metrics.symbols) if symbol in self._symbols]
        if not rows:
            return
        if len(self._waiting) >= QUEUE:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(Told(partition, metrics, rows))
        self._news.set()

    def close(self) -> None:
        """End it: what waits is not told any more."""
        self._closed = True
        self._news.set()

    async def next(self) -> Told | None:
        """Return the oldest rows that wait, None once it is closed."""
        while not self._waiting and not self._closed:
            self._news.clear()
            await self._news.wait()
        return None if self._closed else self._waiting.popleft()


class Watchers:
    """All who watch a process. Without any it costs nothing."""

    def __init__(self) -> None:
        self._watchers: list[Watcher] = []
        self._unacknowledged: dict[int, deque[WindowMetrics | None]] = {}
        self._closed = False

    @property
    def full(self) -> bool:
        """True when nobody else may watch."""
        return len(self._watchers) >= MOST_WATCHERS

    def __len__(self) -> int:
        """Return how many watch."""
        return len(self._watchers)

    @contextmanager
    def watch(self, symbols: Sequence[str]) -> Iterator[Watcher]:
        """Watch symbols while the block lasts."""
        watcher = Watcher(symbols)
        if self._closed:
            watcher.close()
        self._watchers.append(watcher)
        try:
            yield watcher
        finally:
            self._watchers.remove(watcher)

    def answered(self, partition: int, metrics: WindowMetrics | None) -> None:
        """Remember an answer until it is acknowledged."""
        if self._watchers:
            self._unacknowledged.setdefault(partition, deque(maxlen=UNACKNOWLEDGED)).append(metrics)

    def acknowledged(self, partition: int, entries: int) -> None:
        """Tell of the newest so many answers; what lies before them was replayed, and told before."""
        waiting = self._unacknowledged.pop(partition, None)
        for metrics in list(waiting or ())[-entries:]:
            if metrics is not None:
                for watcher in self._watchers:
                    watcher.offer(partition, metrics)

    async def close_at(self, stop: asyncio.Event) -> None:
        """End all of them at the event, so that no caller holds up the end of the process."""
        await stop.wait()
        self._closed = True
        for watcher in self._watchers:
            watcher.close()
