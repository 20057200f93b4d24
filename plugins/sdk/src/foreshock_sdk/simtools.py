"""What simulated venues share: numbers as venues write them, and a budget of messages."""

from __future__ import annotations

from collections import deque
from decimal import Decimal


def plain(value: float) -> str:
    """Write a number as venues do: shortest digits that give it back, never in scientific notation."""
    text = repr(float(value))
    if "e" in text:
        text = format(Decimal(text), "f")
    return text.removesuffix(".0")


class Budget:
    """So many messages within so many ms, in a sliding window."""

    def __init__(self, messages: int, per_ms: int) -> None:
        self._per_ms = per_ms
        self._times: deque[int] = deque(maxlen=messages + 1)
        self.exceeded = False

    def spend(self, now_ms: int) -> None:
        """Count one message; `exceeded` stays True once it was."""
        self._times.append(now_ms)
        full = len(self._times) == self._times.maxlen
        self.exceeded = self.exceeded or (full and now_ms - self._times[0] < self._per_ms)
