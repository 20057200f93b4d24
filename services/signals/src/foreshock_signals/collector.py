"""What Prometheus sees of signals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from foreshock_model.signal import Level
from foreshock_runtime.collector import Latency, PartitionCollector
from foreshock_runtime.latency import LatencyRecorder
from foreshock_signals.market_stage import MarketStage
from foreshock_signals.stage import SignalsPartition as Partition

MARKET = {
    "market_rounds": "Rounds of the market stage in this process.",
    "market_written": "Market entries written by this process, one a round for all partitions.",
    "market_unreadable": "Entries of metrics the market stage could not read.",
}


class SignalsCollector(PartitionCollector[Partition]):
    """Reads all partitions and the market stage of the process."""

    prefix = "foreshock_signals"
    counters = {  # noqa: RUF012 - declared as a ClassVar by the base
        "entries": "Entries of metrics answered by this process.",
        "rejected_configs": "Configuration revisions that could not be applied.",
    }
    measured = Latency(
        "socket_to_signals", "Receipt of the input behind a signal to the acknowledged commit, since the start."
    )

    def __init__(self, partitions: Sequence[Partition], stage: MarketStage, latency: LatencyRecorder) -> None:
        super().__init__(partitions, latency)
        self.stage = stage

    def collect(self) -> Iterator[Metric]:
        """Return all metrics, one sample a partition where they are of partitions."""
        yield from super().collect()
        yield self._said()
        yield from self._market()

    def figures(self, partition: Partition) -> dict[str, float]:
        """Return what this process has done for the partition, and what its state holds."""
        found: dict[str, float] = {"entries": partition.status.entries, "rejected_configs": 0}
        if partition.processor is None:
            return found
        state = partition.processor.state
        return found | {
            "rejected_configs": state.rejected_configs,
            "symbols": len(state.symbols),
            "state_bytes": state.size_bytes,
        }

    def _said(self) -> CounterMetricFamily:
        text = "Signals published and acknowledged by this process."
        family = CounterMetricFamily(f"{self.prefix}_published", text, labels=["partition", "level"])
        for partition in self.partitions:
            for level in Level:
                family.add_metric([str(partition.number), level.name], partition.journal.acknowledged[level.name])
        return family

    def _market(self) -> Iterator[Metric]:
        for name, value in market(self.stage).items():
            yield CounterMetricFamily(f"{self.prefix}_{name}", MARKET[name], value=value)
        text = "1 while this process holds the lease of the market stage."
        yield GaugeMetricFamily(f"{self.prefix}_market_leading", text, value=float(self.stage.leading))


def market(stage: MarketStage) -> dict[str, int]:
    """Return what the market stage of this process has done."""
    return {
        "market_rounds": stage.rounds,
        "market_written": stage.written,
        "market_unreadable": stage.unreadable,
    }
