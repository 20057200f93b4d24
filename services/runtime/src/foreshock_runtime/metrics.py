"""`/metrics` for Prometheus, and one way to name what is there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from foreshock_runtime.connection import RedisHealth
from foreshock_runtime.listen import parse_listen
from foreshock_runtime.log import get_logger

_REQUEST_SECONDS = 5.0
_MAX_REQUEST = 16 << 10
# From a tenth of a millisecond to two and a half seconds.
LATENCY_BUCKETS = (1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

_log = get_logger(__name__)


class Metrics:
    """Makes the metrics of one service, named `foreshock_<service>_<name>` with the ending of their kind."""

    def __init__(self, service: str, registry: CollectorRegistry) -> None:
        self._service = service
        self.registry = registry

    def counter(self, name: str, help_text: str, labels: Sequence[str] = ()) -> Counter:
        """Return a counter; `_total` is added."""
        return Counter(self._name(name.removesuffix("_total")), help_text, labels, registry=self.registry)

    def gauge(self, name: str, help_text: str, labels: Sequence[str] = ()) -> Gauge:
        """Return a gauge; say the unit in the name where there is one (`lag_seconds`)."""
        return Gauge(self._name(name), help_text, labels, registry=self.registry)

    def histogram(self, name: str, help_text: str, labels: Sequence[str] = ()) -> Histogram:
        """Return a histogram of seconds; `_seconds` is added."""
        full = self._name(name.removesuffix("_seconds")) + "_seconds"
        return Histogram(full, help_text, labels, registry=self.registry, buckets=LATENCY_BUCKETS)

    def _name(self, name: str) -> str:
        return f"foreshock_{self._service}_{name}"


class RedisCollector(Collector):
    """How the connection to Redis fares; every service has it."""

    def __init__(self, service: str, health: RedisHealth) -> None:
        self._prefix = f"foreshock_{service}_redis"
        self._health = health

    def collect(self) -> Iterator[Metric]:
        """Return the metrics of the connection."""
        failures, silent = self._health.failures, self._health.seconds_since_good()
        yield CounterMetricFamily(f"{self._prefix}_failures", "Pings Redis did not answer.", value=failures)
        yield GaugeMetricFamily(f"{self._prefix}_silent_seconds", "Since Redis last answered.", value=silent)


class MetricsServer:
    """Answers GET /metrics from a registry, in the process's own event loop."""

    def __init__(self, listen: str, registry: CollectorRegistry) -> None:
        self._listen = parse_listen(listen)
        self._registry = registry
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Listen. Returns the address bound. Raises OSError."""
        if self._listen.path:
            self._server = await asyncio.start_unix_server(self._serve, self._listen.path, limit=_MAX_REQUEST)
            return str(self._listen)
        self._server = await asyncio.start_server(self._serve, self._listen.host, self._listen.port, limit=_MAX_REQUEST)
        return str(self._listen._replace(port=self._server.sockets[0].getsockname()[1]))

    async def stop(self) -> None:
        """Stop listening. Stopping twice is harmless."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._answer(request))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            _log.debug("metrics_request_dropped", reason=type(error).__name__)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _answer(self, request: bytes) -> bytes:
        head, *lines = request.decode("latin-1").split("\r\n")
        method, _, rest = head.partition(" ")
        if method not in {"GET", "HEAD"}:
            return _response("405 Method Not Allowed", "text/plain", b"")
        if rest.partition(" ")[0].partition("?")[0] != "/metrics":
            return _response("404 Not Found", "text/plain", b"")
        headers = dict(line.lower().split(":", 1) for line in lines if ":" in line)
        encode, content_type = choose_encoder(headers.get("accept", "").strip())
        body = encode(self._registry)
        return _response("200 OK", content_type, body, show=method == "GET")


def _response(status: str, content_type: str, body: bytes, *, show: bool = True) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (body if show else b"")
