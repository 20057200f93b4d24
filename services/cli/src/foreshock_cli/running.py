"""Runs a house in the foreground: shows it, tells the other commands where it is, and ends it in order on Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Protocol, TypeVar

from foreshock_cli import runfile, terminal
from foreshock_cli.exits import CommandError, unreachable
from foreshock_cli.headless import Headless
from foreshock_cli.live.view import LiveView
from foreshock_cli.runfile import RunNote
from foreshock_lab.errors import LabError, UnreachableError
from foreshock_lab.summary import OnProgress, Progress
from foreshock_runtime.clock import SystemClock
from foreshock_runtime.log import configure as configure_logs

Result = TypeVar("Result")
Run = Callable[[OnProgress, asyncio.Event], Awaitable[Result]]
"""A run that reports progress and ends early, in order, when the event is set."""


class View(Protocol):
    """What shows progress."""

    def take(self, progress: Progress) -> None:
        """Take the newest."""
        ...


def add_display(parser: argparse.ArgumentParser) -> None:
    """Add `--headless`."""
    parser.add_argument(
        "--headless",
        action="store_true",
        help="no live view, a progress line on stderr (so it is without a terminal too)",
    )


def view_for(title: str, *, headless: bool, as_json: bool) -> AbstractContextManager[View]:
    """Return the live view on a terminal, a progress line otherwise."""
    if headless or as_json or not sys.stdout.isatty():
        return Headless(title, sys.stderr, SystemClock())
    return LiveView(title, terminal.out())


def to_end(command: str, view: AbstractContextManager[View], run: Run[Result]) -> tuple[Result, int]:
    """Run to the end; return the result and the signal (SIGINT, SIGTERM) that ended it early, 0 when none did.

    A second Ctrl-C ends it at once. Raises CommandError for what a person can put right.
    """
    configure_logs("ERROR", "human")
    try:
        with ExitStack() as stack:
            shown = stack.enter_context(view)
            return asyncio.run(_interruptible(run, _Announcer(command, shown, stack).take))
    except UnreachableError as error:
        raise unreachable(str(error)) from error
    except LabError as error:
        raise CommandError(str(error)) from error


async def _interruptible(run: Run[Result], on_progress: OnProgress) -> tuple[Result, int]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    told: list[int] = []

    def interrupt(by: int) -> None:
        told.append(by)
        stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt, number)
    result = await run(on_progress, stop)
    return result, told[0] if told else 0


class _Announcer:
    """Passes progress on, and leaves the run's note as soon as the house has an address."""

    def __init__(self, command: str, view: View, stack: ExitStack) -> None:
        self._command = command
        self._view = view
        self._stack = stack
        self._told = False

    def take(self, progress: Progress) -> None:
        if progress.info is not None and not self._told:
            self._told = True
            note = RunNote(
                pid=os.getpid(),
                command=self._command,
                redis_url=progress.info.redis_url,
                redis_port=progress.info.redis_port,
                partitions=progress.info.partitions,
                started=SystemClock().now(),
            )
            self._leave(note)
        self._view.take(progress)

    def _leave(self, note: RunNote) -> None:
        try:
            self._stack.enter_context(runfile.left_at(runfile.folder(os.environ), note))
        except OSError as error:
            words = f"foreshock: other commands will not find this house by themselves: {error.strerror}"
            sys.stderr.write(f"{words}\n")
