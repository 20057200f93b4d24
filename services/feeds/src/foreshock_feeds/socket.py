"""One route's socket, kept alive for as long as the service runs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from foreshock_feeds.domain.attempts import NS, AttemptLimit
from foreshock_feeds.domain.route_state import RouteInput
from foreshock_feeds.reader import OpenSocket, Socket, SocketLost
from foreshock_feeds.session import RouteSession
from foreshock_runtime.backoff import Backoff
from foreshock_runtime.clock import monotonic_ns
from foreshock_runtime.log import get_logger
from foreshock_sdk.connector import Limits
from foreshock_sdk.errors import Fatal

STABLE_NS = 10_000_000_000
"""A connection that lived so long was a success: the next failure starts the backoff anew."""
FIRST_RETRY_SECONDS = 0.25
LONGEST_RETRY_SECONDS = 30.0
ROTATE_AT = (0.9, 0.98)
"""Shares of the age at which the venue closes a socket: between them it is replaced, not all at the same time."""
WATCH_SECONDS = 0.25
SLEPT_NS = 1_000_000_000
"""A watch so much overdue means that this process was stopped, not that the venue was silent."""
log = get_logger("feeds")


class RouteSocket:
    """Connects, subscribes, feeds the session, and starts again after every loss.

    connects is shared by all routes of the venue; limits are what the venue allows on a socket.
    """

    def __init__(
        self, session: RouteSession, open_socket: OpenSocket, *, connects: AttemptLimit, limits: Limits
    ) -> None:
        self.session = session
        self.reconnects = 0
        self._open = open_socket
        self._connects = connects
        self._limits = limits

    async def run(self) -> None:
        """Serve the route; to be cancelled. Returns only when the plugin says that it cannot go on."""
        backoff = Backoff(FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS)
        while True:
            await asyncio.sleep(self._connects.wait_ns(monotonic_ns()) / NS)
            started = monotonic_ns()
            try:
                reason = await self._connection()
                self.session.happened(RouteInput.CLOSED, reason)
            except Exception as error:  # a plugin is foreign code: its route suffers, the others go on
                reason = self.session.failed(error)
                log.exception("route_failed", route=self.session.name)
                if isinstance(error, Fatal):
                    return
            self.reconnects += 1
            if monotonic_ns() - started > STABLE_NS:
                backoff.reset()
            delay = backoff.next()
            log.info("route_lost", route=self.session.name, reason=reason, retry_in=round(delay, 2))
            await asyncio.sleep(delay)

    async def _connection(self) -> str:
        session = self.session
        try:
            async with self._open(session.route.url, session.route.heartbeat, session.heard) as socket:
                talking = asyncio.create_task(self._talk(socket, session.opened()))
                closed = asyncio.create_task(socket.closed())
                try:
                    await asyncio.wait((talking, closed), return_when=asyncio.FIRST_COMPLETED)
                    if talking.done() and isinstance(talking.exception(), SocketLost):
                        return await closed  # what came before the loss is still read
                    return (closed if closed.done() else talking).result()
                finally:
                    talking.cancel()
                    closed.cancel()
                    await asyncio.gather(talking, closed, return_exceptions=True)
        except SocketLost as error:
            return str(error)

    async def _talk(self, socket: Socket, subscribe: Sequence[str]) -> str:
        """Say what the venue must hear; return why the connection should be given up."""
        pace = AttemptLimit(int(self._limits.messages_per_second), 1.0)
        age = self._limits.max_age * random.uniform(*ROTATE_AT)  # noqa: S311 - spreads reconnects
        rotate_at = monotonic_ns() + int(age * NS)
        for frame in subscribe:
            await asyncio.sleep(pace.wait_ns(monotonic_ns()) / NS)
            await socket.send(frame)
        before = monotonic_ns()
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            now = monotonic_ns()
            late, before = now - before - int(WATCH_SECONDS * NS), now
            if late > SLEPT_NS:
                self.session.slept(late)
            reason = self.session.dead_for(now)
            if reason is not None:
                return reason
            if now > rotate_at:
                return f"replaced after {age:.0f} s, before the venue closes it"
            beat = self.session.heartbeat(now)
            if beat is not None:
                await socket.send(beat)
