"""What Prometheus sees of venues and routes, read from them when it asks: they count already."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from foreshock_feeds.domain.route_state import RouteState
from foreshock_feeds.feeds import Feeds
from foreshock_feeds.session import RouteSession
from foreshock_feeds.venue import Venue

PREFIX = "foreshock_feeds"
VENUE = {
    "duplicates": "Duplicates dropped.",
    "unpriced": "Liquidations dropped because their contract is not quoted in USD.",
}
ROUTE = {
    "frames": "Frames read.",
    "bad": "Frames and rows not understood.",
}


class FeedsCollector(Collector):
    """Reads the venues and the present routes; those given up go."""

    def __init__(self, feeds: Feeds) -> None:
        self._feeds = feeds

    def collect(self) -> Iterator[Metric]:
        """Return all metrics, one sample a venue or route."""
        feeds = self._feeds
        yield GaugeMetricFamily(f"{PREFIX}_waiting_rows", "Rows not yet cut into entries.", feeds.output.waiting)
        venues = {venue.connector.venue: _venue(venue) for venue in feeds.venues}
        routes = {session.name: _route(session) for session in feeds.sessions}
        for name, text in VENUE.items():
            yield _counter(name, text, "venue", {venue: found[name] for venue, found in venues.items()})
        for name, text in ROUTE.items():
            yield _counter(name, text, "route", {route: found[name] for route, found in routes.items()})
        live = GaugeMetricFamily(f"{PREFIX}_route_live", "1 while the canary is seen.", labels=["route"])
        for session in feeds.sessions:
            live.add_metric([session.name], float(session.state is RouteState.LIVE))
        yield live


def _venue(venue: Venue) -> dict[str, int]:
    return {"duplicates": venue.dedupe.dropped, "unpriced": venue.ingest.unpriced if venue.ingest else 0}


def _route(session: RouteSession) -> dict[str, int]:
    return {"frames": session.frames_seen, "bad": session.faults}


def _counter(name: str, text: str, label: str, values: dict[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"{PREFIX}_{name}", text, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family
