"""What Prometheus sees of the archive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from foreshock_archive.archiver import Archiver

COUNTERS = {
    "files": "Files, or tables of a database, written.",
    "steps": "Steps written: rows and position, both or neither.",
    "unreadable": "Entries that could not be read.",
    "missing": "Entries of events that never came, since the archive began.",
    "repeated": "Rows and entries left out because they were there already.",
    "failures": "Times the archive began again at what is durable, for any reason.",
}
GAUGES = {
    "lag_seconds": "Age of the oldest entry that is read and not durable.",
    "behind": "Entries not read yet, over all streams.",
    "waiting_rows": "Rows that are not durable yet.",
}


class ArchiveCollector(Collector):
    """Reads the archivers when it is asked."""

    def __init__(self, archivers: Sequence[Archiver]) -> None:
        self._archivers = archivers

    def collect(self) -> Iterator[Metric]:
        """Return all metrics, one sample a sink."""
        told = {each.sink.name: each.look() for each in self._archivers}
        rows = CounterMetricFamily("foreshock_archive_rows", "Rows that are durable.", labels=["sink", "table"])
        for sink, each in told.items():
            for table, number in each.rows.items():
                rows.add_metric([sink, table], number)
        yield rows
        for families, kind in ((COUNTERS, CounterMetricFamily), (GAUGES, GaugeMetricFamily)):
            for name, text in families.items():
                family = kind(f"foreshock_archive_{name}", text, labels=["sink"])
                for sink, each in told.items():
                    family.add_metric([sink], getattr(each, name))
                yield family
        working = GaugeMetricFamily("foreshock_archive_working", "1 while the sink is fed.", labels=["sink"])
        for sink, each in told.items():
            working.add_metric([sink], float(each.state == "WORKING"))
        yield working
