"""REST of the simulated venues on a loopback port of its own: GET and POST, one answer a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Self

from foreshock_sdk.simulation import RestReply

HOST = "127.0.0.1"
BODY_LIMIT = 2**20
SECONDS = 10.0
"""For a request to come whole."""

Answer = Callable[[str, bytes], RestReply | None]
"""From a target (path and query) and a body; None for an unknown path."""


class VenueRest:
    """Serves `answer`; an async context manager. port: 0 before it is started."""

    def __init__(self, answer: Answer) -> None:
        self.port = 0
        self._answer = answer
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, HOST, 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(SECONDS):
                writer.write(await self._reply(reader))
                await writer.drain()
        writer.close()

    async def _reply(self, reader: asyncio.StreamReader) -> bytes:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, _, rest = head[0].partition(" ")
        if method not in {"GET", "POST"}:
            return _worded(RestReply(405, b"GET or POST\n", "text/plain"))
        body = await reader.readexactly(_length(head[1:]))
        reply = self._answer(rest.rpartition(" ")[0], body)
        return _worded(reply or RestReply(404, b"no such path\n", "text/plain"))


def _length(headers: list[str]) -> int:
    """Return the Content-Length that a client of ours may send, 0 without one."""
    for header in headers:
        name, _, value = header.partition(":")
        if name.lower() == "content-length" and value.strip().isdigit():
            return min(int(value), BODY_LIMIT)
    return 0


def _worded(reply: RestReply) -> bytes:
    lines = (
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}",
        f"Content-Type: {reply.content_type}",
        f"Content-Length: {len(reply.body)}",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode() + reply.body
