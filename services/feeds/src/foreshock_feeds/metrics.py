"""What feeds counts as it happens."""

from __future__ import annotations

from foreshock_feeds.domain.ingest import Ingest, Ingested
from foreshock_runtime.metrics import Metrics


class FeedsMetrics:
    """The service's counters; what the venues count themselves is read by `FeedsCollector`."""

    def __init__(self, metrics: Metrics) -> None:
        self._rows = metrics.counter("rows", "Rows taken in.", ("venue", "kind"))
        self._dropped = metrics.counter("dropped", "Rows dropped.", ("kind",))
        self._trimmed = metrics.counter("trimmed_unread", "Entries that left a stream before every reader had them.")
        self._unwritten = metrics.counter("unwritten", "Entries lost because the process had to end.")
        self._recorded = metrics.counter("recorded_frames", "Frames written to the recording.")
        self._unrecorded = metrics.counter("unrecorded_frames", "Frames missing from the recording.")
        self.dropped_total = 0

    def rows(self, ingest: Ingest, found: Ingested) -> None:
        """Count rows delivered."""
        venue = ingest.instruments.venue
        if liquidations := found.liquidations["instrument"].size:
            self._rows.labels(venue, "liquidation").inc(liquidations)
        if context := found.context["instrument"].size:
            self._rows.labels(venue, "context").inc(context)

    def dropped(self, context: int, liquidations: int) -> None:
        """Count rows dropped for want of room."""
        self._dropped.labels("context").inc(context)
        self._dropped.labels("liquidation").inc(liquidations)
        self.dropped_total += context + liquidations

    def recorded(self, written: int, dropped: int) -> None:
        """Count frames of the recording, from any thread."""
        self._recorded.inc(written)
        self._unrecorded.inc(dropped)

    def trimmed(self, entries: int) -> None:
        """Count entries lost by trimming."""
        self._trimmed.inc(entries)

    def unwritten(self, lost: int) -> None:
        """Count what was still waiting when the process ended."""
        self._unwritten.inc(lost)
