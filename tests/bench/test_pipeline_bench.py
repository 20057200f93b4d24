"""From a venue's socket to committed metrics: latency beside a bare pipeline, and the rate that can be held."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from redis.asyncio import Redis

from foreshock_lab.house import House, HouseSettings
from foreshock_model import keys
from foreshock_model.batch import decode
from foreshock_model.entries import InputEntry
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_sdk.connector import Endpoints

pytestmark = [pytest.mark.bench, pytest.mark.timeout(300)]
HERE = Path(__file__).parent
SYMBOLS = 100
SECONDS = 20.0
"""Long enough that the first second, in which everything is new, is not the 99th percentile."""


async def start(script: str, *arguments: object) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE / script),
        *map(str, arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )


async def line(process: asyncio.subprocess.Process, seconds: float = 120.0) -> bytes:
    assert process.stdout is not None
    async with asyncio.timeout(seconds):
        return await process.stdout.readline()


@asynccontextmanager
async def blaster(rate: int, seconds: float) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    process = await start("blaster.py", rate, seconds, SYMBOLS)
    try:
        yield process, f"127.0.0.1:{int(await line(process))}"
    finally:
        process.terminate()
        await process.wait()


async def through_the_house(tmp_path: Path, rate: int, seconds: float, reader: str = "websockets") -> dict[str, float]:
    async with blaster(rate, seconds) as (process, address):
        endpoints = {"binance": Endpoints(f"ws://{address}", f"http://{address}")}
        extra = {"feeds": {"reader": reader}}
        place = tmp_path / f"{reader}-{rate}"
        settings = HouseSettings(run_dir=place, venues=("binance",), endpoints=endpoints, extra=extra)
        async with House(settings) as house:
            for service in ("velocity", "feeds"):
                await house.launch(service)
                await house.serving(service)
            sent = json.loads(await line(process))
            begun = asyncio.get_running_loop().time()
            counted, last = await settle(house, sent["sent"])
            late = max(last - begun, 0.0)
            view = await house.status("velocity")
            assert view is not None
            told = view.latencies["socket_to_metrics"]
            return {**sent, "p50": told.p50, "p99": told.p99, "counted": counted, "late": late}


async def into_redis(tmp_path: Path, reader: str, seconds: float) -> dict[str, float]:
    """Feeds alone: what stands in the stream when the venue has sent as fast as it is read."""
    async with blaster(0, seconds) as (process, address):
        endpoints = {"binance": Endpoints(f"ws://{address}", f"http://{address}")}
        extra = {"feeds": {"reader": reader, "retention_entries": "1000000"}}
        settings = HouseSettings(run_dir=tmp_path / reader, venues=("binance",), endpoints=endpoints, extra=extra)
        async with House(settings) as house:
            await house.launch("feeds")
            await house.serving("feeds")
            sent = json.loads(await line(process))
            begun = asyncio.get_running_loop().time()
            rows = -1
            while rows < sent["sent"] and asyncio.get_running_loop().time() - begun < 20:
                rows = await stored_rows(house.url)
            return {**sent, "rows": rows, "late": asyncio.get_running_loop().time() - begun}


async def stored_rows(url: str) -> int:
    """Count the liquidations in the stream."""
    rows, after = 0, "-"
    async with Redis.from_url(url) as redis:
        while page := await redis.execute_command("XRANGE", keys.events(0), after, "+", "COUNT", 500):
            entries = (InputEntry.from_fields(fields) for _, fields in page)
            rows += sum(len(decode(each.data).liquidations["event_id"]) for each in entries if each.kind == "batch")
            after = f"({page[-1][0].decode()}"
    return rows


async def settle(house: House, sent: int) -> tuple[int, float]:
    """Wait until velocity has counted all, or nothing more for five seconds; return how many, and when it last did."""
    loop = asyncio.get_running_loop()
    counted, last = -1, loop.time()
    while counted < sent and loop.time() - last < 5:
        await asyncio.sleep(0.1)
        view = await house.status("velocity")
        assert view is not None
        if view.counters["events"] != counted:
            counted, last = view.counters["events"], loop.time()
    return counted, last


async def bare(rate: int, seconds: float) -> dict[str, float]:
    server = EmbeddedServer()
    await server.start()
    try:
        async with blaster(rate, seconds) as (process, address):
            reader = await start("bare_reader.py", server.url, int(rate * seconds * 0.98))
            feed = await start("bare_feed.py", f"ws://{address}/", server.url)
            await line(process)
            result: dict[str, float] = json.loads(await line(reader))
            with suppress(ProcessLookupError):  # it ends with the venue
                feed.terminate()
            await feed.wait()
            await reader.wait()
            return result
    finally:
        await server.stop()


@pytest.mark.parametrize("rate", [1_000, 10_000, 100_000])
async def test_socket_to_metrics_takes_at_most_twice_the_bare_pipeline(tmp_path: Path, rate: int) -> None:
    theirs = await bare(rate, SECONDS)
    ours = await through_the_house(tmp_path, rate, SECONDS)
    again = await bare(rate, SECONDS)
    base = max(theirs["p99"], again["p99"])
    print(
        f"\n{rate}/s: socket to metrics p50 {ours['p50']:.2f} p99 {ours['p99']:.2f} ms; bare pipeline "
        f"p50 {theirs['p50']:.2f}/{again['p50']:.2f} p99 {theirs['p99']:.2f}/{again['p99']:.2f} ms; "
        f"ratio of p99 {ours['p99'] / base:.2f}; sent {ours['sent']}, counted {ours['counted']}"
    )
    assert ours["counted"] == ours["sent"]
    assert ours["p99"] <= 2 * base


@pytest.mark.parametrize("reader", ["websockets", "picows"])
async def test_the_rate_that_is_held(tmp_path: Path, reader: str) -> None:
    """As fast as the reader reads: nothing lost, and what was sent is counted soon after."""
    ours = await through_the_house(tmp_path, 0, 8, reader)
    rate = ours["sent"] / (ours["seconds"] + ours["late"])
    print(f"\n{reader}: {rate:,.0f} events/s from socket to metrics, {ours['sent']} sent, p99 {ours['p99']:.0f} ms")
    assert ours["counted"] == ours["sent"]


@pytest.mark.parametrize("reader", ["websockets", "picows"])
async def test_one_feeds_process_into_redis(tmp_path: Path, reader: str) -> None:
    """As fast as the reader reads, nothing lost on the way into the stream."""
    ours = await into_redis(tmp_path, reader, 8)
    print(f"\n{reader}: {ours['sent'] / ours['seconds']:,.0f} frames/s from a socket into Redis, {ours['sent']} sent")
    assert ours["rows"] == ours["sent"]


async def test_feeds_to_velocity_is_twenty_times_one_entry_an_event(tmp_path: Path) -> None:
    """Rows through Redis in entries of what is due, counted by velocity, against one XADD an event and a reader."""
    single, many = 20_000, 2_000_000
    async with House(HouseSettings(run_dir=tmp_path)) as house:
        reader = await start("stream_roles.py", "one-reader", house.url, single)
        writer = await start("stream_roles.py", "one-writer", house.url, single)
        told = json.loads(await line(reader))
        await writer.wait()
        slow = told["n"] / told["seconds"]
        await house.launch("velocity")
        await house.serving("velocity")
        writer = await start("stream_roles.py", "batch-writer", house.url, many)
        begun = 0.0
        counted = 0
        while counted < many:
            await asyncio.sleep(0.05)
            view = await house.status("velocity")
            assert view is not None
            counted = view.counters["events"]
            begun = begun or (asyncio.get_running_loop().time() - 0.05 if counted else 0.0)
        fast = many / (asyncio.get_running_loop().time() - begun)
        await writer.wait()
    print(f"\nfeeds to velocity: {fast:,.0f} events/s; one XADD an event: {slow:,.0f}; {fast / slow:.0f} times")
    assert fast >= 20 * slow
