"""Many leases of one process, asked for and renewed together: one round trip, however many they are."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from foreshock_runtime.connection import raise_if_cancelled
from foreshock_runtime.streams.scripts import LEASE_RELEASE, LEASE_RENEW, LEASE_TAKE, Script


class Leases:
    """Keys with a time to live, each held by whoever's token is in it; as `Lease`, whose scripts these are.

    ttl is seconds. Who holds one renews it every third of that.
    """

    def __init__(self, redis: Redis, ttl: float = 2.0) -> None:
        self.ttl = ttl
        self._redis = redis
        self._token = uuid.uuid4().hex

    async def take(self, keys: Sequence[str]) -> Mapping[str, bool]:
        """Ask for each. Returns which are held now. Raises what redis-py raises."""
        return await self._ask(LEASE_TAKE, keys, self._token, max(1, round(self.ttl * 1_000)))

    async def renew(self, keys: Sequence[str]) -> Mapping[str, bool]:
        """Renew each. Returns which are still held. Raises what redis-py raises."""
        return await self._ask(LEASE_RENEW, keys, self._token, max(1, round(self.ttl * 1_000)))

    async def release(self, keys: Sequence[str]) -> None:
        """Give each up, so that another may have it at once. Raises what redis-py raises."""
        await self._ask(LEASE_RELEASE, keys, self._token)

    async def _ask(self, script: Script, keys: Sequence[str], *args: str | int) -> dict[str, bool]:
        if not keys:
            return {}
        replies = await self._send(script, keys, args)
        if any(isinstance(reply, NoScriptError) for reply in replies):
            await self._redis.execute_command("SCRIPT LOAD", script.body)
            replies = await self._send(script, keys, args)
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return {key: bool(reply) for key, reply in zip(keys, replies, strict=True)}

    async def _send(self, script: Script, keys: Sequence[str], args: tuple[str | int, ...]) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.execute_command("EVALSHA", script.sha, 1, key, *args)
            replies: list[Any] = await pipe.execute(raise_on_error=False)
        raise_if_cancelled()
        return replies
