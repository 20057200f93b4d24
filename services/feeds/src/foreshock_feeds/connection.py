"""One socket of a route, from its opening to its end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from foreshock_feeds.conversation import Conversation
from foreshock_feeds.domain.attempts import NS, AttemptLimit
from foreshock_feeds.domain.backlog import Backlog, Frame
from foreshock_feeds.pacing import turn
from foreshock_feeds.reader import OpenSocket, Socket, SocketLost
from foreshock_runtime.clock import monotonic_ns
from foreshock_sdk.connector import Limits

WATCH_SECONDS = 0.25
SLEPT_NS = 1_000_000_000
"""A watch so much overdue means that this process was stopped, not that the venue was silent."""


class Connection:
    """Waits for its turn, connects, subscribes, and feeds its conversation until one side ends it.

    connects is shared by all sockets of the venue; limits are what the venue allows on one. outbound holds what is to
    be said beside subscriptions and heartbeats; age is the number of seconds after which another should follow.

    proven  set when the canary was seen after all was said
    due     set when another connection should take over: age, the venue's farewell, other channels
    task    returns why the connection ended; raises SocketLost when there was none, or what the plugin raised
    """

    def __init__(  # noqa: PLR0913 - what it works with, by name
        self,
        conversation: Conversation,
        open_socket: OpenSocket,
        *,
        connects: AttemptLimit,
        limits: Limits,
        age: float,
        outbound: Backlog,
    ) -> None:
        self.conversation = conversation
        self.outbound = outbound
        self.proven = asyncio.Event()
        self.due = asyncio.Event()
        self.opened_at = 0
        """When the socket was open, steady clock, ns; 0 before."""
        self._age = age
        self._open = open_socket
        self._connects = connects
        self._pace = AttemptLimit.per_second(limits.messages_per_second)
        self._waiting = deque(conversation.route.subscribe)
        self._subscribing = True
        """Whether a subscription is next: the first words on a socket, then in turns with all else."""
        self._beat: str | None = None
        self._wake = asyncio.Event()
        self.task = asyncio.create_task(self._run())

    @property
    def lived_ns(self) -> int:
        """For how long it has been open, 0 if it is not yet."""
        return monotonic_ns() - self.opened_at if self.opened_at else 0

    def say(self, frames: Sequence[Frame]) -> None:
        """Send these as soon as the venue's rate allows."""
        self.outbound.put(frames)
        self._wake.set()

    async def end(self) -> None:
        """Close the socket, at once if it is not open."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def _run(self) -> str:
        conversation = self.conversation
        conversation.prepare()
        await turn(self._connects)
        async with self._open(conversation.route.url, conversation.heartbeat, self._heard) as socket:
            self.opened_at = monotonic_ns()
            conversation.opened()
            return await self._until_end(socket)

    async def _until_end(self, socket: Socket) -> str:
        speaking = asyncio.create_task(self._speak(socket))
        watching = asyncio.create_task(self._watch())
        closed = asyncio.create_task(socket.closed())
        tasks = (speaking, watching, closed)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if speaking.done() and isinstance(speaking.exception(), SocketLost):
                return await closed  # what came before the loss is still read
            return next(task for task in (closed, watching, speaking) if task.done()).result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _heard(self, frames: Sequence[bytes | str], recv_ns: Sequence[int]) -> None:
        answers = self.conversation.heard(frames, recv_ns)
        if answers:
            self.say(answers)
        if self.conversation.proven:
            self.proven.set()

    async def _speak(self, socket: Socket) -> str:
        """Say the subscriptions and, between them, whatever else there is to say."""
        if not self._waiting:
            self.conversation.all_said()
        while True:
            frame = self._next()
            if frame is None:
                await self._wake.wait()
                self._wake.clear()
                continue
            await turn(self._pace)
            await socket.send(frame)
            self._said(frame)

    def _next(self) -> Frame | None:
        other = self._beat or self.outbound.first()
        if self._waiting and (other is None or self._subscribing):
            return self._waiting[0]
        return other

    def _said(self, frame: Frame) -> None:
        subscription = bool(self._waiting) and self._waiting[0] is frame
        self._subscribing = not subscription  # in turns: neither may keep the other waiting for ever
        if subscription:
            self._waiting.popleft()
            if not self._waiting:
                self.conversation.all_said()
        elif self._beat is frame:
            self._beat = None
        else:
            self.outbound.said(frame)

    async def _watch(self) -> str:
        """Send heartbeats and ask for a successor when they are due; return why the connection should be given up."""
        conversation, before = self.conversation, monotonic_ns()
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            now = monotonic_ns()
            late, before = now - before - int(WATCH_SECONDS * NS), now
            if late > SLEPT_NS:
                conversation.slept(late)
            reason = conversation.dead_for(now)
            if reason is not None:
                return reason
            if conversation.closing or self.lived_ns > self._age * NS:
                self.due.set()
            beat = conversation.heartbeat_due(now)
            if beat is not None:
                self._beat = beat
                self._wake.set()
