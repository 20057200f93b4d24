"""What Prometheus sees of partitions, read when it asks: the hot path counts nothing twice."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from foreshock_runtime.latency import LatencyRecorder
from foreshock_runtime.partitions import Partition

COUNTERS = {
    "commits": "Commits acknowledged to this process.",
    "stale_commits": "Commits refused because another owner had gone on.",
    "dead_letters": "Entries moved to the dead letter stream.",
    "refused": "Answers the server did not take.",
    "repeated_answers": "Answers the server had already.",
    "interruptions": "Times the owner began again from what is stored, for any reason.",
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
QUANTILES = (0.5, 0.99)
P = TypeVar("P", bound=Partition[Any, Any])
Families = dict[str, CounterMetricFamily | GaugeMetricFamily]


class Latency(NamedTuple):
    """A latency that is shown: its name without a unit, and what it is."""

    name: str
    text: str


class PartitionCollector(Collector, ABC, Generic[P]):
    """Reads all partitions of the process.

    prefix    of every name;  counters, gauges: those of the service, by name, beside the ones every owner has
    measured  what `latency` is the latency of
    """

    prefix: ClassVar[str]
    counters: ClassVar[Mapping[str, str]]
    gauges: ClassVar[Mapping[str, str]] = {}
    measured: ClassVar[Latency]

    def __init__(self, partitions: Sequence[P], latency: LatencyRecorder) -> None:
        self.partitions = partitions
        self.latency = latency

    @abstractmethod
    def figures(self, partition: P) -> Mapping[str, float]:
        """Return the service's own counters and gauges of a partition; what is not known may be left out."""

    def collect(self) -> Iterator[Metric]:
        """Return all metrics, one sample a partition."""
        families: Families = {
            name: CounterMetricFamily(f"{self.prefix}_{name}", text, labels=["partition"])
            for name, text in (COUNTERS | dict(self.counters)).items()
        }
        for name, text in (GAUGES | dict(self.gauges)).items():
            families[name] = GaugeMetricFamily(f"{self.prefix}_{name}", text, labels=["partition"])
        for partition in self.partitions:
            for name, value in (work(partition) | standing(partition) | dict(self.figures(partition))).items():
                families[name].add_metric([str(partition.number)], value)
        yield from families.values()
        yield self.quantiles(self.measured, self.latency)

    def quantiles(self, measured: Latency, recorder: LatencyRecorder) -> GaugeMetricFamily:
        """Return a latency's median and 99th percentile."""
        name, text = measured
        family = GaugeMetricFamily(f"{self.prefix}_{name}_seconds", text, labels=["quantile"])
        for share in QUANTILES:
            family.add_metric([str(share)], recorder.percentile_ms(share) / 1e3)
        return family


def work(partition: Partition[Any, Any]) -> dict[str, float]:
    """Return what this process has done for a partition, by the names of COUNTERS."""
    status, journal = partition.status, partition.journal
    return {
        "commits": status.commits,
        "stale_commits": status.stale,
        "dead_letters": status.dead,
        "refused": status.refused,
        "repeated_answers": status.repeated,
        "interruptions": sum(status.errors.values()),
        "evaluate_seconds": journal.busy_ns / 1e9,
        "evaluated": journal.entries,
    }


def standing(partition: Partition[Any, Any]) -> dict[str, float]:
    """Return how a partition stands, as far as its owner knows."""
    status, processor = partition.status, partition.processor
    found = {
        "owned": float(status.owned),
        "lag_entries": float(status.lag_entries or 0),
        "lag_seconds": status.lag_seconds,
    }
    return found if processor is None else found | {"config_revision": processor.revision}
