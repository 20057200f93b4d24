"""Venues behind bad lines: what can happen to their sockets and REST, on a schedule drawn from a seed."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from tests.integration.feeds_house import Market

from foreshock_feeds.parts import Parts
from foreshock_feeds.settings import EndpointSettings
from foreshock_lab.fault_proxy import FaultProxy, Link, Refusal
from foreshock_lab.polling import within
from foreshock_lab.venue_host import Venue
from foreshock_lab.venue_socket import Outgoing
from foreshock_runtime.settings import ServiceSettings
from foreshock_sdk.connector import Canary, Connector, Endpoints, Route
from foreshock_sdk.instruments import Instruments
from foreshock_sdk.mutation import Dice, damaged

DEADLINE = 1.2
"""Of every canary here: the slowest simulated ones come once a second."""
MAX_AGE = 3.0
"""Seconds after which a socket is replaced."""
SAMPLES = Path(__file__).parents[1] / "unit"
GZIP = b"\x1f\x8b"
MALFORMED = 40
LONGEST_STALL = 2.0
OUTAGE, LONGEST_OUTAGE = 1.2, 5.0
Frame = str | bytes


class Trouble(StrEnum):
    """What happens to a venue's line."""

    CUT = "cut in the middle of a frame"
    HALF_OPEN = "half-open"
    STALL = "stall"
    DRIP = "byte by byte"
    BUSY = "handshakes answered 429"
    BROKEN = "handshakes answered 503"
    NO_REST = "cut, and REST answers 429"
    BAD_REST = "cut, and REST answers 500"
    MALFORMED = "malformed frames"
    AGAIN = "frames twice"


class Quick:
    """A connector whose canaries are awaited for a short time, and whose sockets soon are old."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        changed = {"max_age": MAX_AGE, "connects": 100, "connects_per": 1.0}
        self.limits = msgspec.structs.replace(connector.limits, **changed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def routes(self, instruments: Instruments, symbols: Sequence[str], endpoints: Endpoints) -> list[Route]:
        """Return the connector's routes, less patient."""
        told = self._connector.routes(instruments, symbols, endpoints)
        return [msgspec.structs.replace(each, canary=Canary(each.canary.channel, DEADLINE)) for each in told]


def quickened(find: Callable[[ServiceSettings], Parts]) -> Callable[[ServiceSettings], Parts]:
    """Return feeds' way to find its parts, with quick connectors."""

    def found(settings: ServiceSettings) -> Parts:
        parts = find(settings)
        quick: list[Any] = [Quick(each) for each in parts.connectors]
        return parts._replace(connectors=quick)

    return found


class Line:
    """The way to one venue: two proxies, and what the venue can be made to say."""

    def __init__(self, venue: str, place: Market, sockets: FaultProxy, rest: FaultProxy) -> None:
        self.venue = venue
        self.sockets = sockets
        self.rest = rest
        self._place = place

    @property
    def endpoint(self) -> EndpointSettings:
        """Where feeds finds it."""
        ways = (("ws", self.sockets), ("http", self.rest))
        websocket, rest = (f"{scheme}://127.0.0.1:{proxy.port}/{self.venue}" for scheme, proxy in ways)
        return EndpointSettings(websocket, rest)

    @property
    def house(self) -> Venue:
        """The simulated venue."""
        return self._place.host.venues[self.venue]

    def say(self, frames: Sequence[Frame]) -> None:
        """Send these frames to every client, whatever it asked for."""
        for socket in tuple(self.house.sockets):
            for frame in frames:
                socket.put(Outgoing(frame))

    def again(self) -> None:
        """Send the newest frames once more."""
        self._place.host.push(self.venue, list(self.house.newest))

    async def suffer(self, trouble: Trouble, rng: Random) -> None:
        """Let it happen; return when it is over."""
        links = tuple(self.sockets.links)
        if trouble is Trouble.CUT:
            self.sockets.cut(rng.randint(1, 6))
        elif trouble is Trouble.HALF_OPEN:
            self.sockets.each(Link.lose)
        elif trouble is Trouble.STALL:
            self.sockets.each(Link.hold)
            await asyncio.sleep(rng.uniform(0.5, LONGEST_STALL))
            for link in links:
                link.release()
        elif trouble is Trouble.DRIP:
            await self._drip(links, rng.uniform(0.3, 0.8))
        elif trouble in {Trouble.BUSY, Trouble.BROKEN}:
            await self._refuse(self.sockets, Refusal(429, 1) if trouble is Trouble.BUSY else Refusal(503))
        elif trouble in {Trouble.NO_REST, Trouble.BAD_REST}:
            await self._refuse(self.rest, Refusal(429, 1) if trouble is Trouble.NO_REST else Refusal(500))
        elif trouble is Trouble.MALFORMED:
            await within(LONGEST_OUTAGE, lambda: bool(self.house.sockets))
            self.say(malformed(self.house, self.venue, Dice(rng.getrandbits(63))))
        else:
            self.again()

    async def _refuse(self, proxy: FaultProxy, refusal: Refusal) -> None:
        """Refuse for a while; sockets until one was refused, for clients come back when they like."""
        proxy.refusal, before = refusal, proxy.refused
        self.sockets.each(Link.abort)
        await asyncio.sleep(OUTAGE)
        if proxy is self.sockets:
            await within(LONGEST_OUTAGE, lambda: proxy.refused > before)
        proxy.refusal = None

    @staticmethod
    async def _drip(links: Sequence[Link], seconds: float) -> None:
        for link in links:
            link.dripping = True
        await asyncio.sleep(seconds)
        for link in links:
            link.dripping = False


class Appointment(NamedTuple):
    """Trouble of a venue, `at` seconds from the start of the market."""

    at: float
    venue: str
    trouble: Trouble


def schedule(rng: Random, venues: Sequence[str], seconds: float) -> list[Appointment]:
    """Draw two or three troubles a venue, every kind at least once over the venues."""
    wanted = list(Trouble) * 3
    rng.shuffle(wanted)
    wanted = [*rng.sample(list(Trouble), len(Trouble)), *wanted]
    count = rng.randint(2 * len(venues), 3 * len(venues))
    drawn = [
        Appointment(rng.uniform(0.1, 0.9) * seconds, venues[at % len(venues)], trouble)
        for at, trouble in enumerate(wanted[:count])
    ]
    return sorted(drawn)


async def keep(appointments: Sequence[Appointment], lines: Mapping[str, Line], rng: Random) -> None:
    """Let all happen in time; return when all is over."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    async with asyncio.TaskGroup() as tasks:
        for each in appointments:
            await asyncio.sleep(max(start + each.at - loop.time(), 0.0))
            tasks.create_task(lines[each.venue].suffer(each.trouble, rng))


def malformed(house: Venue, venue: str, dice: Dice) -> list[Frame]:
    """Return frames of the venue, recorded and new, with bytes of them broken; packed as the venue packs."""
    new = [push.frame for push in house.newest]
    packed = any(isinstance(each, bytes) and each.startswith(GZIP) for each in new)
    samples = [*map(_text, new), *(path.read_text() for path in sorted((SAMPLES / venue / "frames").glob("*.json")))]
    return [_broken(samples[dice.below(len(samples))], dice, packed=packed) for _ in range(MALFORMED)]


def _broken(text: str, dice: Dice, *, packed: bool) -> Frame:
    body = damaged(text, dice)
    if not packed:
        return body if dice.below(2) else body.decode(errors="replace")
    whole = gzip.compress(body, 1, mtime=0)
    return whole if dice.below(3) else damaged(whole.decode("latin-1"), dice)


def _text(frame: Frame) -> str:
    if isinstance(frame, str):
        return frame
    return (gzip.decompress(frame) if frame.startswith(GZIP) else frame).decode()


@asynccontextmanager
async def lines_to(place: Market) -> AsyncIterator[dict[str, Line]]:
    """Put a line before every venue of a market."""
    async with AsyncExitStack() as stack:
        lines = {}
        for venue, endpoint in place.endpoints.items():
            ports = [urlsplit(each).port or 0 for each in (endpoint.websocket, endpoint.rest)]
            sockets, rest = [await stack.enter_async_context(FaultProxy(port)) for port in ports]
            lines[venue] = Line(venue, place, sockets, rest)
        yield lines
