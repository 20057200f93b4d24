"""The gRPC control of velocity."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc

from foreshock_model import keys
from foreshock_protos.common.v1 import common_pb2
from foreshock_protos.velocity.v1 import control_pb2, control_pb2_grpc
from foreshock_runtime.control import ConfigControl
from foreshock_runtime.lifecycle import Service
from foreshock_runtime.rpc import invalid_argument
from foreshock_runtime.service_status import service_status
from foreshock_runtime.servicer import ControlServicer
from foreshock_velocity.collector import COUNTERS, VelocityCollector
from foreshock_velocity.domain import VelocityConfig
from foreshock_velocity.domain.state import UnknownSymbolError
from foreshock_velocity.metrics_view import symbol_metrics
from foreshock_velocity.watching import Watchers

SERVICE_NAME = "foreshock.velocity.v1.VelocityControlService"
SHOWN = (*COUNTERS, "symbols", "state_bytes")
MOST_SYMBOLS = 100


class VelocityControl(ControlServicer):
    """Answers control calls of one process."""

    def __init__(
        self, service: Service, config: ConfigControl[VelocityConfig], collector: VelocityCollector, watchers: Watchers
    ) -> None:
        super().__init__(control_pb2, control_pb2_grpc.add_VelocityControlServiceServicer_to_server, config)
        self._service = service
        self._collector = collector
        self._watchers = watchers

    def status(self) -> common_pb2.ServiceStatus:
        """Return how this process fares."""
        lost = self._collector.trimmed_unread
        return service_status(
            self._service,
            counters=self._counters(),
            latencies={"socket_to_metrics": self._collector.latency, "evaluation": self._collector.evaluation},
            partitions=self._collector.partitions,
            problems=[
                f"partition {each}: {lost[each]} metrics were cut before signals had them"
                for each in lost
                if lost[each]
            ],
        )

    async def GetMetrics(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        """Return the metrics of symbols as they were last evaluated."""
        return control_pb2.GetMetricsResponse(metrics=await self._look(request.symbols, context))

    async def WatchMetrics(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802 - gRPC's name
        """Yield every row of symbols, once its answer is committed."""
        await self._look(request.symbols, context)
        if self._watchers.full:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{len(self._watchers)} watch already")
        with self._watchers.watch(request.symbols) as watcher:
            while told := await watcher.next():
                found = symbol_metrics(told.metrics, told.rows, told.partition)
                yield control_pb2.WatchMetricsResponse(metrics=found, dropped=watcher.dropped)
        await context.abort(grpc.StatusCode.UNAVAILABLE, "this process is about to end")

    async def _look(self, symbols: Sequence[str], context: Any) -> list[control_pb2.SymbolMetrics]:
        """Return one message a symbol; ends the call with NOT_FOUND at the first that is not known here."""
        if not 1 <= len(symbols) <= MOST_SYMBOLS:
            await invalid_argument(context, {"symbols": f"name 1 to {MOST_SYMBOLS} symbols, not {len(symbols)}"})
        found = []
        for symbol in symbols:
            try:
                found += self._look_at(symbol)
            except UnknownSymbolError as error:
                await context.abort(grpc.StatusCode.NOT_FOUND, str(error))
        return found

    def _look_at(self, symbol: str) -> list[control_pb2.SymbolMetrics]:
        partitions = self._collector.partitions
        number = keys.partition_of(symbol, len(partitions))
        processor = partitions[number].processor
        if processor is None:
            raise UnknownSymbolError(f"{symbol}: another process owns its partition {number}, or none does")
        return symbol_metrics(processor.state.look((symbol,)), (0,), number)

    def _counters(self) -> dict[str, int]:
        total: Counter[str] = Counter()
        for partition in self._collector.partitions:
            found = self._collector.figures(partition)
            total.update({name: int(found.get(name, 0)) for name in SHOWN})
        return dict(total)
