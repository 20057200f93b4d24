"""Two partitions in one process of velocity, and in two: the second process must not cost more than it brings."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from subprocess import Popen
from typing import Any

import grpc
import numpy as np
import pytest
from redis.asyncio import Redis
from tests.bench.conftest import Record
from tests.chaos.velocity_drill import start_velocity

from foreshock_lab.polling import holds_within
from foreshock_model import keys
from foreshock_model.batch import Columns, EventBatch, InstrumentRef, encode
from foreshock_model.entries import InputEntry
from foreshock_protos.velocity.v1.control_pb2 import GetStatusRequest
from foreshock_protos.velocity.v1.control_pb2_grpc import VelocityControlServiceStub
from foreshock_runtime.alive import living
from foreshock_runtime.embedded import EmbeddedServer

pytestmark = [pytest.mark.bench, pytest.mark.timeout(300)]
PARTITIONS, SYMBOLS, ROUNDS = 2, 50, 3
ENTRIES, ROWS = 6_000, 20
"""Of each partition: small entries, whose cost is velocity's and not the codec's."""
MS = 1_000_000
START = 1_790_000_000_000 * MS


def inputs(partition: int) -> Iterator[tuple[str, InputEntry]]:
    """Return a partition's entries, 2 ms apart, each with its id."""
    rng = np.random.default_rng(partition)
    names = [f"P{partition}C{number}USDT" for number in range(SYMBOLS)]
    refs = tuple(InstrumentRef("binance", name, f"{name}-PERP.BINANCE", name) for name in names)
    for number in range(ENTRIES):
        now = START + 2 * MS * number
        columns: Columns = {
            "instrument": rng.integers(0, SYMBOLS, ROWS).astype(np.uint16),
            "liquidated_side": rng.integers(0, 2, ROWS).astype(np.uint8),
            "price_kind": np.zeros(ROWS, np.uint8),
            "flags": np.zeros(ROWS, np.uint16),
            "price": np.full(ROWS, 82651.9),
            "quantity": np.full(ROWS, 0.19),
            "notional_usd": rng.lognormal(8, 2, ROWS),
            "ts_event": np.full(ROWS, now - MS),
            "ts_recv": np.full(ROWS, now),
            "event_id": rng.integers(1, 1 << 62, ROWS).astype(np.uint64),
        }
        data = encode(EventBatch(refs, columns))
        yield f"{START // MS}-{number + 1}", InputEntry("batch", "feeds:0", 1, number + 1, now, data)


@contextmanager
def processes(url: str, number: int) -> Iterator[list[Popen[bytes]]]:
    """Start so many processes of velocity, and end them."""
    started = [start_velocity(url, f"v{each}", PARTITIONS) for each in range(number)]
    try:
        yield started
    finally:
        for each in started:
            each.kill()
            each.wait()


@pytest.fixture
async def server() -> AsyncIterator[EmbeddedServer]:
    server = EmbeddedServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def owned(address: str) -> int:
    """Ask a process how many partitions it owns."""
    async with grpc.aio.insecure_channel(address) as channel:
        told = await VelocityControlServiceStub(channel).GetStatus(GetStatusRequest(), timeout=3)
    return sum(each.owned for each in told.status.partitions)


async def shared_by(redis: Redis, number: int) -> bool:
    """Tell whether so many processes live, and each owns its share."""
    alive = await living(redis)
    shares = [await owned(each.control) for each in alive if each.control]
    return shares == [PARTITIONS // number] * number


async def answered(redis: Redis) -> bool:
    """Tell whether every entry has its answer."""
    return sum([await redis.xlen(keys.metrics(each)) for each in range(PARTITIONS)]) == PARTITIONS * ENTRIES


async def events_a_second(server: EmbeddedServer, number: int) -> float:
    """Let so many processes share the partitions, then write all entries and take the time to the last answer."""
    async with Redis.from_url(server.url) as redis:
        await redis.flushall()
        with processes(server.url, number):
            assert await holds_within(lambda: shared_by(redis, number), 60)
            pipes = [redis.pipeline(transaction=False) for _ in range(PARTITIONS)]
            for partition, pipe in enumerate(pipes):
                for key, entry in inputs(partition):
                    fields: Any = entry.to_fields()
                    pipe.xadd(keys.events(partition), fields, id=key)
            for pipe in pipes:
                await pipe.execute()
            begun = time.monotonic()
            assert await holds_within(lambda: answered(redis), 120)
            return PARTITIONS * ENTRIES * ROWS / (time.monotonic() - begun)


async def test_two_partitions_in_two_processes_do_not_lose_to_one(server: EmbeddedServer, record: Record) -> None:
    one, two = [], []
    for _ in range(ROUNDS):
        one.append(await events_a_second(server, 1))
        two.append(await events_a_second(server, 2))
    ratio = float(np.median(two) / np.median(one))
    record("scaling_one_process", float(np.median(one)), "two partitions in one process: {:,.0f} events/s")
    record("scaling_two_processes", float(np.median(two)), "in two processes: {:,.0f} events/s")
    record("scaling_ratio", ratio, "{:.2f} times")
    assert ratio >= 1.0
