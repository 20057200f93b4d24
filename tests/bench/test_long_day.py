"""A day of nine venues at a hundred times its pace: nothing grows. BENCH_MINUTES sets how much of it (14.4: all).

The venues' clocks run a hundred times faster, and feeds takes its time from their frames: everything the services keep
by time is filled and emptied as in a day. Four times the market goes from quiet to busy, with a cascade a minute at the
end of each. Prices, funding, open interest and books of the largest market are told every five seconds of that day.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pytest
from tests.bench.test_memory_bench import MB, resident

from foreshock_lab import player
from foreshock_lab.demo import Simulations, simulations
from foreshock_lab.domain.ledger import Ledger
from foreshock_lab.domain.scenario import generate
from foreshock_lab.domain.timeline import Timeline
from foreshock_lab.house import SERVICES, House, HouseSettings
from foreshock_lab.player import Player
from foreshock_lab.venue_host import VenueHost
from foreshock_runtime.clock import SystemClock, monotonic_ns

SPEED = 100
DAY_MINUTES = 24 * 60 / SPEED
MINUTES = min(float(os.environ.get("BENCH_MINUTES", str(DAY_MINUTES))), DAY_MINUTES)
VENUES = ("binance", "bybit", "okx", "gate", "htx", "bitget", "krakenfutures", "deribit", "dydx")
PARTS = 24
"""The day has so many parts; an hour each, if it is a whole one."""
RATES = (0.5, 1.0, 2.0, 4.0, 6.0, 3.0)
"""Ordinary liquidations a second, by part; then anew. The last one of each six has cascades."""
TICK_SECONDS = 0.05
SAMPLES = 86
"""Every ten seconds of a whole day's run."""
GROWTH = 1.02
HOUR_NS = 3_600_000_000_000

pytestmark = [pytest.mark.bench, pytest.mark.timeout(60 * MINUTES + 300)]


class FastClock:
    """Begins a day and an hour ago and goes SPEED times as fast as the true one, so that nothing lies in the future."""

    def __init__(self) -> None:
        self._begun = monotonic_ns()
        self._start = SystemClock().now() - 25 * HOUR_NS

    def now(self) -> int:
        """Return the time, ns UTC."""
        return self._start + (monotonic_ns() - self._begun) * SPEED


class Sample(NamedTuple):
    """What a process has: bytes of memory, open files."""

    resident: int
    files: int


def part(number: int, venues: Simulations) -> Timeline:
    """Make a part of the day."""
    rate = RATES[number % len(RATES)]
    return generate(
        "cascade" if number % len(RATES) == len(RATES) - 1 else "steady",
        seed=number,
        duration_s=MINUTES * 60 * SPEED / PARTS,
        rate=rate,
        listings={venue: script.listing() for venue, script in venues.scripts.items()},
    )


async def play(host: VenueHost, venues: Simulations) -> None:
    """Play the day; each part is made while the one before is played."""
    timeline = await asyncio.to_thread(part, 0, venues)
    for number in range(PARTS):
        playing = Player(host, timeline, venues.fresh, strict=False)
        ticking = asyncio.create_task(playing.run())
        playing.begin()
        following = asyncio.create_task(asyncio.to_thread(part, number + 1, venues))
        await playing.finished()
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
        timeline = await following


@asynccontextmanager
async def house_of(host: VenueHost, place: Path) -> AsyncIterator[House]:
    """The whole house, reading these venues by the time of their frames."""
    settings = HouseSettings(
        run_dir=place, venues=VENUES, endpoints=host.endpoints(), options=host.options(), clock="frames"
    )
    async with House(settings) as house:
        await house.start()
        await host.subscribed()
        yield house


def look(house: House) -> dict[str, Sample]:
    """Take a sample of every service."""
    pids = {service: house.children[service].pid for service in SERVICES}
    return {
        service: Sample(resident(pid), len(list(Path(f"/proc/{pid}/fd").iterdir()))) for service, pid in pids.items()
    }


async def watch(house: House, market: asyncio.Task[None]) -> list[dict[str, Sample]]:
    """Sample until the market ends."""
    taken = []
    while not market.done():
        taken.append(look(house))
        await asyncio.wait({market}, timeout=60 * MINUTES / SAMPLES)
    market.result()
    return taken


async def test_a_day_of_nine_venues_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player, "TICK_SECONDS", TICK_SECONDS)
    venues, ledger = simulations(VENUES), Ledger()
    async with (
        VenueHost(venues.scripts, venues.connectors, ledger=ledger, clock=FastClock()) as host,
        house_of(host, tmp_path) as house,
    ):
        taken = await watch(house, asyncio.create_task(play(host, venues)))
        await house.end("feeds")
        drained = [await house.wait_drained(service, 60) for service in SERVICES[1:]]
        view = await house.status("velocity")
    hours = MINUTES * SPEED / 60
    assert view is not None
    print(f"\n{hours:.1f} h of {len(VENUES)} venues in {MINUTES:.1f} min: {len(ledger.sent):,} liquidations sent,")
    print(f"{view.counters['events']:,} events read by velocity")
    assert drained == [True, True]
    assert view.counters["events"] >= len(ledger.sent)
    assert [each for service in SERVICES for each in _growth(service, [every[service] for every in taken])] == []


def _growth(service: str, taken: list[Sample]) -> Iterator[str]:
    width = max(len(taken) // 17, 1)
    quarter, end = taken[len(taken) // 4 :][:width], taken[-width:]
    memory = [median(each.resident for each in some) for some in (quarter, end)]
    files = [median(each.files for each in some) for some in (quarter, end)]
    growth = memory[1] / memory[0] - 1
    print(f"{service}: {memory[0] / MB:.1f} MB at a quarter, {memory[1] / MB:.1f} MB at the end ({growth:+.1%})")
    print(f"{service}: {files[0]:g} open files at a quarter, {files[1]:g} at the end; MB at each eighth:", end=" ")
    eighths = [*(taken[len(taken) * number // 8] for number in range(8)), taken[-1]]
    print(*(f"{each.resident / MB:.1f}" for each in eighths))
    if files[1] > files[0]:
        yield f"{service}: open files"
    if memory[1] > GROWTH * memory[0]:
        yield f"{service}: memory"
