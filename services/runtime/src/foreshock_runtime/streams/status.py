"""How an owner works, and what it has done."""

from __future__ import annotations

from dataclasses import dataclass, field

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from foreshock_runtime.connection import BLOCK_MS
from foreshock_runtime.streams.ids import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerOptions:
    """How an owner works.

    lease_seconds     time to live of the lease; renewed every third
    snapshot_seconds  at least this long between two snapshots
    read_count        entries a read may bring, answered by one commit
    block_ms          how long an idle read waits; less than the client's socket timeout
    deliveries        failed attempts after which an entry is a dead letter
    """

    lease_seconds: float = 2.0
    snapshot_seconds: float = 30.0
    read_count: int = 256
    block_ms: int = BLOCK_MS
    deliveries: int = 3


@dataclass(slots=True)
class OwnerStatus:
    """What an owner has done.

    lag_entries  entries not yet delivered to the group, None while the server cannot tell
    lag_seconds  age of the oldest entry not answered yet, 0 when there is none
    trimmed      entries that were gone from the stream before they were read
    refused      answers the server did not take; repeated: answers it had already
    errors       interruptions by kind
    """

    owned: bool = False
    cursor: str = ZERO
    lag_entries: int | None = None
    lag_seconds: float = 0.0
    entries: int = 0
    commits: int = 0
    snapshots: int = 0
    recoveries: int = 0
    replayed: int = 0
    stale: int = 0
    dead: int = 0
    trimmed: int = 0
    refused: int = 0
    repeated: int = 0
    errors: dict[str, int] = field(default_factory=dict)


def kind_of(error: BaseException) -> str:
    """Return the server's own word for an error (NOGROUP, OOM, ...), else what became of the connection."""
    if isinstance(error, RedisTimeoutError | TimeoutError):
        return "timeout"
    if isinstance(error, RedisConnectionError | OSError):
        return "connection"
    word = str(error).partition(" ")[0].strip("-:")
    if isinstance(error, ResponseError) and word.isupper():
        return word
    return type(error).__name__
