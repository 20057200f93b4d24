"""What Prometheus sees of signals, read from the partitions when it asks: the hot path counts nothing twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from foreshock_model.signal import Level
from foreshock_runtime.latency import LatencyRecorder
from foreshock_signals.market_stage import MarketStage
from foreshock_signals.stage import SignalsPartition as Partition

PREFIX = "foreshock_signals"
COUNTERS = {
    "entries": "Entries of metrics answered by this process.",
    "commits": "Commits acknowledged to this process.",
    "stale_commits": "Commits refused because another owner had gone on.",
    "dead_letters": "Entries moved to the dead letter stream.",
    "rejected_configs": "Configuration revisions that could not be applied.",
    "evaluate_seconds": "Seconds spent on entries.",
    "evaluated": "Entries worked on by this process, replayed ones included.",
}
GAUGES = {
    "owned": "1 while this process holds the partition's lease.",
    "lag_entries": "Entries behind the head of the stream.",
    "lag_seconds": "Age of the oldest entry not yet answered.",
    "symbols": "Symbols known.",
    "state_bytes": "Bytes of the state's arrays.",
    "config_revision": "Configuration revision in force.",
}
MARKET = {
    "market_rounds": "Rounds of the market stage in this process.",
    "market_written": "Market entries written by this process, one a round for all partitions.",
    "market_unreadable": "Entries of metrics the market stage could not read.",
}
QUANTILES = (0.5, 0.99)
Families = dict[str, CounterMetricFamily | GaugeMetricFamily]


class SignalsCollector(Collector):
    """Reads all partitions and the market stage of the process."""

    def __init__(self, partitions: Sequence[Partition], stage: MarketStage, latency: LatencyRecorder) -> None:
        self._partitions = partitions
        self.latency = latency
        self.stage = stage

    def collect(self) -> Iterator[Metric]:
        """Return all metrics, one sample a partition where they are of partitions."""
        families: Families = {
            name: CounterMetricFamily(f"{PREFIX}_{name}", text, labels=["partition"]) for name, text in COUNTERS.items()
        }
        for name, text in GAUGES.items():
            families[name] = GaugeMetricFamily(f"{PREFIX}_{name}", text, labels=["partition"])
        for partition in self._partitions:
            for name, value in (counters(partition) | gauges(partition)).items():
                families[name].add_metric([str(partition.number)], value)
        yield from families.values()
        yield self._said()
        yield from self._market()
        yield self._latencies()

    def _said(self) -> CounterMetricFamily:
        text = "Signals published and acknowledged by this process."
        family = CounterMetricFamily(f"{PREFIX}_published", text, labels=["partition", "level"])
        for partition in self._partitions:
            for level in Level:
                family.add_metric([str(partition.number), level.name], partition.journal.acknowledged[level.name])
        return family

    def _market(self) -> Iterator[Metric]:
        for name, value in market(self.stage).items():
            yield CounterMetricFamily(f"{PREFIX}_{name}", MARKET[name], value=value)
        text = "1 while this process holds the lease of the market stage."
        yield GaugeMetricFamily(f"{PREFIX}_market_leading", text, value=float(self.stage.leading))

    def _latencies(self) -> GaugeMetricFamily:
        text = "Receipt of the input behind a signal to the acknowledged commit, since the start."
        family = GaugeMetricFamily(f"{PREFIX}_socket_to_signals_seconds", text, labels=["quantile"])
        for share in QUANTILES:
            family.add_metric([str(share)], self.latency.percentile_ms(share) / 1e3)
        return family


def counters(partition: Partition) -> dict[str, float]:
    """Return what this process has done for the partition."""
    status, journal, processor = partition.status, partition.journal, partition.processor
    return {
        "entries": status.entries,
        "commits": status.commits,
        "stale_commits": status.stale,
        "dead_letters": status.dead,
        "rejected_configs": 0 if processor is None else processor.state.rejected_configs,
        "evaluate_seconds": journal.busy_ns / 1e9,
        "evaluated": journal.entries,
    }


def gauges(partition: Partition) -> dict[str, float]:
    """Return how the partition stands."""
    status, processor = partition.status, partition.processor
    found = {
        "owned": float(status.owned),
        "lag_entries": float(status.lag_entries or 0),
        "lag_seconds": status.lag_seconds,
    }
    if processor is not None:
        state = processor.state
        found |= {
            "symbols": len(state.symbols),
            "state_bytes": state.size_bytes,
            "config_revision": state.revision,
        }
    return found


def market(stage: MarketStage) -> dict[str, int]:
    """Return what the market stage of this process has done."""
    return {
        "market_rounds": stage.rounds,
        "market_written": stage.written,
        "market_unreadable": stage.unreadable,
    }
