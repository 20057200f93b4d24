"""What is known of a running house: its Redis, its processes, its feed routes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import msgspec
import redis
from google.protobuf.message import Message

from foreshock_cli import control, processes
from foreshock_cli.exits import CommandError
from foreshock_lab.control import Health, health_of
from foreshock_lab.house import SERVICES
from foreshock_model import keys
from foreshock_runtime.alive import Heartbeat


class RedisFacts(msgspec.Struct, frozen=True):
    """The server. kind: redis or valkey; used_memory in bytes."""

    kind: str
    version: str
    used_memory: int
    address: str


class ProcessFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One process. health: SERVING, NOT_SERVING, UNREACHABLE or MISSING; the rest is its own word.

    coverage: share of the whole market that it sees live, 0 to 1; coverage_possible: if all that it reads were live.
    """

    service: str
    instance: str
    health: str
    pid: int = 0
    version: str = ""
    config_revision: int = 0
    lag_entries: int = 0
    lag_seconds: float = 0.0
    partitions: list[dict[str, Any]] = []
    counters: dict[str, int] = {}
    latencies: dict[str, dict[str, Any]] = {}
    problems: list[str] = []
    routes: list[dict[str, Any]] = []
    venues: list[dict[str, Any]] = []
    coverage: float | None = None
    coverage_possible: float | None = None


class HouseFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The whole house. ok: every service has a process, and every process is SERVING without problems.

    redis and regime are None, and no service is missed, where only addresses were named.
    """

    ok: bool
    redis: RedisFacts | None
    regime: str | None
    services: list[ProcessFacts]


def look(client: redis.Redis, *, address: str, token: str | None) -> HouseFacts:
    """Ask everything that answers. Raises redis errors."""
    found = _asked(processes.alive(client), token)
    found += [
        ProcessFacts(service=service, instance="", health=Health.MISSING)
        for service in SERVICES
        if not any(each.service == service for each in found)
    ]
    found.sort(key=lambda each: SERVICES.index(each.service))
    return HouseFacts(ok=_all_well(found), redis=redis_facts(client, address), regime=_regime(client), services=found)


def look_at(addresses: Sequence[str], token: str | None) -> HouseFacts:
    """Ask the services whose controls are at these addresses, without Redis. Raises CommandError."""
    found = _asked([processes.at(each, control.service_at(each, token)) for each in addresses], token)
    return HouseFacts(ok=_all_well(found), redis=None, regime=None, services=found)


def redis_facts(client: redis.Redis, address: str) -> RedisFacts:
    """Return kind, version and memory of the server."""
    info = client.info()
    kind = "valkey" if "valkey_version" in info else "redis"
    return RedisFacts(kind, str(info.get(f"{kind}_version", "")), int(info.get("used_memory", 0)), address)


def _asked(living: Sequence[Heartbeat], token: str | None) -> list[ProcessFacts]:
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(lambda process: process_facts(process, token), living))


def _all_well(found: Sequence[ProcessFacts]) -> bool:
    return all(each.health == Health.SERVING and not each.problems for each in found)


def process_facts(process: Heartbeat, token: str | None) -> ProcessFacts:
    """Ask one process for its health and status."""
    known = ProcessFacts(
        service=process.service,
        instance=process.instance,
        health=health_of(process.health or process.control),
        pid=process.pid,
        version=process.version,
        config_revision=process.config_revision,
    )
    try:
        with control.opened(process, token) as service:
            answer = service.request("GetStatus")
    except CommandError as error:
        return msgspec.structs.replace(known, problems=[error.message])
    return _with_status(known, answer)


def _with_status(known: ProcessFacts, answer: Any) -> ProcessFacts:
    status = answer.status
    owned = [each for each in status.partitions if each.owned]
    return msgspec.structs.replace(
        known,
        config_revision=status.config_revision,
        lag_entries=sum(each.lag_entries for each in owned),
        lag_seconds=max((each.lag_seconds for each in owned), default=0.0),
        partitions=[_plain(each) for each in status.partitions],
        counters=dict(sorted(status.counters.items())),
        latencies={name: _plain(each) for name, each in sorted(status.latencies.items())},
        problems=list(status.problems),
        routes=[_plain(each) for each in getattr(answer, "routes", ())],
        venues=[_plain(each) for each in getattr(answer, "venues", ())],
        coverage=getattr(answer, "coverage", None),
        coverage_possible=getattr(answer, "coverage_possible", None),
    )


def _plain(message: Message) -> dict[str, Any]:
    """Return a flat message with numbers as numbers (proto's own JSON writes 64-bit ones as text)."""
    values = {field.name: getattr(message, field.name) for field in message.DESCRIPTOR.fields}
    return {
        name: value if isinstance(value, (bool, int, float, str)) else list(value) for name, value in values.items()
    }


def _regime(client: redis.Redis) -> str | None:
    value = cast("bytes | None", client.get(keys.REGIME))
    try:
        return str(msgspec.json.decode(value, type=dict[str, Any])["regime"]) if value else None
    except (msgspec.DecodeError, KeyError):
        return None
