"""What Prometheus sees of velocity, read from the partitions when it asks: the hot path counts nothing twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from foreshock_runtime.latency import LatencyRecorder
from foreshock_velocity.stage import VelocityPartition as Partition

PREFIX = "foreshock_velocity"
COUNTERS = {
    "entries": "Inputs answered since the stream began, repeats apart.",
    "events": "Liquidations counted since the stream began.",
    "late": "Liquidations counted in totals only because they came too late for windows.",
    "ahead": "Liquidations dated after the clock and set back to it.",
    "ignored": "Rows that are no liquidation: price, notional or side make no sense.",
    "rejected_configs": "Configuration revisions that could not be applied.",
    "repeated": "Inputs that had been seen before.",
    "missing": "Inputs of a writer that never came.",
}
GAUGES = {
    "owned": "1 while this process holds the partition's lease.",
    "lag_entries": "Entries behind the head of the stream.",
    "lag_seconds": "Age of the oldest entry not yet answered.",
    "symbols": "Symbols known.",
    "state_bytes": "Bytes of the state's arrays.",
    "config_revision": "Configuration revision in force.",
}
WORK = {
    "commits": "Commits acknowledged to this process.",
    "stale_commits": "Commits refused because another owner had gone on.",
    "dead_letters": "Entries moved to the dead letter stream.",
    "trimmed_unread": "Entries that left the metrics stream before signals had them.",
    "evaluate_seconds": "Seconds spent on inputs.",
    "evaluated": "Inputs worked on by this process, replayed ones included.",
}
QUANTILES = (0.5, 0.99)
Families = dict[str, CounterMetricFamily | GaugeMetricFamily]


class VelocityCollector(Collector):
    """Reads all partitions of the process."""

    def __init__(self, partitions: Sequence[Partition], latency: LatencyRecorder) -> None:
        self.latency = latency
        self.trimmed_unread: Counter[int] = Counter()
        """Metrics cut before signals had them, by partition."""
        self._partitions = partitions

    def collect(self) -> Iterator[Metric]:
        """Return all metrics, one sample a partition."""
        families: Families = {
            name: CounterMetricFamily(f"{PREFIX}_{name}", text, labels=["partition"])
            for name, text in (COUNTERS | WORK).items()
        }
        for name, text in GAUGES.items():
            families[name] = GaugeMetricFamily(f"{PREFIX}_{name}", text, labels=["partition"])
        for partition in self._partitions:
            for name, value in (counters(partition) | gauges(partition) | self._work(partition)).items():
                families[name].add_metric([str(partition.number)], value)
        yield from families.values()
        yield self._latencies()

    def _work(self, partition: Partition) -> dict[str, float]:
        status, journal = partition.status, partition.journal
        return {
            "commits": status.commits,
            "stale_commits": status.stale,
            "dead_letters": status.dead,
            "trimmed_unread": self.trimmed_unread[partition.number],
            "evaluate_seconds": journal.busy_ns / 1e9,
            "evaluated": journal.entries,
        }

    def _latencies(self) -> GaugeMetricFamily:
        text = "Receipt of an entry's newest event to the acknowledged commit, since the start."
        family = GaugeMetricFamily(f"{PREFIX}_socket_to_metrics_seconds", text, labels=["quantile"])
        for share in QUANTILES:
            family.add_metric([str(share)], self.latency.percentile_ms(share) / 1e3)
        return family


def counters(partition: Partition) -> dict[str, int]:
    """Return what the partition's state has counted, nothing when this process does not own it."""
    if partition.processor is None:
        return {}
    state = partition.processor.state
    sequencer = {"repeated": state.sequencer.repeated, "missing": state.sequencer.missing}
    return msgspec.structs.asdict(state.counters) | sequencer


def gauges(partition: Partition) -> dict[str, float]:
    """Return how the partition stands."""
    status = partition.status
    found = {
        "owned": float(status.owned),
        "lag_entries": float(status.lag_entries or 0),
        "lag_seconds": status.lag_seconds,
    }
    if partition.processor is not None:
        state = partition.processor.state
        found |= {"symbols": state.symbols, "state_bytes": state.nbytes, "config_revision": state.revision}
    return found
