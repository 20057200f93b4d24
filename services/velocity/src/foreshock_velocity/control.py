"""The gRPC control of velocity: the only file that knows its proto types."""

from __future__ import annotations

from collections import Counter

from foreshock_protos.common.v1 import common_pb2
from foreshock_protos.velocity.v1 import control_pb2, control_pb2_grpc
from foreshock_runtime.control import ConfigControl
from foreshock_runtime.lifecycle import Service
from foreshock_runtime.service_status import service_status
from foreshock_runtime.servicer import ControlServicer
from foreshock_velocity.collector import COUNTERS, VelocityCollector
from foreshock_velocity.domain import VelocityConfig

SERVICE_NAME = "foreshock.velocity.v1.VelocityControlService"
SHOWN = (*COUNTERS, "symbols", "state_bytes")


class VelocityControl(ControlServicer):
    """Answers control calls of one process."""

    def __init__(self, service: Service, config: ConfigControl[VelocityConfig], collector: VelocityCollector) -> None:
        super().__init__(control_pb2, control_pb2_grpc.add_VelocityControlServiceServicer_to_server, config)
        self._service = service
        self._collector = collector

    def status(self) -> common_pb2.ServiceStatus:
        """Return how this process fares."""
        lost = self._collector.trimmed_unread
        return service_status(
            self._service,
            counters=self._counters(),
            latencies={"socket_to_metrics": self._collector.latency},
            partitions=self._collector.partitions,
            problems=[
                f"partition {each}: {lost[each]} metrics were cut before signals had them"
                for each in lost
                if lost[each]
            ],
        )

    def _counters(self) -> dict[str, int]:
        total: Counter[str] = Counter()
        for partition in self._collector.partitions:
            found = self._collector.figures(partition)
            total.update({name: int(found.get(name, 0)) for name in SHOWN})
        return dict(total)
