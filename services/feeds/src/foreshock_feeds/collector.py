"""What Prometheus sees of venues and routes, read from them when it asks: they count already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from foreshock_feeds.domain.route_state import RouteState
from foreshock_feeds.feeds import Feeds
from foreshock_feeds.life import Life
from foreshock_feeds.output import Output
from foreshock_feeds.pair import Pair
from foreshock_feeds.session import RouteSession
from foreshock_feeds.socket import RouteSocket
from foreshock_feeds.venue import Venue

PREFIX = "foreshock_feeds"
VENUE = {
    "duplicates": "Duplicates dropped.",
    "unpriced": "Liquidations dropped because their contract is not quoted in USD.",
    "usd_sized": "Liquidations of contracts whose sizes count USD (inverse ones, as COIN-M's), before duplicates go.",
    "refused_books": "Order books dropped because a side was missing or they were crossed.",
    "backfilled": "Rows fetched from REST after gaps.",
    "refusals": "Answers and handshakes that said the venue is asked too much.",
}
ROUTE = {
    "frames": "Frames read.",
    "bad": "Frames and rows not understood.",
    "reconnects": "Times the route was lost.",
    "rotations": "Times another connection took over before the venue would have ended the old one.",
    "replayed": "Rows dropped because the venue sent them again on subscribing.",
    "missing": "Rows, of any kind, that by the venue's own numbering were not delivered.",
    "outbound_dropped": "Frames to be said that gave way to newer ones while disconnected.",
}


class FeedsCollector(Collector):
    """Reads the venues and the present routes; those given up go."""

    def __init__(self, feeds: Feeds) -> None:
        self._feeds = feeds

    def collect(self) -> Iterator[Metric]:
        """Return all metrics, one sample a venue or route."""
        feeds = self._feeds
        yield from _flow(feeds.output)
        unreported = {"health": feeds.health.dropped, "bad_frame": feeds.quarantine.dropped}
        yield _counter("unreported", "Reports that gave way to newer ones.", "kind", unreported)
        venues = {venue.connector.venue: _venue(venue) for venue in feeds.venues}
        routes = {socket.session.name: _route(socket) for socket in feeds.sockets}
        for name, text in VENUE.items():
            yield _counter(name, text, "venue", {venue: found[name] for venue, found in venues.items()})
        for name, text in ROUTE.items():
            yield _counter(name, text, "route", {route: found[name] for route, found in routes.items()})
        yield from _states(feeds.sessions)
        yield from _held(feeds.sessions, feeds.pair)
        yield from _clocks(feeds.venues)
        yield from _seen(feeds.life)


def _flow(output: Output) -> Iterator[Metric]:
    yield GaugeMetricFamily(f"{PREFIX}_waiting_rows", "Liquidations not yet cut into entries.", output.waiting)
    yield CounterMetricFamily(f"{PREFIX}_conflated", "Context rows that gave way to newer ones.", output.conflated)
    yield GaugeMetricFamily(f"{PREFIX}_spilled_bytes", "Entries on disk, still to be written.", output.spilled)


def _states(sessions: Sequence[RouteSession]) -> Iterator[Metric]:
    live = GaugeMetricFamily(f"{PREFIX}_route_live", "1 while the canary is seen.", labels=["route"])
    states = GaugeMetricFamily(f"{PREFIX}_route_state", "1 for the state a route is in.", labels=["route", "state"])
    for session in sessions:
        live.add_metric([session.name], float(session.state is RouteState.LIVE))
        for state in RouteState:
            states.add_metric([session.name, state.value], float(session.state is state))
    yield live
    yield states


def _held(sessions: Sequence[RouteSession], pair: Pair | None) -> Iterator[Metric]:
    """Tell of the pair; of one process that has no other, that it writes all routes."""
    text = "1 for a route that this process writes, 0 while another does."
    held = GaugeMetricFamily(f"{PREFIX}_route_held", text, labels=["route"])
    text = "Rows of a route that another process writes, kept to be written if it ends."
    kept = GaugeMetricFamily(f"{PREFIX}_standby_rows", text, labels=["route"])
    for session in sessions:
        held.add_metric([session.name], float(pair is None or pair.writes(session.name)))
        kept.add_metric([session.name], pair.kept(session.name) if pair else 0)
    yield held
    yield kept
    context, liquidations = pair.dropped if pair else (0, 0)
    dropped = {"context": context, "liquidation": liquidations}
    yield _counter("standby_dropped", "Of these, rows dropped for want of room.", "kind", dropped)
    text = "Times that this process began to write a route."
    yield CounterMetricFamily(f"{PREFIX}_takeovers", text, pair.takeovers if pair else 0)


def _seen(life: Life) -> Iterator[Metric]:
    sight = life.sight()
    text = "Share of the whole market's liquidated USD that this process sees live."
    yield GaugeMetricFamily(f"{PREFIX}_coverage", text, sight.coverage)
    text = "The same if every venue it reads were live."
    yield GaugeMetricFamily(f"{PREFIX}_coverage_possible", text, sight.possible)
    share = GaugeMetricFamily(f"{PREFIX}_venue_share", "Share of the market's liquidated USD.", labels=["venue"])
    live = GaugeMetricFamily(f"{PREFIX}_venue_live", "Live part of the liquidation routes.", labels=["venue"])
    for venue, each in life.venues().items():
        share.add_metric([venue], each.share)
        live.add_metric([venue], each.live)
    yield share
    yield live


def _venue(venue: Venue) -> dict[str, int]:
    ingest = venue.ingest
    return {
        "duplicates": venue.dedupe.dropped,
        "unpriced": ingest.unpriced if ingest else 0,
        "usd_sized": ingest.usd_sized if ingest else 0,
        "refused_books": ingest.refused_books if ingest else 0,
        "backfilled": venue.backfill.rows if venue.backfill else 0,
        "refusals": venue.refusals,
    }


def _route(socket: RouteSocket) -> dict[str, int]:
    session = socket.session
    return {
        "frames": session.frames_seen,
        "bad": session.faults,
        "reconnects": socket.reconnects,
        "rotations": socket.rotations,
        "replayed": session.replayed,
        "missing": session.missing,
        "outbound_dropped": socket.outbound_dropped,
    }


def _clocks(venues: Sequence[Venue]) -> Iterator[Metric]:
    text = "Shortest time from push to receipt in 60 s: the difference of the clocks and a frame's way in one."
    offset = GaugeMetricFamily(f"{PREFIX}_clock_offset_seconds", text, labels=["venue"])
    text = "How far the longest such time lies above."
    spread = GaugeMetricFamily(f"{PREFIX}_clock_spread_seconds", text, labels=["venue"])
    for venue in venues:
        found = venue.clock_offset
        if found is not None:
            offset.add_metric([venue.connector.venue], found.offset / 1e9)
            spread.add_metric([venue.connector.venue], found.spread / 1e9)
    yield offset
    yield spread


def _counter(name: str, text: str, label: str, values: dict[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"{PREFIX}_{name}", text, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family
