"""Memory: Redis under default retention, and the services over ten minutes (BENCH_MINUTES sets how many)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import pytest
from tests.bench.test_pipeline_bench import SYMBOLS, blaster, line

from foreshock_lab.house import SERVICES, START_ORDER, House, HouseSettings
from foreshock_sdk.connector import Endpoints

MINUTES = float(os.environ.get("BENCH_MINUTES", "10"))
RETENTION_SECONDS = 120
"""Of the events, by default; metrics go earlier."""
MB = 1 << 20

pytestmark = [pytest.mark.bench, pytest.mark.timeout(60 * MINUTES + 300)]


@asynccontextmanager
async def house_at(place: Path, rate: int, seconds: float) -> AsyncIterator[tuple[House, asyncio.Task[bytes]]]:
    """A whole house that reads this rate; the task ends with the market."""
    async with blaster(rate, seconds) as (process, address):
        endpoints = {"binance": Endpoints(f"ws://{address}", f"http://{address}")}
        async with House(HouseSettings(run_dir=place, venues=("binance",), endpoints=endpoints)) as house:
            for service in START_ORDER:
                await house.launch(service)
            await asyncio.gather(*(house.serving(service) for service in SERVICES))
            yield house, asyncio.create_task(line(process, seconds + 60))


async def test_redis_stays_under_100_mb_at_1000_events_a_second(tmp_path: Path) -> None:
    used: list[int] = []
    async with house_at(tmp_path, 1_000, RETENTION_SECONDS + 60.0) as (house, market):
        while not market.done():
            used.append(int((await house.redis.info("memory"))["used_memory"]))
            await asyncio.sleep(1.0)
    most, last = max(used) / MB, used[-1] / MB
    print(f"\nRedis at 1,000 events/s over {SYMBOLS} symbols: at most {most:.0f} MB, {last:.0f} MB at the end")
    assert max(used) < 100 * MB


async def test_nothing_grows_over_ten_minutes_at_20000_events_a_second(tmp_path: Path) -> None:
    sizes: dict[str, list[int]] = {service: [] for service in SERVICES}
    async with house_at(tmp_path, 20_000, 60 * MINUTES) as (house, market):
        while not market.done():
            for service in SERVICES:
                sizes[service].append(resident(house.children[service].pid))
            await asyncio.sleep(1.0)
        view = await house.status("velocity")
        assert view is not None
        print(f"\n{view.counters['events']:,} events")
    for service, found in sizes.items():
        # The first half warms up: windows of five minutes fill, retention sets in.
        middle, end = (median(found[len(found) * part // 8 : len(found) * (part + 1) // 8]) for part in (4, 7))
        print(f"{service}: {middle / MB:.1f} MB in the middle, {end / MB:.1f} MB at the end ({end / middle - 1:+.1%})")
        assert end <= 1.03 * middle


def resident(pid: int) -> int:
    """Return the resident memory of a process in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
