"""One route's socket, kept alive for as long as the service runs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from foreshock_feeds.domain.backoff import full_jitter
from foreshock_feeds.domain.route_state import RouteInput
from foreshock_feeds.reader import OpenSocket, SocketLost
from foreshock_feeds.session import RouteSession
from foreshock_runtime.clock import monotonic_ns
from foreshock_runtime.log import get_logger

STABLE_NS = 10_000_000_000
"""A connection that lived so long was a success: the next failure starts the backoff anew."""
WATCH_SECONDS = 0.25
log = get_logger("feeds")


class RouteSocket:
    """Connects, subscribes, feeds the session, and starts again after every loss."""

    def __init__(self, session: RouteSession, open_socket: OpenSocket) -> None:
        self.session = session
        self.reconnects = 0
        self._open = open_socket

    async def run(self) -> None:
        """Serve the route for ever; to be cancelled."""
        attempt = 0
        while True:
            started = monotonic_ns()
            reason = await self._connection()
            self.session.happened(RouteInput.CLOSED, reason)
            self.reconnects += 1
            attempt = 1 if monotonic_ns() - started > STABLE_NS else attempt + 1
            delay = full_jitter(attempt, random.random())  # noqa: S311 - spreads reconnects
            log.info("route_lost", route=self.session.name, reason=reason, retry_in=round(delay, 2))
            await asyncio.sleep(delay)

    async def _connection(self) -> str:
        session = self.session
        try:
            async with self._open(session.route.url, session.route.heartbeat, session.heard) as socket:
                for frame in session.opened():
                    await socket.send(frame)
                watch = asyncio.create_task(self._watch(socket.send))
                closed = asyncio.create_task(socket.closed())
                try:
                    done, _ = await asyncio.wait((watch, closed), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    watch.cancel()
                    closed.cancel()
                    await asyncio.gather(watch, closed, return_exceptions=True)
                return next(iter(done)).result()
        except SocketLost as error:
            return str(error)

    async def _watch(self, send: Callable[[str], Awaitable[None]]) -> str:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            now = monotonic_ns()
            reason = self.session.dead_for(now)
            if reason is not None:
                return reason
            beat = self.session.heartbeat(now)
            if beat is not None:
                await send(beat)
