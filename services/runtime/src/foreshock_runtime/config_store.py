"""Configurations: kept with their history, and told to every partition in its own stream."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from foreshock_model import keys
from foreshock_model.entries import ConfigDocument, InputEntry
from foreshock_runtime.clock import Clock, SystemClock
from foreshock_runtime.streams.ids import as_text
from foreshock_runtime.streams.scripts import Argument, Script

HISTORY = 100
# A revision is the sequence number of the entries that carry it; a configuration has one line of revisions
# for ever.
EPOCH = 1

# KEYS config, history, events of each partition; ARGV expected revision, expected etag, new revision, new
# etag, document, author, reason, ts, history record, length of history, number of arguments of the entry,
# these.
# Answers {OK} or {STALE, current etag}. The entry is the same in each partition.
_SAVE = Script("""
local revision = redis.call('HGET', KEYS[1], 'revision') or '0'
local etag = redis.call('HGET', KEYS[1], 'etag') or ''
if revision ~= ARGV[1] or etag ~= ARGV[2] then return {'STALE', etag} end
redis.call('HSET', KEYS[1], 'revision', ARGV[3], 'etag', ARGV[4], 'document', ARGV[5], 'author', ARGV[6],
  'reason', ARGV[7], 'ts', ARGV[8])
redis.call('LPUSH', KEYS[2], ARGV[9])
redis.call('LTRIM', KEYS[2], 0, tonumber(ARGV[10]) - 1)
for i = 3, #KEYS do redis.call('XADD', KEYS[i], '*', unpack(ARGV, 11)) end
return {'OK'}
""")


class EtagMismatchError(Exception):
    """The configuration is not the one that was meant. `current` is its etag, '' when there is none."""

    def __init__(self, current: str) -> None:
        super().__init__(f"etag is stale, the current one is {current or 'none'}")
        self.current = current


class Stored(NamedTuple):
    """A configuration: its revision (from 1), etag and document (JSON)."""

    revision: int
    etag: str
    document: bytes


class Revision(msgspec.Struct, frozen=True):
    """A line of the history. ts is ns UTC."""

    revision: int
    etag: str
    author: str
    reason: str
    ts: int
    document: msgspec.Raw


class ConfigStore:
    """The configuration of one service. Documents are JSON."""

    def __init__(self, redis: Redis, service: str, partitions: int, clock: Clock | None = None) -> None:
        self._redis = redis
        self._service = service
        self._partitions = partitions
        self._clock = clock or SystemClock()

    async def load(self) -> Stored | None:
        """Return the present configuration, None before the first.

        Raises ValueError when the key holds something else, and what redis-py raises.
        """
        fields = ("revision", "etag", "document")
        revision, etag, document = await self._redis.execute_command("HMGET", keys.config(self._service), *fields)
        if revision is None:
            return None
        if document is None or not revision.isdigit():
            msg = f"{keys.config(self._service)} holds no configuration"
            raise ValueError(msg)
        return Stored(int(revision), as_text(etag, ""), document)

    async def save(self, expected_etag: str, document: bytes, author: str, reason: str) -> int:
        """Store a new revision and write it into every partition's events, in one step. Returns its number.

        expected_etag is that of the configuration this one replaces, '' for the first.

        Raises EtagMismatchError, msgspec.DecodeError when the document is no JSON, and what redis-py raises.
        """
        msgspec.json.decode(document)
        present = await self.load()
        if expected_etag != (present.etag if present else ""):
            raise EtagMismatchError(present.etag if present else "")
        last = present.revision if present else 0
        new = Revision(last + 1, etag_of(last + 1, document), author, reason, self._clock.now(), msgspec.Raw(document))
        reply = await _SAVE(self._redis, self._keys(), self._arguments(last, expected_etag, new))
        if reply[0] != b"OK":
            raise EtagMismatchError(as_text(reply[1], ""))
        return new.revision

    async def history(self, limit: int = HISTORY) -> list[Revision]:
        """Return the newest revisions, newest first.

        Raises msgspec.DecodeError for a foreign line, and what redis-py raises.
        """
        lines = await self._redis.execute_command("LRANGE", keys.config_history(self._service), 0, limit - 1)
        return [msgspec.json.decode(line, type=Revision) for line in lines]

    def _keys(self) -> list[str]:
        events = [keys.events(p) for p in range(self._partitions)]
        return [keys.config(self._service), keys.config_history(self._service), *events]

    def _arguments(self, last: int, expected_etag: str, new: Revision) -> list[Argument]:
        document = bytes(new.document)
        told = ConfigDocument(self._service, new.revision, new.document)
        entry = InputEntry("config", f"control:{self._service}", EPOCH, new.revision, new.ts, msgspec.json.encode(told))
        flat = [part for pair in entry.to_fields().items() for part in pair]
        args: list[Argument] = [last, expected_etag, new.revision, new.etag, document]
        return [*args, new.author, new.reason, new.ts, msgspec.json.encode(new), HISTORY, *flat]


def etag_of(revision: int, document: bytes) -> str:
    """Return the etag of a revision: a digest, so that equal documents of different revisions differ."""
    return hashlib.sha256(b"%d\n" % revision + document).hexdigest()[:16]
