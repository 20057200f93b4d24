"""The gRPC control of signals: the only file that knows its proto types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import grpc.aio

from foreshock_protos.common.v1 import common_pb2
from foreshock_protos.signals.v1 import control_pb2, control_pb2_grpc
from foreshock_runtime.control import ConfigControl
from foreshock_runtime.latency import LatencyRecorder
from foreshock_runtime.lifecycle import Service
from foreshock_signals.collector import counters, gauges, market
from foreshock_signals.domain.config import SignalsConfig
from foreshock_signals.market_stage import MarketStage
from foreshock_signals.partition import Partition

SERVICE_NAME = "foreshock.signals.v1.SignalsControlService"
SLOW_SECONDS = 5.0
STANDING = ("symbols", "state_bytes")


class SignalsControl(control_pb2_grpc.SignalsControlServiceServicer):
    """Answers control calls of one process."""

    def __init__(
        self,
        service: Service,
        config: ConfigControl[SignalsConfig],
        work: tuple[Sequence[Partition], MarketStage],
        latency: LatencyRecorder,
    ) -> None:
        self._service = service
        self._config = config
        self._partitions, self._stage = work
        self._latency = latency

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register with a server."""
        control_pb2_grpc.add_SignalsControlServiceServicer_to_server(self, server)

    async def GetConfig(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - gRPC's names
        """Return the newest configuration."""
        return await self._config.get(control_pb2.GetConfigResponse(), context)

    async def UpdateConfig(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        """Store a change and write it into every partition's stream."""
        return await self._config.update(request, control_pb2.UpdateConfigResponse(), context)

    async def GetStatus(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - gRPC's names
        """Return how this process fares."""
        return control_pb2.GetStatusResponse(status=self._status())

    def _status(self) -> common_pb2.ServiceStatus:
        beat = self._service.heartbeat()
        summary = self._latency.summary()
        return common_pb2.ServiceStatus(
            service=beat.service,
            instance=beat.instance,
            version=beat.version,
            serving=beat.serving,
            config_revision=beat.config_revision,
            partitions=[_partition(each) for each in self._partitions],
            counters=self._counters(),
            latencies={
                "socket_to_signals": common_pb2.Latency(
                    n=summary.n, p50_ms=summary.p50, p99_ms=summary.p99, max_ms=summary.max
                )
            },
            problems=self._problems(),
        )

    def _counters(self) -> dict[str, int]:
        total: Counter[str] = Counter(market(self._stage))
        for partition in self._partitions:
            total.update({name: int(value) for name, value in counters(partition).items() if "seconds" not in name})
            standing = gauges(partition)
            total.update({name: int(standing.get(name, 0)) for name in STANDING})
            total.update({f"signals_{level.lower()}": said for level, said in partition.journal.signals.items()})
        return dict(total)

    def _problems(self) -> list[str]:
        found = []
        for partition in self._partitions:
            status, number = partition.status, partition.number
            if status.lag_seconds > SLOW_SECONDS:
                found.append(f"partition {number} is {status.lag_seconds:.0f} s behind")
            if status.dead:
                found.append(f"partition {number}: {status.dead} entries could not be processed")
            if status.trimmed:
                found.append(f"partition {number}: {status.trimmed} entries were gone before they were read")
        return found


def _partition(partition: Partition) -> common_pb2.PartitionStatus:
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
