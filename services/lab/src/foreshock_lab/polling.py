"""Wait for something that nobody announces: another process's state, a queue's end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

POLL_SECONDS = 0.02


async def until(holds: Callable[[], bool], *, every: float = POLL_SECONDS) -> None:
    """Return when it holds; look again every so many seconds. Bound it with `asyncio.timeout`."""
    while not holds():  # noqa: ASYNC110 - what is waited for is not ours to set an event
        await asyncio.sleep(every)


async def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Wait for it, no longer than so many seconds; tell whether it holds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await until(holds)
    return holds()


async def holds_within(holds: Callable[[], Awaitable[bool]], seconds: float, *, every: float = 0.05) -> bool:
    """Tell whether it came to hold within so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not await holds():  # noqa: ASYNC110 - likewise
                await asyncio.sleep(every)
            return True
    return False
