"""/metrics over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from foreshock_runtime.metrics import Metrics, MetricsServer


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    metrics = Metrics("feeds", registry)
    metrics.counter("events", "Events seen.", ["venue"]).labels("okx").inc(3)
    metrics.gauge("lag_seconds", "How far behind.").set(0.5)
    metrics.histogram("commit", "From read to commit.").observe(0.002)
    return registry


@pytest.fixture
async def address(registry: CollectorRegistry) -> AsyncIterator[str]:
    server = MetricsServer("127.0.0.1:0", registry)
    yield await server.start()
    await server.stop()
    await server.stop()


async def ask(address: str, request: bytes) -> bytes:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_names_follow_one_form(address: str) -> None:
    answer = await ask(address, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert f"Content-Length: {len(body)}".encode() in head
    assert b'foreshock_feeds_events_total{venue="okx"} 3.0' in body
    assert b"foreshock_feeds_lag_seconds 0.5" in body
    assert b'foreshock_feeds_commit_seconds_bucket{le="0.0025"} 1.0' in body


async def test_openmetrics_is_given_to_who_asks_for_it(address: str) -> None:
    accept = b"Accept: application/openmetrics-text; version=1.0.0\r\n"
    answer = await ask(address, b"GET /metrics?x=1 HTTP/1.1\r\n" + accept + b"\r\n")
    assert b"Content-Type: application/openmetrics-text" in answer
    assert answer.endswith(b"# EOF\n")


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET / HTTP/1.1", b"404"),
        (b"GET /metricsx HTTP/1.1", b"404"),
        (b"POST /metrics HTTP/1.1", b"405"),
        (b"nonsense", b"405"),
    ],
)
async def test_nothing_else_is_there(address: str, request_line: bytes, status: bytes) -> None:
    assert (await ask(address, request_line + b"\r\n\r\n")).split(b" ")[1] == status


async def test_head_has_no_body(address: str) -> None:
    answer = await ask(address, b"HEAD /metrics HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("request_bytes", [b"x" * 40_000, b"GET /met"])
async def test_bad_clients_do_not_harm_the_server(address: str, request_bytes: bytes) -> None:
    host, _, port = address.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(request_bytes)
    writer.close()
    assert b"200 OK" in await ask(address, b"GET /metrics HTTP/1.1\r\n\r\n")


async def test_a_unix_socket(registry: CollectorRegistry, tmp_path: Path) -> None:
    server = MetricsServer(f"unix:{tmp_path}/m", registry)
    assert await server.start() == f"unix:{tmp_path}/m"
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "m"))
    writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
    assert b"200 OK" in await reader.read()
    writer.close()
    await server.stop()
