"""The market stage: one process at a time reads the newest metrics of all partitions and tells each of the market."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from foreshock_model import keys
from foreshock_model.entries import OutputEntry
from foreshock_runtime.backoff import Backoff, wait_for_event
from foreshock_runtime.connection import TROUBLE
from foreshock_runtime.log import get_logger
from foreshock_runtime.streams import Lease, PartitionWriter, next_epoch
from foreshock_runtime.streams.ids import as_text, id_key
from foreshock_signals.domain.market import Market, MarketState
from foreshock_signals.domain.prior_model import PRIOR_MODEL

WRITER = "market"
CADENCE_SECONDS = 0.1
NEWEST = 8
"""Entries of a partition looked at in a round: they say the present, and what a burst pushed past is past."""
SAVE_ROUNDS = 10

_log = get_logger(__name__)


class Tools(NamedTuple):
    """What the stage works with."""

    redis: Redis
    partitions: int
    lease_seconds: float


class MarketStage:
    """Holds the lease `lease:market` whenever it can; `rounds`, `written` and `unreadable` count its work."""

    def __init__(self, tools: Tools) -> None:
        self.rounds = self.written = self.unreadable = 0
        self._tools = tools
        self._lease = Lease(tools.redis, keys.MARKET_LEASE, tools.lease_seconds)
        self._backoff = Backoff()
        self._state = MarketState(PRIOR_MODEL)
        self._seen = ["0-0"] * tools.partitions

    @property
    def leading(self) -> bool:
        """Whether this process is the one."""
        return self._lease.held

    async def run(self, stop: asyncio.Event) -> None:
        """Work whenever the lease is free, until `stop`; trouble with the server is waited out."""
        while not stop.is_set():
            try:
                if await self._lease.wait(stop):
                    async with self._lease.kept():
                        await self._lead(stop)
            except TROUBLE as error:
                _log.warning("market_interrupted", reason=str(error), failures=self._backoff.failures)
                await self._backoff.wait(stop)
        await self._lease.release()

    async def _lead(self, stop: asyncio.Event) -> None:
        tools = self._tools
        epoch = await next_epoch(tools.redis, WRITER)
        writer = PartitionWriter(tools.redis, partitions=tools.partitions, writer=WRITER, epoch=epoch)
        await self._restore()
        _log.info("market_led", epoch=epoch)
        while not stop.is_set() and self._lease.held:
            await self._round(writer)
            self._backoff.reset()
            await wait_for_event(stop, CADENCE_SECONDS)
        if self._lease.held:
            await self._save()

    async def _round(self, writer: PartitionWriter) -> None:
        for partition in range(self._tools.partitions):
            await self._read(partition)
        market = self._state.due()
        if market is not None:
            await self._write(writer, market)
        self.rounds += 1
        if self.rounds % SAVE_ROUNDS == 0:
            await self._save()

    async def _read(self, partition: int) -> None:
        """Take in the newest entries not yet seen, oldest first."""
        stream = keys.metrics(partition)
        newest = await self._tools.redis.execute_command("XREVRANGE", stream, "+", "-", "COUNT", NEWEST)
        for raw_id, flat in reversed(newest):
            name = as_text(raw_id)
            if id_key(name) <= id_key(self._seen[partition]):
                continue
            self._seen[partition] = name
            self._observe(name, flat)

    def _observe(self, name: str, fields: dict[bytes, bytes]) -> None:
        try:
            self._state.observe(OutputEntry.from_fields(fields))
        except ValueError as error:
            # The partition's owner sends it to the dead letters; here it only must not stop the market.
            self.unreadable += 1
            _log.warning("metrics_unreadable", entry=name, reason=str(error))

    async def _write(self, writer: PartitionWriter, market: Market) -> None:
        data = msgspec.json.encode(market)
        for partition in range(self._tools.partitions):
            writer.add(partition, "market", market.clock, data)
        # Longer than the lease lasts another may lead: then this start's numbers are void, and a new start begins.
        async with asyncio.timeout(self._tools.lease_seconds):
            await writer.flush()
        self.written += 1

    async def _restore(self) -> None:
        blob: bytes | None = await self._tools.redis.execute_command("GET", keys.MARKET_STATE)
        self._state = MarketState(PRIOR_MODEL)
        if blob is None:
            return
        try:
            self._state.load(blob)
        except ValueError as error:
            _log.warning("market_state_unreadable", reason=str(error))

    async def _save(self) -> None:
        await self._tools.redis.execute_command("SET", keys.MARKET_STATE, self._state.dump())
