"""Ask a service for its health: `python -m foreshock_runtime.probe ADDRESS [SERVICE]`, for container checks.

Exit code 0: SERVING. 1: any other answer, or none in time. 2: called wrongly.
"""

from __future__ import annotations

import sys

import grpc
from grpc_health.v1 import health_pb2

METHOD = "/grpc.health.v1.Health/Check"
TIMEOUT_SECONDS = 3.0
USAGE = "usage: python -m foreshock_runtime.probe ADDRESS [SERVICE]\n"


def status(address: str, service: str = "", *, timeout: float = TIMEOUT_SECONDS) -> str:
    """Return the health status's name, or the gRPC code's name when the call failed; `timeout` in seconds."""
    with grpc.insecure_channel(address) as channel:
        check = channel.unary_unary(
            METHOD,
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            answer = check(health_pb2.HealthCheckRequest(service=service), timeout=timeout)
        except grpc.RpcError as error:
            return str(error.code().name)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


def main(arguments: list[str]) -> int:
    """Write the status to stdout and return the exit code."""
    if len(arguments) not in {1, 2}:
        sys.stderr.write(USAGE)
        return 2
    answer = status(*arguments)
    sys.stdout.write(f"{answer}\n")
    return 0 if answer == "SERVING" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
