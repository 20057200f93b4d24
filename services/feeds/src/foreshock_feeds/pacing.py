"""Waiting for one's turn."""

from __future__ import annotations

import asyncio

from foreshock_feeds.domain.attempts import NS, AttemptLimit
from foreshock_runtime.clock import monotonic_ns


async def turn(limit: AttemptLimit) -> None:
    """Wait for the next place. A bar that came meanwhile means another place, after it."""
    while True:
        await asyncio.sleep(limit.wait_ns(monotonic_ns()) / NS)
        if not limit.barred_ns(monotonic_ns()):
            return
