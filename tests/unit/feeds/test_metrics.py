"""What Prometheus sees."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from tests.unit.feeds.test_assemble import ingest, rows
from tests.unit.feeds.test_session import Heard

from foreshock_feeds.metrics import FeedsMetrics


def scraped(registry: CollectorRegistry) -> dict[str, float]:
    lines = [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines) if "_created" not in name}


def test_everything_counted_shows() -> None:
    registry = CollectorRegistry()
    metrics, source = FeedsMetrics(registry), ingest("okx", 1)
    metrics.rows(source, rows(source, 0, 1, context=3))
    metrics.rows(source, rows(source))
    metrics.dropped(4, 1)
    metrics.trimmed(2)
    metrics.waiting(7)
    metrics.venue("okx", duplicates=5, unpriced=6)
    found = scraped(registry)
    assert found == {
        'foreshock_feeds_rows_total{kind="liquidation",venue="okx"}': 2,
        'foreshock_feeds_rows_total{kind="context",venue="okx"}': 3,
        'foreshock_feeds_dropped_total{kind="context"}': 4,
        'foreshock_feeds_dropped_total{kind="liquidation"}': 1,
        "foreshock_feeds_trimmed_unread_total": 2,
        "foreshock_feeds_waiting_rows": 7,
        'foreshock_feeds_duplicates{venue="okx"}': 5,
        'foreshock_feeds_unpriced{venue="okx"}': 6,
    }
    assert metrics.dropped_total == 5


def test_a_route_given_up_goes_from_the_gauges() -> None:
    registry = CollectorRegistry()
    metrics, heard = FeedsMetrics(registry), Heard()
    heard.session.opened()
    heard.say('{"canary": 1}', "{")
    metrics.routes([heard.session])
    assert scraped(registry)['foreshock_feeds_route_live{route="toy/main"}'] == 1
    assert scraped(registry)['foreshock_feeds_frames{route="toy/main"}'] == 2
    assert scraped(registry)['foreshock_feeds_bad{route="toy/main"}'] == 1
    metrics.routes([])
    assert not any("toy/main" in name for name in scraped(registry))
