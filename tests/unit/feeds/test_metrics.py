"""What feeds counts as it happens."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from tests.unit.feeds.test_assemble import ingest, rows

from foreshock_feeds.metrics import FeedsMetrics
from foreshock_runtime.metrics import Metrics


def scraped(registry: CollectorRegistry) -> dict[str, float]:
    lines = [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines) if "_created" not in name}


def test_everything_counted_shows() -> None:
    registry = CollectorRegistry()
    metrics, source = FeedsMetrics(Metrics("feeds", registry)), ingest("okx", 1)
    metrics.rows(source, rows(source, 0, 1, context=3))
    metrics.rows(source, rows(source))
    metrics.dropped(4, 1)
    metrics.trimmed(2)
    metrics.unwritten(9)
    metrics.recorded(8, 1)
    found = scraped(registry)
    assert found == {
        'foreshock_feeds_rows_total{kind="liquidation",venue="okx"}': 2,
        'foreshock_feeds_rows_total{kind="context",venue="okx"}': 3,
        'foreshock_feeds_dropped_total{kind="context"}': 4,
        'foreshock_feeds_dropped_total{kind="liquidation"}': 1,
        "foreshock_feeds_trimmed_unread_total": 2,
        "foreshock_feeds_unwritten_total": 9,
        "foreshock_feeds_recorded_frames_total": 8,
        "foreshock_feeds_unrecorded_frames_total": 1,
    }
    assert metrics.dropped_total == 5
