"""One route's socket, kept alive for as long as the service runs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from foreshock_feeds.connection import Connection
from foreshock_feeds.conversation import Conversation, DecoderTooSlow
from foreshock_feeds.domain.attempts import NS, AttemptLimit
from foreshock_feeds.domain.backlog import Backlog, Frame
from foreshock_feeds.domain.policy import POLICIES, Retry
from foreshock_feeds.domain.refusal import pause_asked
from foreshock_feeds.domain.route_state import RouteInput
from foreshock_feeds.reader import OpenSocket, SocketLost
from foreshock_feeds.session import RouteSession
from foreshock_runtime.clock import SystemClock, monotonic_ns
from foreshock_runtime.log import get_logger
from foreshock_sdk.connector import Limits, Route
from foreshock_sdk.errors import Fatal

ROTATE_AT = (0.9, 0.98)
"""Shares of the age at which the venue closes a socket: between them it is replaced, not all at the same time."""
OVERLAP_SECONDS = 2.0
"""The old socket is read on for so long after the new one is proven: what was on its way arrives."""
SLOW_SECONDS = 60.0
"""A route whose decoder is too slow is left alone for so long."""
log = get_logger("feeds")

Chance = Callable[[], float]


class _End(NamedTuple):
    """Why a connection ended; pause: seconds that must pass before another, None: as the policy says."""

    reason: str
    pause: float | None = None
    final: bool = False


class RouteSocket:
    """Connects, subscribes, feeds the session, and starts again after every loss.

    A connection that is due goes when another has proven itself beside it: nothing is missed, and what both bring
    counts once. opening: how a socket is opened, by the route's name and what is asked there. connects is shared by all
    routes of the venue; limits are what the venue allows on a socket.

    reconnects  how often the route was lost
    rotations   how often a connection took over from one that was due
    refused     how often the venue would not have another connection
    """

    def __init__(
        self,
        session: RouteSession,
        opening: Callable[[str, Route], OpenSocket],
        *,
        connects: AttemptLimit,
        limits: Limits,
        chance: Chance = random.random,
    ) -> None:
        self.session = session
        self.reconnects = 0
        self.rotations = 0
        self.refused = 0
        self._opening = opening
        self._connects = connects
        self._limits = limits
        self._chance = chance
        self._retry = self._new_retry()
        self._replacing = self._new_retry()
        self._outbound = Backlog()
        self._connections: list[Connection] = []

    @property
    def outbound_dropped(self) -> int:
        """Frames to be said that had to go because 1,000 newer ones waited."""
        return self._outbound.dropped

    def send(self, frame: Frame) -> None:
        """Send a frame: now, or once the route is connected again.

        It passes through the queue of a decoder's answers. Subscriptions do not: each connection says them anew.
        """
        self._outbound.put((frame,))
        for connection in self._connections:
            connection.say(())

    def change(self, route: Route) -> None:
        """Ask for other channels, on another connection; the present one goes on until that is proven."""
        self.session.route = route
        for connection in self._connections:
            connection.due.set()

    async def run(self) -> None:
        """Serve the route; to be cancelled. Returns only when the plugin says that it cannot go on."""
        try:
            while True:
                pause = await self._once()
                if pause is None:
                    return
                await asyncio.sleep(pause)
        finally:
            await asyncio.gather(*(connection.end() for connection in self._connections))
            self._connections.clear()

    async def _once(self) -> float | None:
        """Serve until no connection is left; return the seconds to wait before the next, None: there is none."""
        connection = self._connect(self._outbound)
        while not connection.task.done():
            await _first(connection.task, connection.due.wait())
            if not connection.task.done():
                connection = await self._replace(connection)
        end, lived = self._ended(connection), connection.lived_ns
        if end.final:
            return None
        self.reconnects += 1
        pause = self._retry.after(lived)
        if self._retry.open:
            self.session.happened(RouteInput.FAILED, f"{self._retry.failures} attempts in a row failed: {end.reason}")
        pause = pause if end.pause is None else end.pause
        log.info("route_lost", route=self.session.name, reason=end.reason, retry_in=round(pause, 2))
        return pause

    async def _replace(self, old: Connection) -> Connection:
        """Open another connection beside this one; return the one that is left."""
        new = self._connect(Backlog())
        await _first(old.task, new.task, new.proven.wait())
        if not (old.task.done() or new.task.done()):
            await asyncio.wait((old.task, new.task), timeout=OVERLAP_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if old.task.done():
            return self._inherit(old, new)
        if new.task.done() or (new.conversation.refusal and not old.conversation.refusal):
            await self._give_up(new, old)
            return old
        log.info("route_replaced", route=self.session.name, age=round(old.lived_ns / NS))
        self.session.handed_over(new.conversation)
        self._take_over(new)
        await old.end()
        self._connections.remove(old)
        self.rotations += 1
        self._replacing = self._new_retry()
        return new

    def _inherit(self, old: Connection, new: Connection) -> Connection:
        end = self._ended(old)
        self.reconnects += 1
        log.info("route_lost", route=self.session.name, reason=end.reason, retry_in=0.0)
        self._take_over(new)
        if new.opened_at and not new.task.done():
            self.session.inherited(new.conversation)
        return new

    def _take_over(self, new: Connection) -> None:
        new.outbound.dropped += self._outbound.dropped
        self._outbound = new.outbound

    async def _give_up(self, new: Connection, old: Connection) -> None:
        reason = self._ended(new).reason if new.task.done() else new.conversation.refusal
        await new.end()
        if new in self._connections:
            self._connections.remove(new)
        pause = self._replacing.after(new.lived_ns)
        log.warning("replacement_failed", route=self.session.name, reason=reason, retry_in=round(pause, 2))
        await asyncio.wait((old.task,), timeout=pause)

    def _connect(self, outbound: Backlog) -> Connection:
        first, last = ROTATE_AT
        conversation = Conversation(self.session)
        connection = Connection(
            conversation,
            self._opening(self.session.name, conversation.route),
            connects=self._connects,
            limits=self._limits,
            age=self._limits.max_age * (first + (last - first) * self._chance()),
            outbound=outbound,
        )
        self._connections.append(connection)
        return connection

    def _ended(self, connection: Connection) -> _End:
        """Take the end of a connection: tell the session, and do as the venue asks."""
        self._connections.remove(connection)
        error = connection.task.exception()
        if error is None or isinstance(error, SocketLost):
            reason = connection.task.result() if error is None else str(error)
            if isinstance(error, SocketLost):
                self._obey(error)
            self.session.lost(connection.conversation, reason)
            return _End(reason)
        if not isinstance(error, Exception):
            raise error
        # A plugin is foreign code: its route suffers, the others go on.
        log.error("route_failed", route=self.session.name, exc_info=error)
        reason = f"{type(error).__name__}: {error}"
        if self.session.present in {None, connection.conversation}:
            self.session.failed(error)
        return _End(reason, SLOW_SECONDS if isinstance(error, DecoderTooSlow) else None, isinstance(error, Fatal))

    def _obey(self, lost: SocketLost) -> None:
        pause = pause_asked(lost.status, lost.retry_after, SystemClock().now())
        if pause is not None:
            self.refused += 1
            self._connects.bar(monotonic_ns() + int(pause * NS))
            log.warning("connection_refused", route=self.session.name, status=lost.status, pause=pause)

    def _new_retry(self) -> Retry:
        return Retry(POLICIES[self.session.route.purpose], self._chance)


async def _first(*waited: asyncio.Task[Any] | Coroutine[Any, Any, Any]) -> None:
    """Wait until the first is done; coroutines among them are given up then, tasks go on."""
    mine = [asyncio.create_task(each) for each in waited if not isinstance(each, asyncio.Task)]
    tasks = [each for each in waited if isinstance(each, asyncio.Task)]
    try:
        await asyncio.wait((*tasks, *mine), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in mine:
            task.cancel()
