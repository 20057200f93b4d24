"""Keeps one server running for as long as a parent lives. A process of its own: it imports nothing of ours.

Its standard input is the lifeline: the parent holds the other end and writes nothing. When the parent ends,
however it ends, the pipe closes, and the server is stopped in an orderly way. A server that ends by itself is
started again.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

EXIT_LOCKED = 75
EXIT_SERVER = 76
ORDERLY_SECONDS = 8.0
# A server that ends this soon, this often in a row, does not want to run.
YOUNG_SECONDS = 1.0
MAX_YOUNG_ENDS = 5


def main(argv: list[str]) -> int:
    """Run the server described by the JSON file argv[1].

    command, lock, log  what to run, the file that keeps others away, where its output goes
    remove              directories to take away in the end
    socket, opening     where the server listens, and commands to send it as soon as it answers
    """
    spec = json.loads(Path(argv[1]).read_text(encoding="utf-8"))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = EXIT_SERVER
    try:
        with Path(spec["lock"]).open("a", encoding="utf-8") as lock, Path(spec["log"]).open("ab") as log:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return EXIT_LOCKED
            code = supervise(spec, log)
    finally:
        # After a failure the parent is still there, reads the log and removes them itself.
        for directory in spec["remove"] if code == 0 else ():
            shutil.rmtree(directory, ignore_errors=True)
    return code


def supervise(spec: dict[str, Any], log: IO[bytes]) -> int:
    """Start the server again and again until the lifeline closes (0) or it cannot stay up (EXIT_SERVER)."""
    wakeup = _wake_on_signals()
    young_ends = 0
    while young_ends < MAX_YOUNG_ENDS:
        started = time.monotonic()
        server = subprocess.Popen(  # noqa: S603 - the parent chose the command
            spec["command"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        if _watch(server, wakeup, spec):
            _stop(server)
            return 0
        young_ends = young_ends + 1 if time.monotonic() - started < YOUNG_SECONDS else 0
        time.sleep(0.05 * young_ends)
    return EXIT_SERVER


def _wake_on_signals() -> int:
    reader, writer = os.pipe()
    for end in (reader, writer):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGCHLD, _ignore)
    signal.signal(signal.SIGTERM, _ignore)
    return reader


def _ignore(number: int, _: Any) -> None:
    """Let the wakeup pipe tell; a handler must exist for that."""


def _watch(server: subprocess.Popen[bytes], wakeup: int, spec: dict[str, Any]) -> bool:
    """Wait for the end of the parent or a SIGTERM (True), or that of the server (False)."""
    opened = not spec["opening"]
    while server.poll() is None:
        opened = opened or _sent(spec["socket"], spec["opening"])
        ready, _, _ = select.select([0, wakeup], [], [], 1.0 if opened else 0.02)
        if 0 in ready and not os.read(0, 4096):
            return True
        if wakeup in ready and signal.SIGTERM in os.read(wakeup, 4096):
            return True
    return False


def _sent(address: str, commands: list[list[str]]) -> bool:
    """Send commands one by one; False when the server is not there yet or refuses one (it is loading)."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(address)
            for command in commands:
                words = [b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in command]
                connection.sendall(b"*%d\r\n" % len(words) + b"".join(words))
                if not connection.recv(4096).startswith(b"+"):
                    return False
    except OSError:
        return False
    return True


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(ORDERLY_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv))
