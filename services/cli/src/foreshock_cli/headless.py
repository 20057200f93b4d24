"""Progress without a live view: one line on stderr, rewritten on a terminal, written now and then elsewhere."""

from __future__ import annotations

from shutil import get_terminal_size
from typing import Self, TextIO

import msgspec

from foreshock_cli import terminal
from foreshock_cli.summary_view import progress_line
from foreshock_lab.summary import Phase, Progress
from foreshock_runtime.clock import Clock

ELSEWHERE_EVERY_NS = 5_000_000_000
CLEAR_LINE = "\r\x1b[2K"


class Paced:
    """Says when to write again where lines stay: at each new phase and every few seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._written_at = 0
        self._phase: Phase | None = None

    def due(self, phase: Phase) -> bool:
        """Tell whether to write now."""
        now = self._clock.now()
        if phase == self._phase and now - self._written_at < ELSEWHERE_EVERY_NS:
            return False
        self._phase, self._written_at = phase, now
        return True


class JsonLines:
    """Prints a run's progress as JSON lines, without the address of its Redis: that holds a password."""

    def __init__(self, clock: Clock) -> None:
        self._paced = Paced(clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def take(self, progress: Progress) -> None:
        """Print the newest progress when it is time to."""
        if self._paced.due(progress.phase):
            shown = msgspec.structs.asdict(progress)
            del shown["info"]
            port = progress.info.redis_port if progress.info else None
            terminal.emit({**shown, "redis_port": port})


class Headless:
    """Shows a run's progress in one line."""

    def __init__(self, title: str, stream: TextIO, clock: Clock) -> None:
        self._title = title
        self._stream = stream
        self._paced = Paced(clock)
        self._rewrites = stream.isatty()

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
        elif self._paced.due(progress.phase):
            self._write(line + "\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
