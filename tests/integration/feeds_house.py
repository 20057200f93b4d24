"""Feeds beside real simulated venues, and what tests of it need around."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc.aio
import msgspec
from redis.asyncio import Redis

from foreshock_feeds.app import serve
from foreshock_feeds.settings import EndpointSettings, FeedsSettings
from foreshock_lab.demo import DemoOptions, make_timeline, simulations
from foreshock_lab.domain.facts import Fact, rounded
from foreshock_lab.domain.ledger import Ledger
from foreshock_lab.player import Player
from foreshock_lab.venue_host import VenueHost
from foreshock_model import keys
from foreshock_model.batch import decode
from foreshock_model.entries import InputEntry, Sequencer
from foreshock_protos.feeds.v1 import control_pb2, control_pb2_grpc
from foreshock_runtime.alive import Heartbeat, living
from foreshock_runtime.clock import SystemClock
from foreshock_runtime.lifecycle import Exit, Service, run_in_loop

PATIENCE = 20.0
SHORT = DemoOptions(scenario="flash", seed=3, duration_s=2.0, rate=60.0)


async def until(holds: Callable[[], Any]) -> Any:
    """Wait until it gives something true, and return that; it may be a coroutine function."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = holds()
            found = await found if asyncio.iscoroutine(found) else found
            if found:
                return found
            await asyncio.sleep(0.02)


class Market:
    """The simulated venues, prices flowing."""

    def __init__(self, host: VenueHost, player: Player) -> None:
        self.host = host
        self.player = player

    @property
    def endpoints(self) -> dict[str, EndpointSettings]:
        """Where the venues answer."""
        return {name: EndpointSettings(each.websocket, each.rest) for name, each in self.host.endpoints().items()}

    @property
    def sent(self) -> Mapping[Any, int]:
        """What was written to subscribed sockets, and when."""
        return self.host.ledger.sent

    async def play(self) -> None:
        """Play the timeline to its end, for clients that are there."""
        async with asyncio.timeout(PATIENCE):
            self.player.begin()
            await self.player.finished()

    async def playing_since(self, seconds: float) -> None:
        """Wait until the timeline has run so long."""
        await until(lambda: self.player.elapsed_ms >= seconds * 1000)


@asynccontextmanager
async def market(*venues: str, options: DemoOptions = SHORT) -> AsyncIterator[Market]:
    """Run the venues until the block ends."""
    simulated = simulations(venues)
    async with VenueHost(simulated.scripts, simulated.connectors, ledger=Ledger(), clock=SystemClock()) as host:
        player = Player(host, make_timeline(options, simulated.scripts), simulated.fresh)
        task = asyncio.create_task(player.run())
        try:
            yield Market(host, player)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def feeding(url: str, place: Market, **changes: Any) -> AsyncIterator[Service]:
    """Run feeds in this loop until the block ends, then stop it in order."""
    venues = tuple(place.host.venues)
    settings = FeedsSettings(
        **{
            "redis_url": url,
            "log_level": "ERROR",
            "venues": venues,
            "endpoints": place.endpoints,
            "options": place.host.options(),
            **changes,
        }
    )
    stop, started = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def main(service: Service) -> None:
        started.set_result(service)
        await serve(service)

    task = asyncio.create_task(run_in_loop(main, settings, "feeds", stop=stop))
    service: Service = await started
    try:
        await until(lambda: service.serving)
        yield service
    finally:
        stop.set()
        assert await task == Exit.ORDERLY


@asynccontextmanager
async def control(address: str) -> AsyncIterator[Any]:
    """A client of the control at an address."""
    async with grpc.aio.insecure_channel(address) as channel:
        yield control_pb2_grpc.FeedsControlServiceStub(channel)


async def status_of(address: str) -> Any:
    """Ask for the status."""
    async with control(address) as stub:
        return await stub.GetStatus(control_pb2.GetStatusRequest(), timeout=5)


async def all_live(address: str) -> bool:
    """Tell whether every route is live."""
    routes = (await status_of(address)).routes
    return bool(routes) and all(route.state == "LIVE" for route in routes)


async def entries(redis: Redis, partition: int = 0) -> list[InputEntry]:
    """Return what a reader takes from a partition; nothing may be missing between."""
    found: Any = await redis.xrange(keys.events(partition))
    reader = Sequencer()
    read = [InputEntry.from_fields(fields) for _, fields in found]
    taken = [each for each in read if reader.accept(each.writer, each.epoch, each.seq)]
    assert reader.missing == 0
    return taken


async def facts(redis: Redis, partitions: int = 1) -> Counter[Fact]:
    """Return every liquidation in the streams, and how often it is there."""
    found: Counter[Fact] = Counter()
    for partition in range(partitions):
        for entry in await entries(redis, partition):
            for event in decode(entry.data).events() if entry.kind == "batch" else ():
                quantity, ms = rounded(event.quantity), event.ts_event // 10**6
                fact = Fact(event.venue, event.raw_symbol, event.liquidated_side, ms, rounded(event.price), quantity)
                found[fact] += 1
    return found


async def gaps(redis: Redis) -> list[dict[bytes, bytes]]:
    """Return the gaps recorded."""
    found: Any = await redis.xrange(keys.FEEDS_HEALTH)
    return [fields for _, fields in found if fields[b"kind"] == b"gap"]


def covered(found: list[dict[bytes, bytes]], venue: str, at: int, margin: int = 500_000_000) -> bool:
    """Tell whether a gap of the venue holds a time (ns)."""
    mine = [each for each in found if each[b"route"].decode().partition("/")[0] == venue]
    return any(int(each[b"from_ns"]) - margin <= at <= int(each[b"to_ns"]) + margin for each in mine)


class Process:
    """Feeds as a process of its own."""

    def __init__(self, child: asyncio.subprocess.Process, redis: Redis, log: Path) -> None:
        self.child = child
        self.log = log
        self._redis = redis

    async def serving(self) -> Heartbeat:
        """Wait until this process serves, with every route live; return what it says of itself."""

        async def mine() -> Heartbeat | None:
            found = [each for each in await living(self._redis) if each.pid == self.child.pid and each.serving]
            return found[0] if found and await all_live(found[0].control) else None

        beat: Heartbeat = await until(mine)
        return beat

    async def ended(self, number: int) -> int:
        """Send a signal and wait for the end."""
        self.child.send_signal(number)
        async with asyncio.timeout(PATIENCE):
            return await self.child.wait()


@asynccontextmanager
async def process(url: str, redis: Redis, place: Market, log: Path, **env: str) -> AsyncIterator[Process]:
    """Run `python -m foreshock_feeds` until the block ends."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FORESHOCK_")}
    clean |= {
        "REDIS_URL": url,
        "FORESHOCK_VENUES": ",".join(place.host.venues),
        "FORESHOCK_ENDPOINTS": msgspec.json.encode(place.endpoints).decode(),
        "FORESHOCK_LOG_FORMAT": "json",
        "LOG_LEVEL": "DEBUG",
    }
    with log.open("ab") as sink:
        command = (sys.executable, "-m", "foreshock_feeds")
        child = await asyncio.create_subprocess_exec(*command, env=clean | env, stdout=sink, stderr=sink)
    try:
        yield Process(child, redis, log)
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()
