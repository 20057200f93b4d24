"""The processes of a running house, as their heartbeats in Redis tell."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import redis
from redis.asyncio import Redis

from foreshock_cli.exits import unreachable, usage_error
from foreshock_lab.house import SERVICES
from foreshock_runtime.alive import Heartbeat, living


class _Blocking:
    """A blocking client where an asynchronous one is asked for: its answers are there at once."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    async def execute_command(self, *args: Any) -> Any:
        return self._client.execute_command(*args)


def alive(client: redis.Redis) -> list[Heartbeat]:
    """Return the processes whose heartbeat has not run out, services in the order of the data's way."""
    found = asyncio.run(living(cast("Redis", _Blocking(client))))
    return sorted((each for each in found if each.service in SERVICES), key=lambda each: SERVICES.index(each.service))


def one(client: redis.Redis, service: str) -> Heartbeat:
    """Return a process of this service. Raises CommandError when none is alive."""
    for process in alive(client):
        if process.service == service and process.control:
            return process
    raise unreachable(f"no {service} is alive in this Redis", hint="`foreshock status` shows what is")


def at(address: str, service: str) -> Heartbeat:
    """Return what is known of a process by its control's address alone."""
    return Heartbeat(service=service, instance="", pid=0, version="", control=address)


def check(service: str) -> str:
    """Return the name when it is a service's. Raises CommandError."""
    if service not in SERVICES:
        raise usage_error(f"there is no service {service!r}", hint=f"services: {' '.join(SERVICES)}")
    return service
