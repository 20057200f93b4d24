"""The processes of a running house, as their heartbeats in Redis tell."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import redis

from foreshock_cli.exits import unreachable, usage_error

SERVICES = ("feeds", "velocity", "signals")


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """One heartbeat. Addresses are host:port or unix:PATH, as gRPC takes them; empty when there is none."""

    service: str
    instance: str = "0"
    pid: int = 0
    version: str = ""
    config_revision: int = 0
    health: str = ""
    control: str = ""
    metrics: str = ""


def alive(client: redis.Redis) -> list[Process]:
    """Return the processes whose heartbeat has not run out, services in the order of the data's way."""
    found = []
    for service in SERVICES:
        names = sorted(cast("Any", client.scan_iter(match=f"alive:{service}:*", count=1_000)))
        values = cast("list[bytes | None]", client.mget(names)) if names else []
        for name, value in zip(names, values, strict=True):
            if value is not None:
                found.append(_read(service, name.decode().rpartition(":")[2], value))
    return found


def one(client: redis.Redis, service: str) -> Process:
    """Return a process of this service. Raises CommandError when the name is wrong or none is alive."""
    if service not in SERVICES:
        raise usage_error(f"there is no service {service!r}", hint=f"services: {' '.join(SERVICES)}")
    for process in alive(client):
        if process.service == service and process.control:
            return process
    raise unreachable(f"no {service} is alive in this Redis", hint="`foreshock status` shows what is")


def _read(service: str, instance: str, value: bytes) -> Process:
    try:
        fields = msgspec.json.decode(value, type=dict[str, Any])
        flat = {**fields, **fields.get("addresses", {}), "service": service, "instance": instance}
        return msgspec.convert(flat, Process, strict=False)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return Process(service=service, instance=instance)
