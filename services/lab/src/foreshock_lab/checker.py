"""An outsider with its own connections: reads every stream from its start, hears what subscribers hear."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from redis.asyncio import Redis

from foreshock_lab.domain.observed import Observed
from foreshock_model import keys
from foreshock_model.entries import InputEntry, OutputEntry
from foreshock_runtime.clock import Clock
from foreshock_runtime.connection import TROUBLE, connect_url
from foreshock_runtime.latency import LatencyRecorder
from foreshock_runtime.log import get_logger

BLOCK_MS = 200
COUNT = 500
RETRY_SECONDS = 0.1
START = "0-0"
log = get_logger("lab")

Fields = Mapping[bytes, bytes]


class HeardQuality(msgspec.Struct):
    """The part of a signal's data quality that times it."""

    input_ts: int


class Heard(msgspec.Struct):
    """The part of a signal or notice that the checker looks at."""

    kind: str = "signal"
    level: str = ""
    signal_id: str = ""
    status: str = ""
    service: str = ""
    data_quality: HeardQuality | None = None


class Checker:
    """Reads until told to stop; survives the server's restart.

    observed       what the streams hold
    signals        signals received by subscription, by level
    received, recorded   their ids, by subscription and in the stream `cascade:signals`
    notices        (status, service) of the watchdog's notices
    latency        from `input_ts` to receipt by subscription; means something only on the system clock
    """

    def __init__(self, url: str, partitions: int, clock: Clock) -> None:
        self.observed = Observed()
        self.signals: Counter[str] = Counter()
        self.received: Counter[str] = Counter()
        self.recorded: Counter[str] = Counter()
        self.notices: list[tuple[str, str]] = []
        self.latency = LatencyRecorder()
        self.listening = asyncio.Event()
        self.unreadable = 0
        self._url = url
        self._clock = clock
        self._decoder = msgspec.json.Decoder(Heard)
        self._positions: dict[str, str] = {keys.CASCADE_SIGNALS: START}
        self._takers: dict[str, Callable[[str, Fields], None]] = {keys.CASCADE_SIGNALS: self._take_recorded}
        for partition in range(partitions):
            self._follow(keys.events(partition), self._input_taker(partition))
            self._follow(keys.metrics(partition), self._output_taker(partition))

    async def run(self) -> None:
        """Read and listen for ever; to be cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._persist(self._read))
            tasks.create_task(self._persist(self._listen))

    async def finish(self) -> None:
        """Read what the streams hold up to now."""
        async with connect_url(self._url) as redis:
            while await self._read_once(redis, block_ms=None):
                pass

    def _follow(self, stream: str, take: Callable[[str, Fields], None]) -> None:
        self._positions[stream] = START
        self._takers[stream] = take

    async def _persist(self, work: Callable[[Redis], Any]) -> None:
        while True:
            try:
                async with connect_url(self._url) as redis:
                    await work(redis)
            except TROUBLE as error:
                log.info("checker_reconnects", error=type(error).__name__)
            await asyncio.sleep(RETRY_SECONDS)

    async def _read(self, redis: Redis) -> None:
        while True:
            await self._read_once(redis, block_ms=BLOCK_MS)

    async def _read_once(self, redis: Redis, *, block_ms: int | None) -> int:
        positions: Any = self._positions
        answer: Any = await redis.xread(positions, count=COUNT, block=block_ms)
        taken = 0
        for name, entries in answer or ():
            stream = name.decode()
            for raw_id, fields in entries:
                entry_id = raw_id.decode()
                self._positions[stream] = entry_id
                self._take(stream, entry_id, fields)
                taken += 1
        return taken

    def _take(self, stream: str, entry_id: str, fields: Fields) -> None:
        try:
            self._takers[stream](entry_id, fields)
        except (ValueError, msgspec.MsgspecError) as error:
            self.unreadable += 1
            log.warning("unreadable_entry", stream=stream, id=entry_id, error=str(error))

    def _input_taker(self, partition: int) -> Callable[[str, Fields], None]:
        return lambda entry_id, fields: self.observed.take_input(partition, entry_id, InputEntry.from_fields(fields))

    def _output_taker(self, partition: int) -> Callable[[str, Fields], None]:
        return lambda entry_id, fields: self.observed.take_output(partition, entry_id, OutputEntry.from_fields(fields))

    def _take_recorded(self, _: str, fields: Fields) -> None:
        heard = self._decoder.decode(fields.get(b"json", b"{}"))
        if heard.kind == "signal":
            self.recorded[heard.signal_id] += 1

    async def _listen(self, redis: Redis) -> None:
        async with redis.pubsub() as channel:
            await channel.subscribe(keys.CASCADE_SIGNALS)
            self.listening.set()
            while True:
                message = await channel.get_message(ignore_subscribe_messages=True, timeout=1.0)
                if message is not None:
                    self._hear(message["data"])

    def _hear(self, data: bytes) -> None:
        now = self._clock.now()
        try:
            heard = self._decoder.decode(data)
        except msgspec.MsgspecError as error:
            self.unreadable += 1
            log.warning("unreadable_signal", error=str(error))
            return
        if heard.kind != "signal":
            self.notices.append((heard.status, heard.service))
            return
        self.signals[heard.level] += 1
        self.received[heard.signal_id] += 1
        if heard.data_quality is not None:
            self.latency.record_ns(now - heard.data_quality.input_ts)
