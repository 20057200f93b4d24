"""The container health check speaks to a real gRPC health service."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from foreshock_runtime import probe


@pytest.fixture
def server() -> Iterator[str]:
    """A health service on a free loopback port: the whole server serves, `busy` does not."""
    servicer = health.HealthServicer()
    servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    servicer.set("busy", health_pb2.HealthCheckResponse.NOT_SERVING)
    with ThreadPoolExecutor(max_workers=1) as pool:
        grpc_server = grpc.server(pool)
        health_pb2_grpc.add_HealthServicer_to_server(servicer, grpc_server)
        port = grpc_server.add_insecure_port("127.0.0.1:0")
        grpc_server.start()
        yield f"127.0.0.1:{port}"
        grpc_server.stop(None).wait()


def test_serving_is_exit_code_0(server: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "foreshock_runtime.probe", server], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (0, "SERVING\n")


@pytest.mark.parametrize(("service", "answer"), [("busy", "NOT_SERVING"), ("nobody", "NOT_FOUND")])
def test_any_other_answer_is_exit_code_1(
    server: str, service: str, answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert probe.main([server, service]) == 1
    assert capsys.readouterr().out == f"{answer}\n"


def test_nobody_listening_is_unavailable() -> None:
    assert probe.status("127.0.0.1:1", timeout=1) in {"UNAVAILABLE", "DEADLINE_EXCEEDED"}


@pytest.mark.parametrize("arguments", [[], ["a", "b", "c"]])
def test_a_wrong_call_says_how(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert probe.main(arguments) == 2
    assert capsys.readouterr().err == probe.USAGE
