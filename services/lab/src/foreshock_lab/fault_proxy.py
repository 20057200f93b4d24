"""A bad line to a venue: a proxy on loopback that cuts, stalls, drips and refuses, for tests of what feeds survives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import NamedTuple, Protocol, Self

from foreshock_lab.venue_rest import HOST

CHUNK = 1 << 16
HEAD_END = b"\r\n\r\n"


class Refusal(NamedTuple):
    """What a new connection is answered instead of being passed on. retry_after: seconds, None: nothing is said."""

    status: int
    retry_after: int | None = None

    def worded(self) -> bytes:
        """Return it as an HTTP answer."""
        asked = [] if self.retry_after is None else [f"Retry-After: {self.retry_after}"]
        head = f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"
        return "\r\n".join((head, *asked, "Content-Length: 0", "Connection: close", "", "")).encode()


class Link:
    """One connection through the proxy, both ways.

    dripping  what comes is passed on byte by byte
    lost      nothing is passed on any more, and neither end is told: a half-open connection
    cut       the next bytes from the venue are passed on but for so many, then both ends are broken; 0: they are not
    """

    def __init__(self, client: _Stream, venue: _Stream) -> None:
        self.dripping = False
        self.lost = False
        self.cut = 0
        self._client = client
        self._venue = venue
        self._flowing = asyncio.Event()
        self._flowing.set()

    def hold(self) -> None:
        """Pass nothing on; it waits."""
        self._flowing.clear()

    def release(self) -> None:
        """Pass on what waited, unless the connection is lost."""
        if not self.lost:
            self._flowing.set()

    def lose(self) -> None:
        """Leave the connection half-open."""
        self.lost = True
        self.hold()

    def abort(self) -> None:
        """Break both ends without a goodbye."""
        for _, writer in (self._client, self._venue):
            writer.transport.abort()

    async def run(self) -> None:
        """Pass on until one end closes."""
        up = asyncio.create_task(self._pass(self._client.reader, self._venue.writer, self._plainly))
        down = asyncio.create_task(self._pass(self._venue.reader, self._client.writer, self._badly))
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
            self.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, how: _Passing) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._flowing.wait()
                await how(writer, data)
            writer.write_eof()
        await self._flowing.wait()  # of a connection that is lost, no end is told either

    async def _plainly(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(data)
        await writer.drain()

    async def _badly(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        if self.cut:
            await self._plainly(writer, data[: -min(self.cut, len(data))])
            raise ConnectionAbortedError("cut in the middle of a frame")
        if self.dripping:
            for at in range(len(data)):
                await self._plainly(writer, data[at : at + 1])
                await asyncio.sleep(0)
            return
        await self._plainly(writer, data)


class _Stream(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class _Passing(Protocol):
    async def __call__(self, writer: asyncio.StreamWriter, data: bytes) -> None: ...


class FaultProxy:
    """Passes connections on to a port of loopback; an async context manager.

    refusal  what new connections are answered, None: they are passed on
    refused  how many were
    links    the connections that are open
    """

    def __init__(self, target: int) -> None:
        self.refusal: Refusal | None = None
        self.refused = 0
        self.links: set[Link] = set()
        self._target = target
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, HOST, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        """Where it listens, once started."""
        if self._server is None:
            raise RuntimeError("the proxy is not started")
        return int(self._server.sockets[0].getsockname()[1])

    def each(self, work: Callable[[Link], None]) -> None:
        """Do something with every open connection."""
        for link in tuple(self.links):
            work(link)

    def cut(self, missing: int) -> None:
        """Cut every connection in the middle of the next frame from the venue: its last bytes never come."""
        for link in self.links:
            link.cut = missing

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(_Stream(reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, client: _Stream) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await (self._pass_on(client) if self.refusal is None else self._refuse(client, self.refusal))
        finally:
            client.writer.close()

    async def _refuse(self, client: _Stream, refusal: Refusal) -> None:
        self.refused += 1
        await client.reader.readuntil(HEAD_END)
        client.writer.write(refusal.worded())
        await client.writer.drain()

    async def _pass_on(self, client: _Stream) -> None:
        link = Link(client, _Stream(*await asyncio.open_connection(HOST, self._target)))
        self.links.add(link)
        try:
            await link.run()
        finally:
            self.links.discard(link)
