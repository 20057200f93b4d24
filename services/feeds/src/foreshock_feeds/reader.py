"""The seam between a route and the websocket library that reads it.

`websockets` is the default: the friendliest. A faster one (`fast_reader`) has the same shape.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException

from foreshock_feeds.flow import Flow
from foreshock_runtime.clock import Clock
from foreshock_sdk.connector import Heartbeat

OPEN_SECONDS = 10.0
CLOSE_SECONDS = 1.0
FRAME_LIMIT = 8 * 2**20
"""Bytes of one frame: venues' snapshots stay far below."""
QUEUE_FRAMES = 4_000
HEARD_FRAMES = 1_000
"""Frames heard together at most: what a burst brings in one read, all at once, would not fit the processor's caches."""
STAMPED_FRAMES = 16
"""Frames of a burst that share a look at the clock: taking them in lasts some microseconds."""

Heard = Callable[[Sequence[bytes | str], Sequence[int]], None]


class SocketLost(Exception):  # noqa: N818 - what happened, in the words of the log
    """The connection could not be made or is gone; the message says why.

    status and retry_after are what the venue answered instead of opening it, 0 and None if it said nothing.
    """

    def __init__(self, reason: str, status: int = 0, retry_after: str | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.retry_after = retry_after


class Socket(Protocol):
    """An open connection."""

    async def send(self, frame: str | bytes) -> None:
        """Send one text frame. Raises SocketLost."""
        ...

    def abort(self) -> None:
        """End the connection at once."""
        ...

    async def closed(self) -> str:
        """Wait until the connection ends; return why. What `heard` raised is raised here."""
        ...


class OpenSocket(Protocol):
    """Opens a connection whose frames go to `heard`, in order and in batches, with receive times (ns UTC)."""

    def __call__(self, url: str, heartbeat: Heartbeat, heard: Heard) -> AbstractAsyncContextManager[Socket]:
        """Open; raises SocketLost on entering."""
        ...


class Gatherer:
    """Gathers the frames that one read of the socket brought, so that they are heard together.

    failure: what hearing raised. The connection ends then, and frames that were read with those are not heard.
    """

    def __init__(self, heard: Heard, clock: Clock) -> None:
        self.failure: BaseException | None = None
        self._heard = heard
        self._now = clock.now
        self._loop = asyncio.get_running_loop()
        self._frames: list[bytes | str] = []
        self._received = array("q")

    def add(self, frame: bytes, socket: Socket) -> None:
        """Take one frame of this socket."""
        frames = self._frames
        number = len(frames)
        if not number % STAMPED_FRAMES:
            if not number:
                self._loop.call_soon(self._flush, socket)
            self._received.extend((self._now(),) * STAMPED_FRAMES)
        frames.append(frame)
        if number == HEARD_FRAMES - 1:
            self._flush(socket)

    def _flush(self, socket: Socket) -> None:
        frames, received = self._frames, self._received
        if self.failure is not None or not frames:
            return
        self._frames, self._received = [], array("q")
        del received[len(frames) :]
        try:
            self._heard(frames, received)
        except Exception as error:  # noqa: BLE001 - raised where the connection is awaited
            self.failure = error
            socket.abort()


class WebsocketsReader:
    """`OpenSocket` by the websockets library."""

    def __init__(self, clock: Clock, flow: Flow) -> None:
        self._clock = clock
        self._flow = flow

    @asynccontextmanager
    async def __call__(self, url: str, heartbeat: Heartbeat, heard: Heard) -> AsyncIterator[Socket]:
        """Open a connection; frames flow until the context ends."""
        try:
            connection = await connect(
                url,
                open_timeout=OPEN_SECONDS,
                ping_interval=heartbeat.interval,
                ping_timeout=heartbeat.timeout,
                close_timeout=CLOSE_SECONDS,
                max_size=FRAME_LIMIT,
                max_queue=QUEUE_FRAMES,
                compression=None,
            )
        except InvalidStatus as error:
            answer = error.response
            raise SocketLost(
                f"cannot connect: {error}", answer.status_code, answer.headers.get("Retry-After")
            ) from error
        except (OSError, TimeoutError, InvalidURI, WebSocketException) as error:
            raise SocketLost(f"cannot connect: {error}") from error
        socket = _Connection(connection, Gatherer(heard, self._clock))
        self._flow.listen(socket.hold)
        try:
            yield socket
        finally:
            self._flow.forget(socket.hold)
            await connection.close()


class _Connection:
    def __init__(self, connection: ClientConnection, gatherer: Gatherer) -> None:
        self._connection = connection
        self._gatherer = gatherer
        self._free = asyncio.Event()
        self._free.set()

    def hold(self, held: bool) -> None:  # noqa: FBT001 - the one thing it says
        if held:
            self._free.clear()
        else:
            self._free.set()

    async def send(self, frame: str | bytes) -> None:
        try:
            await self._connection.send(frame if isinstance(frame, str) else frame.decode())
        except ConnectionClosed as error:
            raise SocketLost(f"closed: {error}") from error

    def abort(self) -> None:
        self._connection.transport.abort()

    async def closed(self) -> str:
        recv, gatherer, free = self._connection.recv, self._gatherer, self._free
        try:
            while True:
                if not free.is_set():
                    await free.wait()
                gatherer.add(await recv(decode=False), self)
        except ConnectionClosed as error:
            if gatherer.failure is not None:
                raise gatherer.failure from None
            return f"closed: {error}"
