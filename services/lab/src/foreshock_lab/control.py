"""Ask a running service how it is, over its own gRPC interfaces."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from enum import StrEnum
from importlib import import_module
from typing import Any

import grpc
import msgspec
from redis.asyncio import Redis

from foreshock_runtime import probe
from foreshock_runtime.alive import Heartbeat, living
from foreshock_runtime.latency import LatencySummary
from foreshock_runtime.settings import Secret

CALL_SECONDS = 3.0


class Health(StrEnum):
    """What a service says of itself, or why it says nothing."""

    SERVING = "SERVING"
    NOT_SERVING = "NOT_SERVING"
    UNREACHABLE = "UNREACHABLE"
    MISSING = "MISSING"
    """No process of the service has a heartbeat."""
    UNKNOWN = "UNKNOWN"
    """It has not told its address."""
    ENDED = "ENDED"


class ServiceView(msgspec.Struct, frozen=True):
    """A service's status: counters and latencies by name, and what it says is wrong."""

    counters: Mapping[str, int]
    latencies: Mapping[str, LatencySummary]
    problems: tuple[str, ...]


async def heartbeat(redis: Redis, service: str, pid: int) -> Heartbeat | None:
    """Return the heartbeat of this very process, None while there is none. Raises what redis-py raises."""
    return next((each for each in await living(redis) if (each.service, each.pid) == (service, pid)), None)


def health_of(address: str) -> Health:
    """Ask for a process's overall health and wait for the answer."""
    told = probe.status(address)
    return Health(told) if told in {Health.SERVING, Health.NOT_SERVING} else Health.UNREACHABLE


async def ask_health(address: str) -> Health:
    """Return the process's overall health."""
    return await asyncio.to_thread(health_of, address)


async def ask_status(service: str, address: str, token: Secret | None = None) -> ServiceView | None:
    """Return a service's status, None when its control does not answer."""
    messages: Any = import_module(f"foreshock_protos.{service}.v1.control_pb2")
    shown = (("authorization", f"Bearer {token.reveal()}"),) if token else ()
    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.unary_unary(
            f"/foreshock.{service}.v1.{service.capitalize()}ControlService/GetStatus",
            request_serializer=messages.GetStatusRequest.SerializeToString,
            response_deserializer=messages.GetStatusResponse.FromString,
        )
        try:
            status = (await call(messages.GetStatusRequest(), timeout=CALL_SECONDS, metadata=shown)).status
        except grpc.RpcError:
            return None
    return ServiceView(
        counters=dict(status.counters),
        latencies={
            name: LatencySummary(each.n, each.p50_ms, each.p99_ms, each.max_ms)
            for name, each in status.latencies.items()
        },
        problems=tuple(status.problems),
    )
