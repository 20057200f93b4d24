"""Fixtures shared by all tests: one embedded server a session, emptied before each test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import settings
from redis.asyncio import Redis

from foreshock_runtime.connection import connect_url
from foreshock_runtime.embedded import EmbeddedServer

# Without deadlines: other work on the machine is no fault of the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[EmbeddedServer]:
    """A real server on a unix socket of its own."""
    server = EmbeddedServer()
    asyncio.run(server.start())
    try:
        yield server
    finally:
        asyncio.run(server.stop())


@pytest.fixture
async def redis(redis_server: EmbeddedServer) -> AsyncIterator[Redis]:
    """A client of the emptied server."""
    client = connect_url(redis_server.url)
    await client.execute_command("FLUSHALL")
    await client.execute_command("SCRIPT", "FLUSH")
    try:
        yield client
    finally:
        await client.aclose()
