"""The connection to Redis: bounded, never without a time limit, and honest about its health."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from foreshock_runtime.clock import monotonic_ns
from foreshock_runtime.settings import ServiceSettings

# A blocked read is waited for this long by the server; every socket waits longer than that, and never for
# ever: without a limit a cut connection hangs its reader and says nothing.
BLOCK_MS = 250
SOCKET_SECONDS = 3.0
CONNECT_SECONDS = 2.0
POOL_SIZE = 64
IDLE_CHECK_SECONDS = 15

# What a caller may see while the server is away, restarting, or refuses for now.
TROUBLE = (RedisError, OSError, TimeoutError)


class Client(Redis):
    """A redis-py client that cannot lose a cancellation.

    redis-py writes through `asyncio.wait_for`, which up to Python 3.11 swallows a cancellation that arrives
    together with its result: the task then goes on for ever.
    """

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command and return its reply. Raises what redis-py raises."""
        try:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        finally:
            raise_if_cancelled()


def raise_if_cancelled() -> None:
    """Raise CancelledError when this task was told to end and did not notice."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def connect(settings: ServiceSettings) -> Redis:
    """Return a client for the settings' server; it connects on first use.

    Replies are bytes. Nothing is retried here: the client's own retries turn one `XADD *` into two entries.
    A password in the URL goes before that of the settings.
    """
    options: dict[str, Any] = {}
    if settings.redis_password is not None:
        options["password"] = settings.redis_password.reveal()
    return connect_url(settings.redis_url, **options)


def connect_url(url: str, **options: Any) -> Redis:
    """Return a client for a URL with this package's limits. Options go to the connection."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=POOL_SIZE,
        timeout=SOCKET_SECONDS,
        protocol=2,
        decode_responses=False,
        socket_timeout=SOCKET_SECONDS,
        socket_connect_timeout=CONNECT_SECONDS,
        health_check_interval=IDLE_CHECK_SECONDS,
        retry=Retry(NoBackoff(), 0),
        retry_on_timeout=False,
        **options,
    )
    return Client.from_pool(pool)


class RedisHealth:
    """How long ago the server last answered."""

    def __init__(self, redis: Redis, every_seconds: float = 1.0) -> None:
        self._redis = redis
        self._every = every_seconds
        self._last_good = monotonic_ns()
        self.failures = 0

    def note_good(self) -> None:
        """Say that a read or write just succeeded."""
        self._last_good = monotonic_ns()

    def seconds_since_good(self) -> float:
        """Return the seconds since the last answer (or since this object was made)."""
        return (monotonic_ns() - self._last_good) / 1e9

    async def ping(self) -> bool:
        """Ask once. Returns whether the server answered."""
        try:
            await self._redis.execute_command("PING")
        except TROUBLE:
            self.failures += 1
            return False
        self.note_good()
        return True

    async def run(self) -> None:
        """Ask for ever; to be cancelled."""
        while True:
            await self.ping()
            await asyncio.sleep(self._every)
