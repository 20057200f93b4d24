"""The part of a status answer that is the same for every service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from foreshock_protos.common.v1 import common_pb2
from foreshock_runtime.latency import LatencyRecorder
from foreshock_runtime.lifecycle import Service
from foreshock_runtime.partitions import Partition

SLOW_SECONDS = 5.0


def service_status(
    service: Service,
    *,
    counters: Mapping[str, int],
    latencies: Mapping[str, LatencyRecorder] | None = None,
    partitions: Sequence[Partition[Any, Any]] = (),
    problems: Sequence[str] = (),
) -> common_pb2.ServiceStatus:
    """Return how this process fares. What is wrong with partitions is added to the problems."""
    beat = service.heartbeat()
    return common_pb2.ServiceStatus(
        service=beat.service,
        instance=beat.instance,
        version=beat.version,
        serving=beat.serving,
        config_revision=beat.config_revision,
        partitions=[_partition(each) for each in partitions],
        counters={**counters, "redis_failures": service.health.failures},
        latencies={name: _latency(recorder) for name, recorder in (latencies or {}).items()},
        problems=[*problems, *(line for each in partitions for line in _problems(each))],
    )


def _latency(recorder: LatencyRecorder) -> common_pb2.Latency:
    told = recorder.summary()
    return common_pb2.Latency(n=told.n, p50_ms=told.p50, p99_ms=told.p99, max_ms=told.max)


def _partition(partition: Partition[Any, Any]) -> common_pb2.PartitionStatus:
    status = partition.status
    return common_pb2.PartitionStatus(
        partition=partition.number,
        owned=status.owned,
        cursor=status.cursor,
        lag_entries=status.lag_entries or 0,
        lag_seconds=status.lag_seconds,
        entries=status.entries,
        stale=status.stale,
        dead=status.dead,
    )


def _problems(partition: Partition[Any, Any]) -> list[str]:
    status, number = partition.status, partition.number
    found = []
    if status.lag_seconds > SLOW_SECONDS:
        found.append(f"partition {number} is {status.lag_seconds:.0f} s behind")
    if status.dead:
        found.append(f"partition {number}: {status.dead} entries could not be processed")
    if status.refused:
        found.append(f"partition {number}: Redis refused {status.refused} answers")
    if status.trimmed:
        found.append(f"partition {number}: {status.trimmed} entries were gone before they were read")
    return found
