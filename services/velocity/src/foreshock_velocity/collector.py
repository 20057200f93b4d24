"""What Prometheus sees of velocity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from foreshock_runtime.collector import Latency, PartitionCollector
from foreshock_runtime.latency import LatencyRecorder
from foreshock_velocity.stage import VelocityPartition as Partition
from foreshock_velocity.watching import Watchers

COUNTERS = {
    "entries": "Inputs answered since the stream began, repeats apart.",
    "events": "Liquidations counted since the stream began.",
    "late": "Liquidations counted in totals only because they came too late for windows.",
    "ahead": "Liquidations dated after the clock and set back to it.",
    "ignored": "Rows that are no liquidation: price, notional or side make no sense.",
    "doubled": "Liquidations left out because they had been counted before: another process told of them, too.",
    "rejected_configs": "Configuration revisions that could not be applied.",
    "repeated": "Inputs that had been seen before.",
    "missing": "Inputs of a writer that never came.",
    "trimmed_unread": "Entries that left the metrics stream before signals had them.",
}


GAUGES = {
    "pairs_held": "Pairs of symbol and venue that hold windows; the others fell silent and gave theirs back.",
    "bytes_per_symbol": "Bytes of the state's arrays per symbol known, spare room included.",
    "censored_share": "Share of the pairs of symbol and venue with liquidations of late that hide orders just now.",
}
EVALUATION = Latency("evaluation", "Working out the answer to one entry, since the start.")


class VelocityCollector(PartitionCollector[Partition]):
    """Reads all partitions of the process."""

    prefix = "foreshock_velocity"
    counters = COUNTERS
    gauges = GAUGES
    measured = Latency(
        "socket_to_metrics", "Receipt of an entry's newest event to the acknowledged commit, since the start."
    )

    def __init__(
        self, partitions: Sequence[Partition], latency: LatencyRecorder, evaluation: LatencyRecorder, watchers: Watchers
    ) -> None:
        super().__init__(partitions, latency)
        self.evaluation = evaluation
        self._watchers = watchers
        self.trimmed_unread: Counter[int] = Counter()
        """Metrics cut before signals had them, by partition."""

    def collect(self) -> Iterator[Metric]:
        """Return all metrics."""
        yield from super().collect()
        yield self.quantiles(EVALUATION, self.evaluation)
        yield GaugeMetricFamily(f"{self.prefix}_watchers", "Callers that watch metrics.", value=len(self._watchers))

    def figures(self, partition: Partition) -> dict[str, float]:
        """Return what the partition's state has counted, nearly nothing when this process does not own it."""
        found: dict[str, float] = {"trimmed_unread": self.trimmed_unread[partition.number]}
        if partition.processor is None:
            return found
        state = partition.processor.state
        found |= msgspec.structs.asdict(state.counters)
        found |= {"repeated": state.sequencer.repeated, "missing": state.sequencer.missing}
        return found | {
            "symbols": state.symbols,
            "pairs_held": state.held,
            "state_bytes": state.nbytes,
            "bytes_per_symbol": state.bytes_per_symbol(),
            "censored_share": state.censored_share(),
        }
