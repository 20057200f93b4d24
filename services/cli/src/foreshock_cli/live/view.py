"""Keeps the live view up to date: a thread reads the house, rich draws it."""

from __future__ import annotations

import threading
from typing import Self

import redis
from rich.console import Console
from rich.live import Live

from foreshock_cli.live.drawing import page
from foreshock_cli.live.reading import HouseView, Reader
from foreshock_lab.summary import Phase, Progress

FRAMES_PER_SECOND = 4
ANSWER_SECONDS = 2.0


class LiveView:
    """Shows a run on a terminal while the block runs; give it every `Progress`."""

    def __init__(self, title: str, console: Console) -> None:
        self._title = title
        self._console = console
        self._progress = Progress(
            phase=Phase.STARTING, elapsed_s=0, duration_s=0, sent=0, processed=0, throttled=0, signals={}
        )
        self._house: HouseView | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_drawing, name="live-view", daemon=True)
        self._live = Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop")

    def __enter__(self) -> Self:
        self._live.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(ANSWER_SECONDS + 1)
        self._live.stop()

    def take(self, progress: Progress) -> None:
        """Take the newest progress; it is drawn with the next frame."""
        self._progress = progress

    def _keep_drawing(self) -> None:
        reader: Reader | None = None
        while not self._stop.wait(1 / FRAMES_PER_SECOND):
            progress = self._progress
            if reader is None and progress.info is not None:
                url = progress.info.redis_url
                reader = Reader(redis.Redis.from_url(url, socket_timeout=ANSWER_SECONDS, protocol=2))
            self._house = _read(reader)
            self._live.update(page(self._title, progress, self._house, self._console.height), refresh=True)
        if reader is not None:
            reader.close()


def _read(reader: Reader | None) -> HouseView | None:
    try:
        return reader.read() if reader else None
    except redis.RedisError:
        return None  # the server is away or restarting: nothing is known
