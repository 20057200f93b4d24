"""Writes the partitions' event streams: in order, densely numbered, none lost while the server is away."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from foreshock_model import keys
from foreshock_model.entries import InputEntry, InputKind
from foreshock_runtime.backoff import Backoff
from foreshock_runtime.connection import TROUBLE, raise_if_cancelled
from foreshock_runtime.log import get_logger
from foreshock_runtime.streams.ids import as_text
from foreshock_runtime.streams.scripts import APPEND
from foreshock_runtime.streams.status import kind_of

# What one round sends to one partition at most.
ROUND_ENTRIES = 256
ROUND_BYTES = 4 << 20

_log = get_logger(__name__)


async def next_epoch(redis: Redis, writer: str) -> int:
    """Return the number of this start of a writer, larger than that of every earlier one."""
    return int(await redis.execute_command("INCR", keys.epoch(writer)))


class Waiting(NamedTuple):
    """What a partition still has to take."""

    entries: int
    size: int


class _Entry(NamedTuple):
    fields: tuple[bytes, ...]
    size: int


class PartitionWriter:
    """Numbers entries per partition and writes them in that order.

    Numbers are given by `add`. A write that failed or was not answered is sent again with the same numbers;
    readers drop the second copy. The writer itself holds whatever it is given: look at `pending` before
    adding more.
    """

    def __init__(self, redis: Redis, *, partitions: int, writer: str, epoch: int) -> None:
        self._redis = redis
        self._writer = writer
        self._epoch = epoch
        self._waiting: list[deque[_Entry]] = [deque() for _ in range(partitions)]
        self._sizes = [0] * partitions
        self._seq = [0] * partitions
        self._flushing = asyncio.Lock()
        self._backoff = Backoff(first=0.02, cap=1.0)
        self.written = 0
        self.errors: Counter[str] = Counter()

    def add(self, partition: int, kind: InputKind, clock_ns: int, data: bytes) -> int:
        """Number an entry and keep it for the next flush. Returns its number."""
        self._seq[partition] += 1
        seq = self._seq[partition]
        entry = InputEntry(kind, self._writer, self._epoch, seq, clock_ns, data)
        flat = tuple(part for pair in entry.to_fields().items() for part in pair)
        size = sum(map(len, flat))
        self._waiting[partition].append(_Entry(flat, size))
        self._sizes[partition] += size
        return seq

    def pending(self) -> list[Waiting]:
        """Return what waits, by partition."""
        return [Waiting(len(queue), size) for queue, size in zip(self._waiting, self._sizes, strict=True)]

    async def flush(self) -> int:
        """Write all that waits, however long the server is away. Returns the number of entries written.

        Cancelling it loses nothing: what was not acknowledged waits for the next flush.
        """
        before = self.written
        async with self._flushing:
            while any(self._waiting):
                try:
                    trouble = await self._round()
                except TROUBLE as error:
                    trouble = kind_of(error)
                if trouble:
                    self._note(trouble)
                    await self._backoff.wait()
                else:
                    self._backoff.reset()
        return self.written - before

    def _note(self, trouble: str) -> None:
        self.errors[trouble] += 1
        waiting = sum(map(len, self._waiting))
        _log.warning("write_failed", writer=self._writer, kind=trouble, waiting=waiting)

    async def _round(self) -> str:
        """Send each partition's oldest entries in one pipeline. Returns the first trouble's kind or ''."""
        chunks = {p: _chunk(queue) for p, queue in enumerate(self._waiting) if queue}
        replies = await self._send(chunks)
        if any(isinstance(reply, NoScriptError) for reply in replies):
            await self._redis.execute_command("SCRIPT LOAD", APPEND.body)
            return ""
        trouble = [self._take_reply(p, reply) for p, reply in zip(chunks, replies, strict=True)]
        return next(filter(None, trouble), "")

    async def _send(self, chunks: dict[int, list[_Entry]]) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for partition, chunk in chunks.items():
                pipe.execute_command("EVALSHA", APPEND.sha, 1, keys.events(partition), *_arguments(chunk))
            replies: list[Any] = await pipe.execute(raise_on_error=False)
        raise_if_cancelled()
        return replies

    def _take_reply(self, partition: int, reply: Any) -> str:
        if isinstance(reply, Exception):
            return kind_of(reply)
        written, refusal = int(reply[0]), as_text(reply[1], "")
        for _ in range(written):
            self._sizes[partition] -= self._waiting[partition].popleft().size
        self.written += written
        return refusal.partition(" ")[0]


def _chunk(queue: deque[_Entry]) -> list[_Entry]:
    chunk: list[_Entry] = []
    size = 0
    for entry in queue:
        size += entry.size
        if chunk and (len(chunk) >= ROUND_ENTRIES or size > ROUND_BYTES):
            break
        chunk.append(entry)
    return chunk


def _arguments(chunk: Sequence[_Entry]) -> list[bytes | int]:
    args: list[bytes | int] = []
    for entry in chunk:
        args.append(len(entry.fields))
        args += entry.fields
    return args
