"""Ends the processes of a house when its supervisor ends, however that ends.

A script of its own: it imports nothing of ours. Its standard input is the leash: the supervisor writes
`+PID` and `-PID` lines; when the pipe closes, every process still listed is continued (it may be
stopped) and killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterable


def main(lines: Iterable[str]) -> int:
    """Keep the list until the lines end, then kill."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    held: set[int] = set()
    for line in lines:
        pid = int(line[1:])
        held = held | {pid} if line[0] == "+" else held - {pid}
    for pid in held:
        for number in (signal.SIGCONT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.stdin))
