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


def ladder(price: float, size: float, *, upwards: bool, levels: int = 20) -> list[tuple[float, float]]:
    """Return one side of a book, best first: `levels` (2 or more) prices, to a little more than 1 % beyond the best."""
    step = (0.011 if upwards else -0.011) / (levels - 1)
    return [(price * (1 + step * level), size * (1 + level)) for level in range(levels)]
