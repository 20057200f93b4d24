"""A signal or notice as one line for a person. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.cells import cell_len
from rich.text import Text

from foreshock_model.signal import Level

LEVEL_STYLES = {
    "NONE": "dim",
    "WATCH": "cyan",
    "ALERT": "bold yellow",
    "CRITICAL": "bold red",
    "EXTREME": "bold white on red",
}
NOTICE_STYLES = {"DEGRADED": "bold white on red", "RECOVERED": "bold green"}
ESCAPED = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
"""Control characters have no business on a terminal, whoever sent them."""


class Quality(msgspec.Struct, frozen=True):
    """How far the data behind a signal can be trusted, as far as a line needs it."""

    status: str = ""
    venues_missing: tuple[str, ...] = ()


class Message(msgspec.Struct, frozen=True):
    """What the stream and channel `cascade:signals` may hold, as far as a line needs it."""

    kind: str = "signal"
    ts: int = 0
    level: str = "NONE"
    symbol: str = ""
    side: str = ""
    probability: float = 0.0
    explanation: str = ""
    status: str = ""
    service: str = ""
    reason: str = ""
    data_quality: Quality | None = None

    @property
    def rank(self) -> int:
        """The level's place in rising order; an unknown level ranks highest, so that it is shown."""
        return Level[self.level].value if self.level in Level.__members__ else len(Level)


def parse(data: bytes) -> Message:
    """Read the JSON of a message; unknown fields are ignored. Raises ValueError when it is not one."""
    return msgspec.json.decode(data, type=Message)


def line(message: Message) -> Text:
    """Return the line of a signal or a notice."""
    return _notice(message) if message.kind == "notice" else _signal(message)


def clock(ts: int) -> str:
    """Return the time of day, UTC, of a time in ns."""
    seconds, rest = divmod(ts, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S}.{rest // 1_000_000:03d}"


def _signal(message: Message) -> Text:
    style = LEVEL_STYLES.get(message.level, "bold")
    return Text.assemble(
        (clock(message.ts), "dim"),
        "  ",
        (f" {_clean(message.level)} ".ljust(10), style),
        f" {_padded(message.symbol, 12)} {_padded(message.side, 5)} ",
        (f"{message.probability:>4.0%}", style if message.rank else "dim"),
        "  ",
        _clean(message.explanation),
        (_absent(message.data_quality), "bold yellow"),
    )


def _absent(quality: Quality | None) -> str:
    missing = quality.venues_missing if quality else ()
    return f"  without {_clean(', '.join(missing))}" if missing else ""


def _notice(message: Message) -> Text:
    style = NOTICE_STYLES.get(message.status, "bold yellow")
    words: dict[str, Any] = {
        "DEGRADED": f"{message.service} does not answer: what follows may be stale or missing",
        "RECOVERED": f"{message.service} is back",
    }
    text = message.reason or words.get(message.status, message.service)
    return Text.assemble(
        (clock(message.ts), "dim"),
        "  ",
        (f" {_clean(message.status)} ".ljust(10), style),
        " ",
        (_clean(text), style),
    )


def _padded(text: str, width: int) -> str:
    """Fill up to so many columns; some characters take two."""
    clean = _clean(text)
    return clean + " " * (width - cell_len(clean))


def _clean(text: str) -> str:
    return text.translate(ESCAPED)
