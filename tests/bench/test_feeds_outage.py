"""A minute without Redis at 10,000 liquidations a second: nothing is lost, and what it takes is known.

BENCH_OUTAGE_SECONDS sets how long; with a small buffer the rest goes to the disk.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from tests.bench.test_memory_bench import MB, resident
from tests.bench.test_pipeline_bench import blaster, line

from foreshock_lab.house import House, HouseSettings
from foreshock_model import keys
from foreshock_model.batch import decode
from foreshock_model.entries import InputEntry, Sequencer
from foreshock_sdk.connector import Endpoints

SECONDS = float(os.environ.get("BENCH_OUTAGE_SECONDS", "60"))
RATE = 10_000
BEFORE = 5.0
PAGE = 1_000

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3 * SECONDS + 120)]


async def server_of(redis: Redis) -> int:
    return int((await redis.info("server"))["process_id"])


@pytest.mark.parametrize("buffer_rows", [1_000_000, 50_000], ids=["memory", "disk"])
async def test_nothing_is_lost_while_redis_is_away(tmp_path: Path, buffer_rows: int) -> None:
    spill = tmp_path / "spill"
    async with blaster(RATE, 2 * BEFORE + SECONDS) as (process, address):
        house_settings = HouseSettings(
            run_dir=tmp_path,
            venues=("binance",),
            endpoints={"binance": Endpoints(f"ws://{address}", f"http://{address}")},
            extra={"feeds": {"buffer_rows": str(buffer_rows), "spill_dir": str(spill)}},
        )
        async with House(house_settings) as house:
            await house.launch("feeds")
            await house.serving("feeds")
            pid, server = house.children["feeds"].pid, await server_of(house.redis)
            market = asyncio.create_task(line(process, SECONDS + 60))
            await asyncio.sleep(BEFORE)
            before = resident(pid)
            os.kill(server, signal.SIGSTOP)
            try:
                most, on_disk = await watched(pid, spill)
            finally:
                os.kill(server, signal.SIGCONT)
            sent = json.loads(await market)["sent"]
            found, missing = await settled(house.redis, sent)
            after = resident(pid)
    print(f"\n{SECONDS:g} s without Redis at {RATE:,} rows/s, room for {buffer_rows:,}: {found:,} of {sent:,} rows")
    print(f"MB: {before / MB:.0f} before, {most / MB:.0f} at most, {after / MB:.0f} after; {on_disk / MB:.0f} on disk")
    assert (found, missing) == (sent, 0)
    assert most - before < 300 * MB


async def watched(pid: int, spill: Path) -> tuple[int, int]:
    """Return the most memory and the most room on disk, in bytes, while the time runs."""
    most = on_disk = 0
    for _ in range(int(SECONDS * 2)):
        await asyncio.sleep(0.5)
        most = max(most, resident(pid))
        on_disk = max(on_disk, size_of(spill))
    return most, on_disk


def size_of(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.rglob("*.spill"))


async def settled(redis: Redis, sent: int) -> tuple[int, int]:
    """Read the stream until all is there, or nothing comes for ten seconds; return rows, and entries missing."""
    reader, found, after, idle = Sequencer(), 0, "-", 0
    while found < sent and idle < 100:
        page: Any = await redis.xrange(keys.events(0), min=after, count=PAGE)
        for name, fields in page:
            entry, after = InputEntry.from_fields(fields), f"({name.decode()}"
            if reader.accept(entry.writer, entry.epoch, entry.seq) and entry.kind == "batch":
                found += decode(entry.data).liquidations["price"].size
        idle = 0 if page else idle + 1
        await asyncio.sleep(0 if page else 0.1)
    return found, reader.missing
