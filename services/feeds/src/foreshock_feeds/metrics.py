"""What Prometheus sees of feeds."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge

from foreshock_feeds.domain.ingest import Ingest, Ingested
from foreshock_feeds.domain.route_state import RouteState
from foreshock_feeds.session import RouteSession


class FeedsMetrics:
    """The service's counters and gauges."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._rows = Counter("foreshock_feeds_rows", "Rows taken in.", ("venue", "kind"), registry=registry)
        self._dropped = Counter("foreshock_feeds_dropped", "Rows dropped.", ("kind",), registry=registry)
        self._unpriced = Gauge(
            "foreshock_feeds_unpriced",
            "Liquidations dropped since the start because their contract is not quoted in USD.",
            ("venue",),
            registry=registry,
        )
        self._waiting = Gauge("foreshock_feeds_waiting_rows", "Rows not yet cut into entries.", registry=registry)
        self._duplicates = Gauge(
            "foreshock_feeds_duplicates", "Duplicates dropped since the start.", ("venue",), registry=registry
        )
        self._frames = Gauge("foreshock_feeds_frames", "Frames read since the start.", ("route",), registry=registry)
        self._faults = Gauge("foreshock_feeds_bad", "Frames and rows not understood.", ("route",), registry=registry)
        self._live = Gauge("foreshock_feeds_route_live", "1 while the canary is seen.", ("route",), registry=registry)
        self._trimmed = Counter(
            "foreshock_feeds_trimmed_unread",
            "Entries that left a stream before every reader had them.",
            registry=registry,
        )
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

    def trimmed(self, entries: int) -> None:
        """Count entries lost by trimming."""
        self._trimmed.inc(entries)

    def routes(self, sessions: Iterable[RouteSession]) -> None:
        """Set what is known of the present routes; those given up go."""
        for gauge in (self._frames, self._faults, self._live):
            gauge.clear()
        for session in sessions:
            self._frames.labels(session.name).set(session.frames_seen)
            self._faults.labels(session.name).set(session.faults)
            self._live.labels(session.name).set(session.state is RouteState.LIVE)

    def venue(self, name: str, duplicates: int, unpriced: int) -> None:
        """Set what was dropped of a venue."""
        self._duplicates.labels(name).set(duplicates)
        self._unpriced.labels(name).set(unpriced)

    def waiting(self, rows: int) -> None:
        """Set how many rows wait."""
        self._waiting.set(rows)
