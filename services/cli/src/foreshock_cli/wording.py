"""Amounts, durations and counts in few words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from foreshock_model.signal import Level

SHORT_S = 1_000


def usd(amount: float) -> str:
    """Return an amount in a few characters: $950, $12.3k, $4.1M."""
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(amount) >= size:
            return f"${amount / size:.1f}{unit}"
    return f"${amount:.0f}"


def span(seconds: float) -> str:
    """Return a duration: 30 s, or 2:46:40 when it is long."""
    return f"{seconds:.0f} s" if seconds < SHORT_S else str(timedelta(seconds=round(seconds)))


def counted(signals: Mapping[str, int]) -> str:
    """Return signals by level, highest first; levels that never came, and NONE, are left out."""
    levels = [level.name for level in reversed(Level) if level is not Level.NONE]
    return "  ".join(f"{name} {signals[name]:,}" for name in levels if signals.get(name)) or "none"
