"""The gRPC control of signals: the only file that knows its proto types."""

from __future__ import annotations

from collections import Counter

from foreshock_protos.common.v1 import common_pb2
from foreshock_protos.signals.v1 import control_pb2, control_pb2_grpc
from foreshock_runtime.collector import work
from foreshock_runtime.control import ConfigControl
from foreshock_runtime.lifecycle import Service
from foreshock_runtime.service_status import service_status
from foreshock_runtime.servicer import ControlServicer
from foreshock_signals.collector import SignalsCollector, market
from foreshock_signals.domain.config import SignalsConfig

SERVICE_NAME = "foreshock.signals.v1.SignalsControlService"
SHOWN = (
    "entries",
    "rejected_configs",
    "symbols",
    "state_bytes",
    "commits",
    "stale_commits",
    "dead_letters",
    "evaluated",
)


class SignalsControl(ControlServicer):
    """Answers control calls of one process."""

    def __init__(self, service: Service, config: ConfigControl[SignalsConfig], collector: SignalsCollector) -> None:
        super().__init__(control_pb2, control_pb2_grpc.add_SignalsControlServiceServicer_to_server, config)
        self._service = service
        self._collector = collector

    def status(self) -> common_pb2.ServiceStatus:
        """Return how this process fares."""
        return service_status(
            self._service,
            counters=self._counters(),
            latencies={"socket_to_signals": self._collector.latency},
            partitions=self._collector.partitions,
        )

    def _counters(self) -> dict[str, int]:
        total: Counter[str] = Counter(market(self._collector.stage))
        for partition in self._collector.partitions:
            found = work(partition) | self._collector.figures(partition)
            total.update({name: int(found.get(name, 0)) for name in SHOWN})
            said = partition.journal.acknowledged
            total.update({f"signals_{level.lower()}": number for level, number in said.items()})
        return dict(total)
