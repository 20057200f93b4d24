"""A bad line does what it says and no more: to bytes on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import pytest

from foreshock_lab.fault_proxy import FaultProxy, Link, Refusal
from foreshock_lab.polling import within
from foreshock_lab.venue_rest import HOST

WORDS = b"twelve bytes"
SILENCE = 0.15


class Client(NamedTuple):
    """One connection through the proxy to a server that says everything back."""

    proxy: FaultProxy
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def link(self) -> Link:
        return next(iter(self.proxy.links))

    async def hears(self, number: int = len(WORDS)) -> bytes:
        return await self.reader.readexactly(number)

    async def hears_nothing(self) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SILENCE):
                await self.reader.read(1)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def connected() -> AsyncIterator[Client]:
    server = await asyncio.start_server(echo, HOST, 0)
    async with asyncio.timeout(20), server, FaultProxy(server.sockets[0].getsockname()[1]) as proxy:
        client = Client(proxy, *await asyncio.open_connection(HOST, proxy.port))
        client.writer.write(WORDS)
        assert await client.hears() == WORDS
        try:
            yield client
        finally:
            client.writer.close()


async def test_an_end_is_passed_on_like_everything_else() -> None:
    async with connected() as client:
        client.writer.write_eof()
        assert await client.reader.read() == b""


async def test_a_cut_leaves_out_the_last_bytes() -> None:
    async with connected() as client:
        client.proxy.cut(3)
        client.writer.write(WORDS)
        assert await client.hears(len(WORDS) - 3) == WORDS[:-3]
        with suppress(ConnectionResetError):
            assert await client.reader.read() == b""


async def test_what_is_held_comes_when_it_is_released() -> None:
    async with connected() as client:
        client.link.hold()
        client.writer.write(WORDS)
        await client.hears_nothing()
        client.link.release()
        assert await client.hears() == WORDS


async def test_of_a_lost_connection_neither_end_hears_again() -> None:
    async with connected() as client:
        client.proxy.each(Link.lose)
        client.link.release()
        client.writer.write(WORDS)
        client.writer.write_eof()
        await client.hears_nothing()
        assert client.link.lost


async def test_dripping_changes_nothing_but_the_time() -> None:
    async with connected() as client:
        client.link.dripping = True
        client.writer.write(WORDS * 20)
        assert await client.hears(len(WORDS) * 20) == WORDS * 20


async def test_an_aborted_connection_is_gone_at_both_ends() -> None:
    async with connected() as client:
        client.link.abort()
        with suppress(ConnectionResetError):
            assert await client.reader.read() == b""
        assert await within(5, lambda: not client.proxy.links)


async def test_a_new_connection_is_refused_in_words_and_old_ones_go_on() -> None:
    async with connected() as client:
        client.proxy.refusal = Refusal(429, 7)
        reader, writer = await asyncio.open_connection(HOST, client.proxy.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        head = (await reader.read()).decode().split("\r\n")
        assert head[0] == "HTTP/1.1 429 Too Many Requests"
        assert "Retry-After: 7" in head
        writer.close()
        assert client.proxy.refused == 1
        client.writer.write(WORDS)
        assert await client.hears() == WORDS
    assert b"Retry-After" not in Refusal(503).worded()


def test_a_proxy_has_no_port_before_it_is_started() -> None:
    with pytest.raises(RuntimeError, match="not started"):
        _ = FaultProxy(1).port
