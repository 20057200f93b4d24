"""Progress without a live view: one line on stderr, rewritten on a terminal, written now and then elsewhere."""

from __future__ import annotations

from shutil import get_terminal_size
from typing import Self, TextIO

from foreshock_cli.summary_view import progress_line
from foreshock_lab.summary import Progress
from foreshock_runtime.clock import Clock

ELSEWHERE_EVERY_NS = 5_000_000_000
CLEAR_LINE = "\r\x1b[2K"


class Headless:
    """Shows a run's progress in one line."""

    def __init__(self, title: str, stream: TextIO, clock: Clock) -> None:
        self._title = title
        self._stream = stream
        self._clock = clock
        self._rewrites = stream.isatty()
        self._written_at = 0
        self._phase = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._rewrites:
            self._write(CLEAR_LINE)

    def take(self, progress: Progress) -> None:
        """Show the newest progress: each on a terminal, else at each new phase and every few seconds."""
        line = progress_line(self._title, progress)
        if self._rewrites:
            self._write(CLEAR_LINE + line[: get_terminal_size().columns - 1])
            return
        now = self._clock.now()
        if progress.phase != self._phase or now - self._written_at >= ELSEWHERE_EVERY_NS:
            self._phase, self._written_at = progress.phase, now
            self._write(line + "\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
