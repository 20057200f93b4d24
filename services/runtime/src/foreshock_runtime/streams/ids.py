"""Stream ids as Redis writes them: `milliseconds-sequence`."""

from __future__ import annotations

ZERO = "0-0"


def id_key(entry_id: str) -> tuple[int, int]:
    """Return the id as numbers that compare as Redis compares. Raises ValueError when it is none."""
    ms, _, seq = entry_id.partition("-")
    return int(ms), int(seq or 0)


def as_text(value: bytes | str | None, default: str = ZERO) -> str:
    """Return a reply as text; None becomes the default."""
    if value is None:
        return default
    return value.decode() if isinstance(value, bytes) else value
