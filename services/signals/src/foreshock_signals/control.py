"""The gRPC control of signals: the only file that knows its proto types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import grpc.aio

from foreshock_protos.common.v1 import common_pb2
from foreshock_protos.signals.v1 import control_pb2, control_pb2_grpc
from foreshock_runtime.control import ConfigControl
from foreshock_runtime.lifecycle import Service
from foreshock_runtime.service_status import service_status
from foreshock_signals.collector import SignalsCollector, counters, gauges, market
from foreshock_signals.domain.config import SignalsConfig
from foreshock_signals.stage import SignalsPartition

SERVICE_NAME = "foreshock.signals.v1.SignalsControlService"
STANDING = ("symbols", "state_bytes")


class SignalsControl(control_pb2_grpc.SignalsControlServiceServicer):
    """Answers control calls of one process."""

    def __init__(
        self,
        service: Service,
        config: ConfigControl[SignalsConfig],
        partitions: Sequence[SignalsPartition],
        collector: SignalsCollector,
    ) -> None:
        self._service = service
        self._config = config
        self._partitions = partitions
        self._collector = collector

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
        return service_status(
            self._service,
            counters=self._counters(),
            latencies={"socket_to_signals": self._collector.latency},
            partitions=self._partitions,
        )

    def _counters(self) -> dict[str, int]:
        total: Counter[str] = Counter(market(self._collector.stage))
        for partition in self._partitions:
            total.update({name: int(value) for name, value in counters(partition).items() if "seconds" not in name})
            standing = gauges(partition)
            total.update({name: int(standing.get(name, 0)) for name in STANDING})
            said = partition.journal.acknowledged
            total.update({f"signals_{level.lower()}": number for level, number in said.items()})
        return dict(total)
