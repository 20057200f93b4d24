"""What a venue pushes on no socket, asked from its REST beside one: the answers are heard like frames."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from foreshock_feeds.reader import Heard, OpenSocket, Socket
from foreshock_feeds.rest import REST_TROUBLE, VenueRest
from foreshock_runtime.clock import Clock
from foreshock_runtime.log import get_logger
from foreshock_sdk.connector import Heartbeat, Poll, Route

log = get_logger("feeds")


def polling(open_socket: OpenSocket, route: Route, rest: VenueRest, clock: Clock) -> OpenSocket:
    """Return a way to open this route's sockets that asks its polls as long as one is open."""

    @asynccontextmanager
    async def opened(url: str, heartbeat: Heartbeat, heard: Heard) -> AsyncIterator[Socket]:
        async with open_socket(url, heartbeat, heard) as socket:

            def hear(body: bytes) -> None:
                try:
                    heard([body], [clock.now()])
                except Exception:
                    socket.abort()  # as after a frame of its own: the route begins anew
                    raise

            tasks = [asyncio.create_task(_ask(poll, rest, hear)) for poll in route.polls]
            try:
                yield socket
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def opening(url: str, heartbeat: Heartbeat, heard: Heard) -> AbstractAsyncContextManager[Socket]:
        return opened(url, heartbeat, heard)

    return opening


async def _ask(poll: Poll, rest: VenueRest, hear: Callable[[bytes], None]) -> None:
    while True:
        try:
            hear(await rest.get(poll.request))
        except REST_TROUBLE as error:
            log.warning("poll_failed", request=poll.request.name, reason=f"{type(error).__name__}: {error}")
        await asyncio.sleep(poll.every)
