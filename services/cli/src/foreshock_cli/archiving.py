"""Runs archivers in the foreground: tells how far they are, and ends them in order on Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from shutil import get_terminal_size
from typing import Any

import msgspec

from foreshock_archive.archiver import Archiver
from foreshock_archive.making import archivers
from foreshock_archive.settings import ArchiveSettings
from foreshock_archive.sink import SinkError
from foreshock_cli import terminal
from foreshock_cli.exits import CommandError, unreachable, usage_error
from foreshock_cli.headless import CLEAR_LINE
from foreshock_runtime.backoff import wait_for_event
from foreshock_runtime.clock import SystemClock
from foreshock_runtime.connection import TROUBLE, connect
from foreshock_runtime.log import configure as configure_logs
from foreshock_runtime.settings import SettingsError

TOLD_EVERY_SECONDS = 5.0
REWRITTEN_EVERY_SECONDS = 0.5


class Outcome(msgspec.Struct):
    """What came of it: each sink's `Told`, and the signal that ended it (0: none)."""

    sinks: dict[str, dict[str, Any]]
    stopped_by: int = 0

    @property
    def flaws(self) -> int:
        """Entries that could not be read, or never came."""
        return sum(told["unreadable"] + told["missing"] for told in self.sinks.values())


def run(settings: ArchiveSettings, *, once: bool, as_json: bool) -> Outcome:
    """Archive until a signal, or `once` what is there now. Raises CommandError."""
    configure_logs("WARNING", "human")
    return asyncio.run(_run(settings, once=once, as_json=as_json))


async def _run(settings: ArchiveSettings, *, once: bool, as_json: bool) -> Outcome:
    stop, stopped_by = asyncio.Event(), [0]
    redis = connect(settings)
    try:
        made = archivers(settings, redis, SystemClock())
        await _try(made)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, _ended, number, stop, stopped_by)
        await _work(made, stop, once=once, as_json=as_json)
    except SettingsError as error:
        raise usage_error(str(error)) from error
    finally:
        await redis.aclose()
    return Outcome({each.sink.name: plain(each) for each in made}, stopped_by[0])


def plain(archiver: Archiver) -> dict[str, Any]:
    """Return what an archiver has done as plain values."""
    return {"sink": archiver.sink.name, **msgspec.to_builtins(archiver.look())}


async def _try(made: Sequence[Archiver]) -> None:
    """Get hold of every sink once: a person rather reads what is wrong than waits for it to become right."""
    for each in made:
        try:
            await each.sink.begin()
        except (SinkError, OSError) as error:
            for other in made:
                await other.sink.close()
            raise unreachable(f"cannot archive to {each.sink.name}: {error}") from error


def _ended(number: int, stop: asyncio.Event, stopped_by: list[int]) -> None:
    stopped_by[0] = number
    stop.set()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.remove_signal_handler(each)


async def _work(made: Sequence[Archiver], stop: asyncio.Event, *, once: bool, as_json: bool) -> None:
    telling = asyncio.create_task(_tell(made, as_json=as_json))
    try:
        await asyncio.gather(*(each.run(stop, once=once) for each in made))
        for each in made:
            await each.leave()
    except TROUBLE as error:  # pragma: no cover - archivers wait trouble out
        raise CommandError(f"Redis: {error}") from error
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        if not as_json and sys.stderr.isatty():
            sys.stderr.write(CLEAR_LINE)


async def _tell(made: Sequence[Archiver], *, as_json: bool) -> None:
    """Tell how far it is until cancelled: a line that is rewritten on a terminal, one now and then elsewhere."""
    never, rewrites = asyncio.Event(), sys.stderr.isatty()
    while True:
        await wait_for_event(never, REWRITTEN_EVERY_SECONDS if rewrites and not as_json else TOLD_EVERY_SECONDS)
        if as_json:
            for each in made:
                terminal.emit(plain(each))
            continue
        text = "; ".join(line(plain(each)) for each in made)
        sys.stderr.write(CLEAR_LINE + text[: get_terminal_size().columns - 1] if rewrites else text + "\n")
        sys.stderr.flush()


def line(told: dict[str, Any]) -> str:
    """Return a sink's progress for a person."""
    rows = ", ".join(f"{number:,} {table}" for table, number in told["rows"].items()) or "nothing"
    waiting = f"{told['waiting_rows']:,} rows wait, {told['behind']:,} entries unread"
    flaws = "".join(f", {told[name]:,} {name}" for name in ("unreadable", "missing", "repeated") if told[name])
    reason = f" ({told['reason']})" if told["reason"] else ""
    return f"{told['sink']} {told['state'].lower()}{reason}: {rows} in {told['files']:,} writes; {waiting}{flaws}"
