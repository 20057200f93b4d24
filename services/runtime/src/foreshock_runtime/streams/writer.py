"""Writes the partitions' event streams: in order, densely numbered, none lost while the server is away."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

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
ENTRY_BYTES = 128
"""What an entry takes beside its data, about: its fields here and on the wire."""

_log = get_logger(__name__)


async def next_epoch(redis: Redis, writer: str, above: int = 0) -> int:
    """Return the number of this start of a writer, larger than that of every earlier one, and than `above`.

    A server that lost its data begins to count anew; entries that are still to be written know the old numbers.
    """
    epoch = int(await redis.execute_command("INCR", keys.epoch(writer)))
    if epoch > above:
        return epoch
    return int(await redis.execute_command("INCRBY", keys.epoch(writer), above + 1 - epoch))


class Waiting(NamedTuple):
    """What still has to be written: entries, and about how many bytes they are."""

    entries: int
    size: int

    def within(self, most: Waiting) -> bool:
        """Tell whether neither is more than in `most`."""
        return self.entries <= most.entries and self.size <= most.size


class Shelf(Protocol):
    """Keeps entries that memory has no room for, in order. All are older than what waits in the writer."""

    def head(self, partition: int) -> Sequence[InputEntry]:
        """Return the oldest of a partition, as many as are at hand; nothing when there are none."""
        ...

    def done(self, partition: int, entries: int) -> None:
        """Forget so many of those: the server has them."""
        ...


Change = Callable[[int, InputEntry], InputEntry | None]
"""Takes a partition and an entry of it; answers what is to wait instead, if anything."""


class PartitionWriter:
    """Numbers entries per partition and writes them in that order.

    Numbers are given by `add`. A write that failed or was not answered is sent again with the same numbers;
    readers drop the second copy. The writer itself holds whatever it is given: look at `waiting` before
    adding more, and `lighten` it. What is on the shelf is written before what waits in memory.
    """

    def __init__(self, redis: Redis, *, partitions: int, writer: str, epoch: int, shelf: Shelf | None = None) -> None:
        self._redis = redis
        self._writer = writer
        self._epoch = epoch
        self._shelf = shelf
        self._waiting: list[deque[InputEntry]] = [deque() for _ in range(partitions)]
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
        self._waiting[partition].append(InputEntry(kind, self._writer, self._epoch, seq, clock_ns, data))
        self._sizes[partition] += ENTRY_BYTES + len(data)
        return seq

    def pending(self) -> list[Waiting]:
        """Return what waits in memory, by partition."""
        return [Waiting(len(queue), size) for queue, size in zip(self._waiting, self._sizes, strict=True)]

    @property
    def waiting(self) -> Waiting:
        """What waits in memory, of all partitions."""
        return Waiting(sum(map(len, self._waiting)), sum(self._sizes))

    def lighten(self, most: Waiting, change: Change) -> None:
        """Change what waits, the oldest of each partition first, until it is within `most` or all was changed.

        Numbers stay: an entry that was taken away shows as missing to readers. What `change` raises is raised here, and
        the entry it was asked about waits on.
        """
        all_ = self.waiting
        if all_.within(most):
            return
        entries, size = min(1.0, most.entries / all_.entries), min(1.0, most.size / all_.size)
        for partition, mine in enumerate(self.pending()):
            self._lighten(partition, Waiting(int(mine.entries * entries), int(mine.size * size)), change)

    def _lighten(self, partition: int, most: Waiting, change: Change) -> None:
        queue, changed = self._waiting[partition], list[InputEntry]()
        try:
            while queue and not Waiting(len(queue) + len(changed), self._sizes[partition]).within(most):
                entry = change(partition, queue[0])
                self._sizes[partition] -= size_of(queue.popleft())
                if entry is not None:
                    self._sizes[partition] += size_of(entry)
                    changed.append(entry)
        finally:
            queue.extendleft(reversed(changed))

    async def flush(self) -> int:
        """Write all that waits, however long the server is away. Returns the number of entries written.

        Cancelling it loses nothing: what was not acknowledged waits for the next flush.
        """
        before = self.written
        async with self._flushing:
            while self._anything():
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

    def _anything(self) -> bool:
        return any(self._waiting) or any(self._shelved(partition) for partition in range(len(self._waiting)))

    def _shelved(self, partition: int) -> Sequence[InputEntry]:
        return () if self._shelf is None else self._shelf.head(partition)

    def _note(self, trouble: str) -> None:
        self.errors[trouble] += 1
        waiting = sum(map(len, self._waiting))
        _log.warning("write_failed", writer=self._writer, kind=trouble, waiting=waiting)

    async def _round(self) -> str:
        """Send each partition's oldest entries in one pipeline. Returns the first trouble's kind or ''."""
        shelved = {p: _chunk(found) for p in range(len(self._waiting)) if (found := self._shelved(p))}
        chunks = {p: _chunk(queue) for p, queue in enumerate(self._waiting) if queue} | shelved
        replies = await self._send(chunks)
        if any(isinstance(reply, NoScriptError) for reply in replies):
            await self._redis.execute_command("SCRIPT LOAD", APPEND.body)
            return ""
        trouble = [_trouble(reply) for reply in replies]
        for (partition, chunk), reply in zip(chunks.items(), replies, strict=True):
            if not isinstance(reply, Exception) and (written := int(reply[0])):
                self._forget(partition, chunk[:written], shelved=partition in shelved)
        return next(filter(None, trouble), "")

    async def _send(self, chunks: dict[int, list[InputEntry]]) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for partition, chunk in chunks.items():
                pipe.execute_command("EVALSHA", APPEND.sha, 1, keys.events(partition), *_arguments(chunk))
            replies: list[Any] = await pipe.execute(raise_on_error=False)
        raise_if_cancelled()
        return replies

    def _forget(self, partition: int, written: Sequence[InputEntry], *, shelved: bool) -> None:
        self.written += len(written)
        if shelved and self._shelf is not None:
            self._shelf.done(partition, len(written))
            return
        # Some may have gone to the shelf while they were on their way: they will be written twice, which readers know.
        queue, last = self._waiting[partition], written[-1].seq
        while queue and queue[0].seq <= last:
            self._sizes[partition] -= size_of(queue.popleft())


def size_of(entry: InputEntry) -> int:
    """Return about how many bytes an entry takes."""
    return ENTRY_BYTES + len(entry.data)


def _trouble(reply: Any) -> str:
    return kind_of(reply) if isinstance(reply, Exception) else as_text(reply[1], "").partition(" ")[0]


def _chunk(entries: Iterable[InputEntry]) -> list[InputEntry]:
    chunk: list[InputEntry] = []
    size = 0
    for entry in entries:
        size += size_of(entry)
        if chunk and (len(chunk) >= ROUND_ENTRIES or size > ROUND_BYTES):
            break
        chunk.append(entry)
    return chunk


def _arguments(chunk: Sequence[InputEntry]) -> list[bytes | int]:
    args: list[bytes | int] = []
    for entry in chunk:
        fields = entry.to_fields()
        args.append(2 * len(fields))
        args += (part for pair in fields.items() for part in pair)
    return args
