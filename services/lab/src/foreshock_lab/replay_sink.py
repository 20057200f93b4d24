"""Where a replay's answers go: the story and the hashes, a file of signals, a Redis as live services would write it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from foreshock_lab.domain.steps import Answered
from foreshock_lab.domain.story import Story
from foreshock_lab.domain.stream_hash import StreamHash
from foreshock_lab.errors import LabError, UnreachableError
from foreshock_model import keys, signal
from foreshock_runtime.connection import TROUBLE, connect_url
from foreshock_runtime.streams import Command
from foreshock_signals import commands
from foreshock_signals.commands import Retention
from foreshock_signals.domain.market import BTC
from foreshock_signals.settings import SignalsSettings
from foreshock_velocity.domain.current import Publication

AT_ONCE = 500
"""Commands of one pipeline."""
LATEST_TTL_MS = 5_000


class Latest(Protocol):
    """Gives a partition's newest figures that became due since the last call."""

    def latest(self, partition: int) -> list[Publication]:
        """Return key and JSON of each."""
        ...


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Where a replay's answers go beside the report: an empty Redis, a file of signals as JSON lines."""

    redis_url: str | None = None
    signals: Path | None = None


class Verdict:
    """Counts and hashes what was answered."""

    def __init__(self, partitions: int) -> None:
        self.entries = 0
        self.story = Story()
        self.hashes = [StreamHash() for _ in range(partitions)]
        self._kept = retention()

    def take(self, found: Answered) -> list[Command]:
        """Take an answer; return what signals commits for it."""
        self.entries += 1
        made = commands.of(found.outcome, found.partition, found.entry_id, self._kept)
        for said in found.outcome.signals:
            self.story.take(said)
        for entry_id, fields in recorded(made, keys.signals(found.partition)):
            self.hashes[found.partition].add(entry_id, fields)
        return made


class RedisSink:
    """Writes entries and answers under their ids. Call `flush` at the end.

    at_once: commands of one pipeline, which renews the keys of latest figures at its end, as a commit does; with 1
    subscribers hear everything when it is due.
    """

    def __init__(self, redis: Redis, steps: Latest, at_once: int) -> None:
        self._redis = redis
        self._steps = steps
        self._at_once = at_once
        self._waiting: list[Command] = []
        self._touched: set[int] = set()
        self._figures: commands.Latest = {}
        self._market_teller = 0

    async def open(self, partitions: int) -> None:
        """Look at the server. Raises UnreachableError, and LabError when streams are there already."""
        self._market_teller = keys.partition_of(BTC, partitions)
        streams = [name(each) for each in range(partitions) for name in (keys.events, keys.metrics, keys.signals)]
        try:
            used = await self._redis.exists(*streams)
        except TROUBLE as error:
            raise UnreachableError(f"the Redis that was named does not answer: {error}") from error
        if used:
            raise LabError("the Redis that was named already holds streams: name an empty database, as in .../1")

    async def take(self, found: Answered, made: Sequence[Command]) -> None:
        """Take an answer and what signals commits for it. Raises what redis-py raises."""
        self._add(keys.events(found.partition), found.entry_id, found.entry.to_fields())
        self._add(keys.metrics(found.partition), found.entry_id, found.answer.to_fields())
        self._waiting += made
        self._touched.add(found.partition)
        tells_market = found.partition == self._market_teller
        self._figures |= commands.latest_of(found.outcome, tells_market=tells_market)
        if len(self._waiting) >= self._at_once:
            await self.flush()

    async def flush(self) -> None:
        """Write what waits. Raises what redis-py raises."""
        if not self._waiting:
            return
        waiting, self._waiting = [*self._waiting, *self._latest()], []
        async with self._redis.pipeline(transaction=False) as pipe:
            for command in waiting:
                pipe.execute_command(*command)
            await pipe.execute()

    def _latest(self) -> list[Command]:
        told = chain.from_iterable(self._steps.latest(each) for each in sorted(self._touched))
        found: list[Command] = [("SET", key, document, "PX", LATEST_TTL_MS) for key, document in told]
        found += commands.renewing(self._figures)
        self._touched.clear()
        self._figures.clear()
        return found

    def _add(self, stream: str, entry_id: str, fields: Mapping[bytes, bytes]) -> None:
        self._waiting.append(("XADD", stream, entry_id, *(part for pair in fields.items() for part in pair)))


class Delivery:
    """Takes the answers of a replay wherever they should go."""

    def __init__(self, verdict: Verdict, sink: RedisSink | None, file: BinaryIO | None) -> None:
        self._verdict = verdict
        self._sink = sink
        self._file = file

    async def take(self, found: Answered) -> None:
        """Deliver an answer. Raises OSError and what redis-py raises."""
        made = self._verdict.take(found)
        if self._sink is not None:
            await self._sink.take(found, made)
        if self._file is not None:
            for said in found.outcome.signals:
                self._file.write(signal.encode(said) + b"\n")


@asynccontextmanager
async def delivering(to: Destination, steps: Latest, verdict: Verdict, *, paced: bool) -> AsyncIterator[Delivery]:
    """Open the destinations of a replay until the block ends. paced: it takes its time, so nothing waits for more.

    Raises LabError for what cannot be written, UnreachableError without the server that was named.
    """
    async with AsyncExitStack() as stack:
        sink = None
        if to.redis_url is not None:
            redis = await stack.enter_async_context(connect_url(to.redis_url))
            sink = RedisSink(redis, steps, 1 if paced else AT_ONCE)
            await sink.open(len(verdict.hashes))
        try:
            file = stack.enter_context(to.signals.open("wb")) if to.signals is not None else None
            yield Delivery(verdict, sink, file)
            if sink is not None:
                await sink.flush()
        except RedisError as error:
            raise UnreachableError(f"the Redis that was named does not take the replay: {error}") from error
        except OSError as error:
            raise LabError(f"the replay cannot be written: {error}") from error


def retention() -> Retention:
    """Return how much signals keeps unless it is told otherwise."""
    settings = SignalsSettings()
    return Retention(
        settings.retention_entries, settings.subscriber_entries, settings.history_entries, settings.history_seconds
    )


def recorded(made: Sequence[Command], stream: str) -> list[tuple[str, dict[bytes, bytes]]]:
    """Return the entries that commands add to a stream, as the server stores them."""
    found = []
    for command in made:
        if command[0] == "XADD" and command[1] == stream:
            entry_id, *flat = [_stored(each) for each in command[5:]]
            found.append((entry_id.decode(), dict(zip(flat[::2], flat[1::2], strict=True))))
    return found


def _stored(value: bytes | str | float) -> bytes:
    """Return an argument as redis-py sends it."""
    if isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else repr(value).encode()
