"""A connection of one's own: what is sent a thousand times a second goes past the client's pool."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ResponseError

from foreshock_runtime.connection import raise_if_cancelled


class Line:
    """One command at a time on one connection, with the limits of the client it is made from; replies as they come.

    It connects on first use, and again after any trouble: a reply that nobody waited for would answer the next command.
    """

    def __init__(self, redis: Redis) -> None:
        self._pool = redis.connection_pool
        self._connection: AbstractConnection | None = None

    async def execute_command(self, *args: Any) -> Any:
        """Send a command and return its reply. Raises what redis-py raises."""
        try:
            connection = self._connection or await self._open()
            await connection.send_packed_command(connection.pack_command(*args), check_health=False)
            return await connection.read_response()
        except ResponseError:
            raise
        except BaseException:
            await self.close()
            raise
        finally:
            raise_if_cancelled()

    async def close(self) -> None:
        """Hang up; the next command connects again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)

    async def _open(self) -> AbstractConnection:
        connection: AbstractConnection = self._pool.make_connection()
        await connection.connect()
        self._connection = connection
        return connection
