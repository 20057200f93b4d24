"""One client of a simulated venue: what it says goes to the script, what it is sent into the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from foreshock_lab.domain.ledger import Ledger
from foreshock_lab.polling import until
from foreshock_runtime.clock import Clock
from foreshock_runtime.log import get_logger
from foreshock_sdk.simulation import Push, ScriptSession

NS_PER_MS = 1_000_000
QUEUE_FRAMES = 100_000
"""A client that lags by so many frames is cut, as venues do."""
REPLAY_AHEAD = 256
"""A replay waits when so many frames are still to be written."""
SETTLE_SECONDS = 0.05
log = get_logger("lab")


class Outgoing(NamedTuple):
    """A frame on its way, and the ledger rows it carries."""

    frame: str | bytes
    rows: Sequence[Hashable] = ()


Greet = Callable[["VenueSocket", Push], None]
Replied = Callable[[str | bytes], None]


class VenueSocket:
    """Serves one connection until either side closes it."""

    def __init__(
        self,
        path: str,
        connection: ServerConnection,
        session: ScriptSession,
        *,
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self.path = path
        self.received = 0
        self._connection = connection
        self._session = session
        self._ledger = ledger
        self._clock = clock
        self._queue: asyncio.Queue[Outgoing] = asyncio.Queue(QUEUE_FRAMES)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._unwritten = 0
        self._gone = False

    async def serve(self, greet: Greet, replied: Replied) -> None:
        """Answer the client and write what is pushed; greet is given each greeting, replied each answer."""
        writer = asyncio.create_task(self._write())
        try:
            async for frame in self._connection:
                self.received += 1
                now_ms = self._clock.now() // NS_PER_MS
                for reply in self._session.receive(frame, now_ms):
                    replied(reply)
                    self.put(Outgoing(reply))
                for push in self._session.greeting(now_ms):
                    greet(self, push)
        except ConnectionClosed:
            pass  # how clients leave: some without a goodbye
        finally:
            self._gone = True
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    def wants(self, push: Push) -> bool:
        """Tell whether this client subscribed to the channel."""
        return self._session.subscribed(push.channel)

    def overdue(self) -> bool:
        """Tell whether the venue would cut this client now."""
        return self._session.overdue(self._clock.now() // NS_PER_MS)

    def put(self, outgoing: Outgoing) -> None:
        """Queue a frame; a client that reads too slowly is cut."""
        try:
            self._queue.put_nowait(outgoing)
            self._unwritten += 1
        except asyncio.QueueFull:
            log.warning("slow_client_cut", path=self.path, frames=QUEUE_FRAMES)
            self.abort()

    async def put_waiting(self, outgoing: Outgoing) -> None:
        """Queue a frame, waiting for the client to take the earlier ones."""
        await until(lambda: self._gone or self._queue.qsize() < REPLAY_AHEAD, every=0.001)
        self.put(outgoing)

    async def written(self) -> None:
        """Return when everything queued has been written, or the client has gone."""
        await until(lambda: self._gone or not self._unwritten)

    def stall(self) -> None:
        """Stop writing; the connection stays."""
        self._flowing.clear()

    def resume(self) -> None:
        """Write again."""
        self._flowing.set()

    async def cut(self) -> None:
        """Break the connection without a goodbye, at a moment when the client has all that was written."""
        self.stall()
        try:
            await asyncio.sleep(SETTLE_SECONDS)  # for a frame that was on its way already
            await (await self._connection.ping())
        except ConnectionClosed:
            return
        self.abort()

    def abort(self) -> None:
        """Break the connection now; what was written and not yet read is lost."""
        self._connection.transport.abort()

    async def _write(self) -> None:
        while True:
            outgoing = await self._queue.get()
            await self._flowing.wait()
            await self._connection.send(outgoing.frame)
            self._ledger.wrote(outgoing.rows, self._clock.now())
            self._unwritten -= 1
