"""Where an owner stands when it starts: the cursor, the newest valid snapshot, and the entries since.

Recovery is the start-up path: it runs at each start, after each takeover and after each error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from redis.asyncio import Redis

from foreshock_model import keys
from foreshock_runtime.clock import monotonic_ns
from foreshock_runtime.log import get_logger
from foreshock_runtime.streams.ids import ZERO, as_text, id_key
from foreshock_runtime.streams.scripts import Command
from foreshock_runtime.streams.sealing import SealError, seal, unseal

PAGE = 256
# Long work gives the event loop a turn this often, so that the lease is renewed in time. Every partition of a process
# takes its turn in one round of the loop, and a renewal takes several rounds: eight turns of 20 ms were too long.
TURN_NS = 2_000_000
SLOTS = ("a", "b")
# Dead letters kept for a person to look at.
DEAD_KEPT = 1000

_log = get_logger(__name__)


class Processor(Protocol):
    """One partition of one service: pure, so that its answers depend on the entries alone."""

    # True when rebuilt without a valid snapshot; the owner sets it before the first entry.
    warming: bool

    def advance(self, entry_id: str, fields: Mapping[bytes, bytes]) -> list[Command]:
        """Take in one entry and return the commands that answer it. Where it raises, it is tried again."""
        ...

    def closing(self) -> list[Command]:
        """Return commands that end a commit of answers: what each commit overwrites, so that only the last word counts.

        What it returns is not told again: a commit that comes to nothing takes it along.
        """
        ...

    def snapshot(self) -> bytes:
        """Return the whole state."""
        ...

    def restore(self, blob: bytes) -> None:
        """Take up a state made by `snapshot`. Raises ValueError when it is torn or of another schema."""
        ...

    def poison(self, entry_id: str) -> list[Command]:
        """Return the empty answer for an entry that went to the dead letter stream."""
        ...


@dataclass(frozen=True, slots=True)
class Names:
    """The keys of one service's partition."""

    service: str
    source: str
    cursor: str
    lease: str
    state: str
    dead: str

    @classmethod
    def of(cls, service: str, partition: int, source: str) -> Names:
        """Return the names for a source stream."""
        return cls(
            service=service,
            source=source,
            cursor=keys.cursor(service, partition),
            lease=keys.lease(service, partition),
            state=keys.state(service, partition),
            dead=keys.dead(source),
        )


@dataclass(frozen=True, slots=True)
class Recovered:
    """A processor that has taken in everything up to and with the cursor."""

    processor: Processor
    cursor: str
    next_slot: str
    replayed: int


class ReplayError(Exception):
    """An entry that was answered before raises now. Holds its id."""

    def __init__(self, entry_id: str) -> None:
        super().__init__(entry_id)
        self.entry_id = entry_id


class Turns:
    """Lets other tasks run when work has gone on for long."""

    def __init__(self) -> None:
        self._since = monotonic_ns()

    async def give(self) -> None:
        """Give way when it is time."""
        if monotonic_ns() - self._since > TURN_NS:
            await asyncio.sleep(0)
            self._since = monotonic_ns()


async def read_cursor(redis: Redis, names: Names) -> str:
    """Return the id of the last entry whose answer is committed, `0-0` for none."""
    return as_text(await redis.execute_command("GET", names.cursor))


async def recover(redis: Redis, names: Names, make: Callable[[], Processor], cursor: str) -> Recovered:
    """Return a processor at the cursor. Raises what redis-py raises."""
    skip = await _dead_ids(redis, names, cursor)
    while True:
        processor, start, slot = await _newest_snapshot(redis, names, make, cursor)
        if not await _continuous(redis, names, start, cursor):
            processor.warming = True
        try:
            replayed = await _replay(redis, names, processor, start=start, cursor=cursor, skip=skip)
        except ReplayError as error:
            # The failed call may have left anything behind: begin again without it.
            skip.add(error.entry_id)
            continue
        return Recovered(processor, cursor, slot, replayed)


async def _dead_ids(redis: Redis, names: Names, cursor: str) -> set[str]:
    """Return the ids up to the cursor that were answered as poison: a replay answers them so again."""
    found = set()
    for _, fields in await _xrange(redis, names.dead, "-", "+", count=DEAD_KEPT * 2):
        if fields.get(b"service") == names.service.encode():
            entry_id = as_text(fields.get(b"id"))
            if id_key(entry_id) <= id_key(cursor):
                found.add(entry_id)
    return found


async def _newest_snapshot(
    redis: Redis, names: Names, make: Callable[[], Processor], cursor: str
) -> tuple[Processor, str, str]:
    """Return a processor, the id it stands at (`0-0` when new), and the slot for the next snapshot."""
    stamps = await redis.execute_command("HMGET", names.state, *(f"{slot}.cursor" for slot in SLOTS))
    known = {slot: as_text(stamp) for slot, stamp in zip(SLOTS, stamps, strict=True) if stamp is not None}
    usable = [slot for slot in known if id_key(known[slot]) <= id_key(cursor)]
    for slot in sorted(usable, key=lambda s: id_key(known[s]), reverse=True):
        blob = await redis.execute_command("HGET", names.state, slot)
        if processor := _restored(make, blob, known[slot], names):
            return processor, known[slot], other_slot(slot)
    processor = make()
    processor.warming = True
    return processor, ZERO, SLOTS[0]


def _restored(make: Callable[[], Processor], blob: bytes | None, stamp: str, names: Names) -> Processor | None:
    processor = make()
    try:
        cursor, payload = unseal(blob or b"")
        if cursor != stamp:
            raise SealError(f"is of {cursor}, stored as {stamp}")
        processor.restore(payload)
    except ValueError as error:
        _log.warning("snapshot_refused", key=names.state, cursor=stamp, reason=str(error))
        return None
    return processor


def other_slot(slot: str) -> str:
    """Return the slot that is not this one."""
    return SLOTS[1] if slot == SLOTS[0] else SLOTS[0]


async def _continuous(redis: Redis, names: Names, start: str, cursor: str) -> bool:
    """Tell whether every entry since the snapshot is still there (trimming leaves its own entry)."""
    if start in {ZERO, cursor}:
        return True
    first = await _xrange(redis, names.source, "-", "+", count=1)
    return bool(first) and id_key(first[0][0]) <= id_key(start)


async def _replay(  # noqa: PLR0913 - the whole of a recovery
    redis: Redis, names: Names, processor: Processor, *, start: str, cursor: str, skip: Collection[str]
) -> int:
    """Feed the processor what lies after `start` up to the cursor; its answers are known and dropped."""
    done = 0
    turns = Turns()
    at = start
    while id_key(at) < id_key(cursor):
        page = await _xrange(redis, names.source, f"({at}", cursor, count=PAGE)
        if not page:
            break
        for entry_id, fields in page:
            _replay_one(processor, entry_id, fields, skip)
            await turns.give()
        done += len(page)
        at = page[-1][0]
    return done


def _replay_one(processor: Processor, entry_id: str, fields: Mapping[bytes, bytes], skip: Collection[str]) -> None:
    if entry_id in skip:
        processor.poison(entry_id)
        return
    try:
        processor.advance(entry_id, fields)
    except Exception as error:
        _log.exception("replay_failed", entry=entry_id)
        raise ReplayError(entry_id) from error


async def _xrange(
    redis: Redis, stream: str, first: str, last: str, *, count: int
) -> list[tuple[str, dict[bytes, bytes]]]:
    reply: Any = await redis.xrange(stream, first, last, count)
    return [(as_text(entry_id), fields or {}) for entry_id, fields in reply]


def snapshot_command(names: Names, slot: str, cursor: str, payload: bytes) -> Command:
    """Return the command that keeps a snapshot in a slot."""
    return ("HSET", names.state, slot, seal(cursor, payload), f"{slot}.cursor", cursor)


def pairs(flat: list[Any]) -> dict[bytes, bytes]:
    """Return `[field, value, ...]`, as a script's reply has it, as a mapping."""
    return dict(zip(flat[::2], flat[1::2], strict=True))
