"""Heartbeats: which processes of which service are there, and where they listen."""

from __future__ import annotations

import msgspec
from redis.asyncio import Redis

from foreshock_model import keys
from foreshock_runtime.streams.ids import as_text
from foreshock_runtime.streams.scripts import Script

BEAT_SECONDS = 1.0
TTL_MS = 3000
# Names of all processes ever seen, so that nobody has to search the keys for the living ones.
KNOWN = "alive:known"

# KEYS heartbeat, known; ARGV JSON, ttl ms, "service:instance".
_BEAT = Script("""
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SADD', KEYS[2], ARGV[3])
return 1
""")


class Heartbeat(msgspec.Struct, frozen=True):
    """What a living process says of itself. Addresses are in the form of the settings."""

    service: str
    instance: str
    pid: int
    version: str
    health: str = ""
    control: str = ""
    metrics: str = ""
    serving: bool = False
    config_revision: int = 0


async def beat(redis: Redis, heartbeat: Heartbeat) -> None:
    """Say that this process lives, for the next three seconds. Raises what redis-py raises."""
    names = [keys.alive(heartbeat.service, heartbeat.instance), KNOWN]
    member = f"{heartbeat.service}:{heartbeat.instance}"
    await _BEAT(redis, names, [msgspec.json.encode(heartbeat), TTL_MS, member])


async def leave(redis: Redis, service: str, instance: str) -> None:
    """Take the heartbeat away: this process ends in order. Raises what redis-py raises."""
    await redis.execute_command("DEL", keys.alive(service, instance))
    await redis.execute_command("SREM", KNOWN, f"{service}:{instance}")


async def living(redis: Redis) -> list[Heartbeat]:
    """Return the heartbeats of all living processes, by service and instance. Raises what redis-py raises."""
    members = sorted(as_text(member) for member in await redis.execute_command("SMEMBERS", KNOWN))
    if not members:
        return []
    found = await redis.execute_command("MGET", *(keys.alive(*m.split(":", 1)) for m in members))
    return [msgspec.json.decode(value, type=Heartbeat) for value in found if value is not None]
