"""How long to wait before trying again."""

from __future__ import annotations

import asyncio
import random


class Backoff:
    """Exponential backoff with jitter, capped, never shorter than its first step (so no loop can spin).

    first and cap are seconds. `reset()` after a success.
    """

    def __init__(self, first: float = 0.05, cap: float = 5.0) -> None:
        self._first = first
        self._cap = cap
        self._failures = 0

    @property
    def failures(self) -> int:
        """Failures since the last reset."""
        return self._failures

    def reset(self) -> None:
        """Forget earlier failures."""
        self._failures = 0

    def next(self) -> float:
        """Count one more failure and return the seconds to wait."""
        self._failures += 1
        ceiling = min(self._cap, self._first * 2.0 ** min(self._failures, 32))
        return random.uniform(self._first, max(self._first, ceiling))  # noqa: S311 - spreads retries, keeps no secret

    async def wait(self, stop: asyncio.Event | None = None) -> None:
        """Count one more failure and sleep; a set `stop` ends the sleep at once."""
        delay = self.next()
        if stop is None:
            await asyncio.sleep(delay)
        else:
            await wait_for_event(stop, delay)


async def wait_for_event(event: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set or the seconds are over. Returns whether it is set."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return event.is_set()
    return True
