"""What a venue pushes on no socket: asked from its REST, heard like a frame."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from tests.integration.feeds_house import PATIENCE, entries, feeding, market, until

from foreshock_feeds.polling import polling
from foreshock_feeds.reader import Heard
from foreshock_feeds.rest import VenueRest
from foreshock_lab.venue_rest import VenueRest as HouseRest
from foreshock_model.batch import decode
from foreshock_runtime.clock import SystemClock
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_sdk import Canary, ContextField, Heartbeat, Poll, RestReply, RestRequest, Route, SimContext


async def test_open_interest_of_a_venue_without_a_stream_of_it_arrives(
    redis: Redis, redis_server: EmbeddedServer
) -> None:
    """And a REST that refuses what it does not know stops neither the route nor the other polls."""
    async with market("binance") as place:
        now_ms = SystemClock().now() // 1_000_000
        told = SimContext("ETHUSDT", ContextField.OPEN_INTEREST, 8123.5, now_ms)
        place.host.venues["binance"].script.context([told], now_ms)
        async with feeding(redis_server.url, place):

            async def interest() -> list[float]:
                batches = [decode(entry.data) for entry in await entries(redis) if entry.kind == "batch"]
                return [
                    value
                    for batch in batches
                    for field, value in zip(batch.context["field"], batch.context["value"], strict=True)
                    if field == ContextField.OPEN_INTEREST
                ]

            async def arrived() -> bool:
                return 8123.5 in await interest()

            assert await until(arrived)


class Line:
    """A connection that brings nothing."""

    def __init__(self) -> None:
        self.aborted = asyncio.Event()

    async def send(self, frame: str | bytes) -> None:
        raise AssertionError(frame)

    def abort(self) -> None:
        self.aborted.set()

    async def closed(self) -> str:
        await self.aborted.wait()
        return "aborted"


async def test_an_answer_that_breaks_the_plugin_ends_the_connection_as_a_frame_would() -> None:
    line, told = Line(), list[bytes | str]()

    @asynccontextmanager
    async def opened(url: str, heartbeat: Heartbeat, heard: Heard) -> AsyncIterator[Line]:
        yield line

    def breaks(frames: Sequence[bytes | str], _: Sequence[int]) -> None:
        told.extend(frames)
        if len(told) > 1:
            raise RuntimeError("broken")

    async with HouseRest(lambda _path, _body: RestReply(200, b"7")) as venue:
        request = RestRequest(name="seven", url=f"http://127.0.0.1:{venue.port}/seven")
        polls = (Poll(request=request, every=0.01),)
        route = Route(
            name="a-0",
            url="ws://x",
            subscribe=(),
            channels=("a",),
            heartbeat=Heartbeat(),
            canary=Canary("a"),
            polls=polls,
        )
        opening = polling(opened, route, VenueRest("a", 1_000.0), SystemClock())
        async with asyncio.timeout(PATIENCE), opening(route.url, route.heartbeat, breaks) as socket:
            assert await socket.closed() == "aborted"
    assert told == [b"7", b"7"]
