"""A small processor and what tests of owners need around it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from redis.asyncio import Redis

from foreshock_model import keys
from foreshock_runtime.streams import Command, OwnerOptions, PartitionOwner, Processor

SOURCE = keys.events(0)
OUTPUT = keys.metrics(0)
LATEST, CLOSINGS = "toy:latest", "toy:closings"
SERVICE = "velocity"
FAST = OwnerOptions(lease_seconds=0.6, snapshot_seconds=0.2, block_ms=50, read_count=16)


class ToyProcessor:
    """Answers each entry with a hash of all entries so far: a lost, doubled or moved one shows for ever."""

    def __init__(self) -> None:
        self.warming = False
        self.chain = b""
        self.count = 0

    def advance(self, entry_id: str, fields: Mapping[bytes, bytes]) -> list[Command]:
        data = fields[b"data"]
        self.chain = hashlib.sha256(self.chain + data).digest()
        if data.startswith(b"poison"):
            raise RuntimeError("cannot read this, password=hunter22")
        self.count += 1
        return [("XADD", OUTPUT, entry_id, "chain", self.chain.hex(), "count", self.count)]

    def poison(self, entry_id: str) -> list[Command]:
        return [("XADD", OUTPUT, entry_id, "chain", "none", "count", self.count)]

    def closing(self) -> list[Command]:
        return [("SET", LATEST, self.count), ("INCR", CLOSINGS)]

    def snapshot(self) -> bytes:
        return json.dumps([self.chain.hex(), self.count, self.warming]).encode()

    def restore(self, blob: bytes) -> None:
        chain, self.count, self.warming = json.loads(blob)
        self.chain = bytes.fromhex(chain)


def expected_output(datas: list[bytes]) -> list[tuple[bytes, bytes]]:
    """What one unbroken run answers."""
    toy = ToyProcessor()
    answers: list[tuple[bytes, bytes]] = []
    for data in datas:
        if data.startswith(b"poison"):
            answers.append((b"none", str(toy.count).encode()))
            continue
        command = toy.advance("0-1", {b"data": data})[0]
        answers.append((str(command[4]).encode(), str(command[6]).encode()))
    return answers


async def fill(redis: Redis, datas: list[bytes]) -> list[bytes]:
    """Write entries into the source. Returns their ids."""
    return [await redis.execute_command("XADD", SOURCE, "*", "data", data) for data in datas]


async def output(redis: Redis) -> tuple[list[bytes], list[tuple[bytes, bytes]]]:
    """Ids and answers in the output stream."""
    entries: Any = await redis.xrange(OUTPUT)
    return [e[0] for e in entries], [(e[1][b"chain"], e[1][b"count"]) for e in entries]


def owner_of(
    redis: Redis,
    make: Callable[[], Processor] = ToyProcessor,
    options: OwnerOptions = FAST,
    on_commit: Callable[[int, str], None] | None = None,
) -> PartitionOwner:
    """An owner of partition 0."""
    return PartitionOwner(
        redis,
        service=SERVICE,
        partition=0,
        source=SOURCE,
        make_processor=make,
        options=options,
        on_commit=on_commit,
    )


@contextlib.asynccontextmanager
async def running(owner: PartitionOwner) -> AsyncIterator[asyncio.Event]:
    """Run an owner while the block lasts; stop it in order at the end."""
    stop = asyncio.Event()
    task = asyncio.create_task(owner.run(stop))
    try:
        yield stop
    finally:
        stop.set()
        async with asyncio.timeout(10):
            await task


async def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    """Wait for a condition (plain or awaitable) to become true."""
    async with asyncio.timeout(seconds):
        while True:
            met = condition()
            if asyncio.iscoroutine(met):
                met = await met
            if met:
                return
            await asyncio.sleep(0.005)


async def answered(redis: Redis, number: int) -> None:
    """Wait until the output has this many entries."""

    async def enough() -> bool:
        return bool(await redis.xlen(OUTPUT) >= number)

    await until(enough)
