"""The services as child processes: started, signalled, and never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from foreshock_lab import leash
from foreshock_runtime.log import get_logger
from foreshock_runtime.settings import CUSTOMARY, PREFIX

LONGEST_LINE = 300
KILL_SECONDS = 5.0
log = get_logger("lab")


def clean_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without anything a service would take for its settings."""
    return {name: value for name, value in env.items() if not name.startswith(PREFIX) and name not in CUSTOMARY}


class Child:
    """One running process."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log_path: Path) -> None:
        self.name = name
        self.log_path = log_path
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.returncode

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; a process that has ended takes none."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def wait(self, seconds: float) -> bool:
        """Tell whether it ended within so many seconds."""
        try:
            await asyncio.wait_for(self._process.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def end(self, seconds: float) -> int:
        """Ask it to stop and kill it when it has not within so many seconds; return its exit code."""
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)
        if not await self.wait(seconds):
            log.warning("service_killed", service=self.name, after_seconds=seconds)
            self.signal(signal.SIGKILL)
        return await self._process.wait()

    def last_words(self, lines: int = 4) -> str:
        """Return the end of its log, long lines cut, and where it is."""
        with contextlib.suppress(OSError):
            told = self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()
            return f"{' | '.join(_cut(line) for line in told[-lines:])} (log: {self.log_path})"
        return "it left no log"


def _cut(line: str) -> str:
    """Return a line without its middle where it is long: how it ends says what an exception was."""
    half = LONGEST_LINE // 2
    return line if len(line) <= LONGEST_LINE else f"{line[:half]} ... {line[-half:]}"


class Processes:
    """Starts children on a leash: they die with us. An async context manager."""

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir
        self._leash: asyncio.subprocess.Process | None = None
        self._children: dict[int, Child] = {}

    async def __aenter__(self) -> Self:
        # A session of their own: Ctrl-C reaches the supervisor alone, which stops the services in order.
        self._leash = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            leash.__file__,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        for child in tuple(self._children.values()):
            child.signal(signal.SIGKILL)
            await child.wait(KILL_SECONDS)
            self.forget(child)
        if self._leash is not None and self._leash.stdin is not None:
            self._leash.stdin.close()
            await self._leash.wait()

    async def start(self, name: str, module: str, env: Mapping[str, str]) -> Child:
        """Start `python -m module` with these variables added to ours; its output goes to `<name>.log`."""
        path = self._log_dir / f"{name}.log"
        with path.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                module,
                env={**clean_environment(os.environ), **env},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._note(f"+{process.pid}")
        child = Child(name, process, path)
        self._children[process.pid] = child
        return child

    def forget(self, child: Child) -> None:
        """Take a process that has ended off the leash, so that its number may be used by others."""
        if self._children.pop(child.pid, None) is not None:
            self._note(f"-{child.pid}")

    def _note(self, line: str) -> None:
        if self._leash is None or self._leash.stdin is None:
            raise RuntimeError("processes are started within the context")
        self._leash.stdin.write(f"{line}\n".encode())
