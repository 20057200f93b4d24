"""Where in a stream to begin: an id, or so long ago."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError

_ID = re.compile(r"\d+(-\d+)?")
_AGO = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
HELP = "a stream id, 0 for the oldest, or how long ago: 30s, 5m, 2h"


class Start:
    """A place to begin reading: `at(now_ms)` is the id."""

    def __init__(self, text: str) -> None:
        ago = _AGO.fullmatch(text)
        if not (ago or _ID.fullmatch(text)):
            msg = f"{text!r} is neither a stream id (0, 1795000000000-0) nor a time ago (30s, 5m, 2h)"
            raise ArgumentTypeError(msg)
        self._id = text
        self._ago_ms = int(float(ago[1]) * _UNITS_MS[ago[2]]) if ago else None

    def at(self, now_ms: int) -> str:
        """Return the id to begin at; now_ms is the server's time, since ids carry that."""
        return self._id if self._ago_ms is None else str(max(now_ms - self._ago_ms, 0))
