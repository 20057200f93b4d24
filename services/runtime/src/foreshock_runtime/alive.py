"""Heartbeats: which processes of which service are there, and where they listen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from foreshock_model import keys
from foreshock_runtime.streams.ids import as_text
from foreshock_runtime.streams.scripts import Script

BEAT_SECONDS = 1.0
TTL_MS = 3000

# KEYS heartbeat, known; ARGV JSON, ttl ms, "service:instance".
_BEAT = Script("""
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SADD', KEYS[2], ARGV[3])
return 1
""")


# KEYS known, heartbeats; ARGV "service:instance" of each.
_FORGET = Script("""
for i = 1, #ARGV do
  if redis.call('EXISTS', KEYS[i + 1]) == 0 then redis.call('SREM', KEYS[1], ARGV[i]) end
end
return 1
""")


class Heartbeat(msgspec.Struct, frozen=True):
    """What a living process says of itself. Addresses are in the form of the settings.

    leaving  it is about to end, and hands over what it owns
    """

    service: str
    instance: str
    pid: int
    version: str
    health: str = ""
    control: str = ""
    metrics: str = ""
    serving: bool = False
    config_revision: int = 0
    leaving: bool = False


async def beat(redis: Redis, heartbeat: Heartbeat) -> None:
    """Say that this process lives, for the next three seconds. Raises what redis-py raises."""
    names = [keys.alive(heartbeat.service, heartbeat.instance), keys.ALIVE_KNOWN]
    member = f"{heartbeat.service}:{heartbeat.instance}"
    await _BEAT(redis, names, [msgspec.json.encode(heartbeat), TTL_MS, member])


async def leave(redis: Redis, service: str, instance: str) -> None:
    """Take the heartbeat away: this process ends in order. Raises what redis-py raises."""
    await redis.execute_command("DEL", keys.alive(service, instance))
    await redis.execute_command("SREM", keys.ALIVE_KNOWN, f"{service}:{instance}")


class Around(NamedTuple):
    """What a look found: heartbeats by service and instance, how many nobody can read, names without a heartbeat."""

    living: list[Heartbeat]
    unreadable: int
    gone: list[str]


async def look_around(redis: Redis) -> Around:
    """Look at all processes known. What is no heartbeat is counted, not believed. Raises what redis-py raises."""
    members = sorted(as_text(member) for member in await redis.execute_command("SMEMBERS", keys.ALIVE_KNOWN))
    if not members:
        return Around([], 0, [])
    found = await redis.execute_command("MGET", *map(_key_of, members))
    present = [value for value in found if value is not None]
    readable = [heartbeat for heartbeat in map(_read, present) if heartbeat is not None]
    gone = [member for member, value in zip(members, found, strict=True) if value is None]
    return Around(readable, len(present) - len(readable), gone)


async def living(redis: Redis) -> list[Heartbeat]:
    """Return the heartbeats of all living processes, by service and instance. Raises what redis-py raises."""
    return (await look_around(redis)).living


async def forget(redis: Redis, members: Sequence[str]) -> None:
    """Drop names of processes that were killed, unless they live again. Raises what redis-py raises."""
    if members:
        await _FORGET(redis, [keys.ALIVE_KNOWN, *map(_key_of, members)], list(members))


def _key_of(member: str) -> str:
    service, _, instance = member.partition(":")
    return keys.alive(service, instance)


def _read(value: bytes) -> Heartbeat | None:
    try:
        return msgspec.json.decode(value, type=Heartbeat)
    except msgspec.DecodeError:
        return None
