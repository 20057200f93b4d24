"""A lease: who may work on something now. It saves work; what keeps answers right is the commit's cursor."""

from __future__ import annotations

import asyncio
import contextlib
import random
import uuid
from collections.abc import AsyncIterator

from redis.asyncio import Redis

from foreshock_runtime.backoff import wait_for_event
from foreshock_runtime.clock import monotonic_ns
from foreshock_runtime.connection import TROUBLE
from foreshock_runtime.streams.scripts import LEASE_RELEASE, LEASE_RENEW, LEASE_TAKE


class Lease:
    """A key with a time to live, held by whoever's token is in it.

    ttl is seconds. `lost` is set as soon as the holder knows that it holds it no longer, at the latest when
    the time to live has passed since the last renewal that was answered. `patience`: a lease that is free is left to
    others for so many seconds.
    """

    def __init__(self, redis: Redis, key: str, ttl: float = 2.0) -> None:
        self._redis = redis
        self._ttl = ttl
        self._good_ns = 0
        self._free_ns = 0
        self.patience = 0.0
        self.key = key
        self.token = uuid.uuid4().hex
        self.lost = asyncio.Event()
        self.lost.set()

    @property
    def held(self) -> bool:
        """Whether this process believes that it holds the lease."""
        return not self.lost.is_set()

    async def acquire(self) -> bool:
        """Try once. Returns whether the lease is held. Raises what redis-py raises."""
        asked = monotonic_ns()
        taken = bool(await LEASE_TAKE(self._redis, [self.key], [self.token, self._ttl_ms]))
        if taken:
            self._good_ns = asked
            self._free_ns = 0
            self.lost.clear()
        else:
            self.lost.set()
        return taken

    async def wait(self, stop: asyncio.Event) -> bool:
        """Try until the lease is held (True) or `stop` is set (False). Raises what redis-py raises."""
        while not stop.is_set():
            if await self._our_turn() and await self.acquire():
                return True
            # Spread the contenders; an eighth of the ttl keeps a takeover short.
            await wait_for_event(stop, self._ttl / 8 * random.uniform(0.5, 1.0))  # noqa: S311 - spreads retries
        return False

    async def _our_turn(self) -> bool:
        """Tell whether it may be asked for: it was ours, or has been free for as long as patience demands."""
        if self.held or self.patience <= 0:
            return True
        now = monotonic_ns()
        if await self._redis.exists(self.key):
            self._free_ns = 0
            return False
        self._free_ns = self._free_ns or now
        return now - self._free_ns >= self.patience * 1e9

    async def renew(self) -> bool:
        """Renew once. Returns whether the lease is still held. Raises what redis-py raises."""
        asked = monotonic_ns()
        if await LEASE_RENEW(self._redis, [self.key], [self.token, self._ttl_ms]):
            self._good_ns = asked
            return True
        self.lost.set()
        return False

    async def release(self) -> None:
        """Give the lease up, so that another takes over at once. A server out of reach lets it run out."""
        self.lost.set()
        with contextlib.suppress(*TROUBLE):
            await LEASE_RELEASE(self._redis, [self.key], [self.token])

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Renew every third of the ttl while the block runs. The block watches `lost`."""
        keeper = asyncio.create_task(self._keep(), name=f"keep {self.key}")
        try:
            yield
        finally:
            keeper.cancel()
            await asyncio.wait([keeper])

    async def _keep(self) -> None:
        while self.held:
            await asyncio.sleep(self._ttl / 3)
            try:
                async with asyncio.timeout(self._ttl):
                    await self.renew()
            except TROUBLE:
                if monotonic_ns() - self._good_ns > self._ttl * 1e9:
                    self.lost.set()

    @property
    def _ttl_ms(self) -> int:
        return max(1, round(self._ttl * 1000))
