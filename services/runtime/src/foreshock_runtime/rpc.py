"""The gRPC server of a service: health for everyone who may look, control for those who hold the token."""

from __future__ import annotations

import hmac
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import code_pb2, error_details_pb2, status_pb2  # type: ignore[import-untyped]
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from foreshock_runtime.listen import Listen, parse_listen
from foreshock_runtime.log import get_logger
from foreshock_runtime.settings import Secret, ServiceSettings, read_secret_file

ERROR_DOMAIN = "foreshock"
_HEALTH = "/grpc.health.v1.Health/"
_DETAILS = "grpc-status-details-bin"
_OURS_ALONE = 0o177

# Clients may ping every 10 s (grpc's own limit of one in five minutes ends in GOAWAY too_many_pings).
_OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.max_connection_age_ms", 600_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
)

AddService = Callable[[grpc.aio.Server], None]

_log = get_logger(__name__)


class StartError(RuntimeError):
    """A service that must not start like this. The message says why and what to change."""


class Bound(NamedTuple):
    """The addresses a server listens on, in the form of the settings."""

    health: str
    control: str


class RpcServer:
    """Two listeners: health and reflection on `health_listen`, the control services on `control_listen`.

    services maps full names (`foreshock.velocity.v1.VelocityControlService`) to what adds them to a server.
    Control also answers health and reflection. Where control can be reached from outside, a token file is
    required; where there is one, every call but health needs `authorization: Bearer <token>`.
    """

    def __init__(self, settings: ServiceSettings, *, services: Mapping[str, AddService]) -> None:
        self._health_listen = parse_listen(settings.health_listen)
        self._control_listen = parse_listen(settings.control_listen)
        token = _token_for(self._control_listen, settings.control_token_file)
        guard = [] if token is None else [_Bearer(token)]
        self._services = dict(services)
        self._health = health.aio.HealthServicer()
        self._health_server = grpc.aio.server(options=_OPTIONS)
        self._control_server = grpc.aio.server(options=_OPTIONS, interceptors=guard)

    async def start(self) -> Bound:
        """Listen on both addresses, not yet serving. Raises StartError when one cannot be bound."""
        for add in self._services.values():
            add(self._control_server)
        for server in (self._health_server, self._control_server):
            health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
            names = (*self._services, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, server)
        bound = Bound(
            _bind(self._health_server, self._health_listen, "health_listen"),
            _bind(self._control_server, self._control_listen, "control_listen"),
        )
        await self.set_serving(serving=False)
        await self._health_server.start()
        await self._control_server.start()
        return bound

    async def set_serving(self, serving: bool) -> None:  # noqa: FBT001 - the one thing it says
        """Say in the health service whether this process does its work."""
        kinds = health_pb2.HealthCheckResponse
        status = kinds.SERVING if serving else kinds.NOT_SERVING
        for name in ("", *self._services):
            await self._health.set(name, status)

    async def stop(self, grace: float = 1.0) -> None:
        """Turn to NOT_SERVING, let calls in hand end within the grace (seconds), and close."""
        await self._health.enter_graceful_shutdown()
        await self._control_server.stop(grace)
        await self._health_server.stop(grace)
        _remove_socket(self._control_listen)


def _token_for(listen: Listen, path: Path | None) -> Secret | None:
    if path is not None:
        return read_secret_file(path, "control_token_file")
    if listen.local:
        return None
    raise StartError(
        f"control_listen {listen} can be reached from outside this machine: name a control_token_file, "
        "or listen on 127.0.0.1 or unix:PATH"
    )


def _bind(server: grpc.aio.Server, listen: Listen, field: str) -> str:
    # A unix socket must never be open to others, not even between its making and a later chmod.
    before = os.umask(_OURS_ALONE)
    try:
        port = server.add_insecure_port(str(listen))
    except RuntimeError as error:
        raise StartError(f"{field} {listen}: cannot listen there") from error
    finally:
        os.umask(before)
    return str(listen if listen.path else listen._replace(port=port))


def _remove_socket(listen: Listen) -> None:
    if listen.path:
        Path(listen.path).unlink(missing_ok=True)


class _Bearer(grpc.aio.ServerInterceptor):
    """Refuses calls without the token, health excepted."""

    def __init__(self, token: Secret) -> None:
        self._expected = f"Bearer {token.reveal()}".encode()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        handler = await continuation(handler_call_details)
        if handler is None or handler_call_details.method.startswith(_HEALTH):
            return handler
        given = dict(handler_call_details.invocation_metadata or ()).get("authorization", "")
        raw = given.encode() if isinstance(given, str) else given
        return handler if hmac.compare_digest(raw, self._expected) else _refusing(handler)


def _refusing(handler: grpc.RpcMethodHandler[Any, Any]) -> grpc.RpcMethodHandler[Any, Any]:
    async def refuse(_: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "a valid bearer token is required")

    async def refuse_stream(_: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "a valid bearer token is required")
        yield

    kinds: dict[tuple[bool, bool], Any] = {
        (False, False): (grpc.unary_unary_rpc_method_handler, refuse),
        (False, True): (grpc.unary_stream_rpc_method_handler, refuse_stream),
        (True, False): (grpc.stream_unary_rpc_method_handler, refuse),
        (True, True): (grpc.stream_stream_rpc_method_handler, refuse_stream),
    }
    make, behaviour = kinds[bool(handler.request_streaming), bool(handler.response_streaming)]
    refused: grpc.RpcMethodHandler[Any, Any] = make(
        behaviour, handler.request_deserializer, handler.response_serializer
    )
    return refused


async def invalid_argument(context: Any, reasons: Mapping[str, str]) -> NoReturn:
    """End a call with INVALID_ARGUMENT and what is wrong with each field (`config.window`: why)."""
    details = error_details_pb2.BadRequest()
    for field, reason in reasons.items():
        details.field_violations.add(field=field, description=reason)
    message = "; ".join(f"{field}: {reason}" for field, reason in reasons.items())
    await _abort(context, grpc.StatusCode.INVALID_ARGUMENT, message, details)


async def aborted_etag(context: Any, current: str) -> NoReturn:
    """End a call with ABORTED: the configuration has changed; the current etag is in the details."""
    details = error_details_pb2.ErrorInfo(
        reason="ETAG_MISMATCH", domain=ERROR_DOMAIN, metadata={"current_etag": current}
    )
    await _abort(context, grpc.StatusCode.ABORTED, f"etag is stale, the current one is {current}", details)


async def _abort(context: Any, code: grpc.StatusCode, message: str, details: Any) -> NoReturn:
    packed = AnyMessage()
    packed.Pack(details)
    number = code_pb2.Code.Value(code.name)
    status = status_pb2.Status(code=number, message=message, details=[packed])
    await context.abort(code, message, ((_DETAILS, status.SerializeToString()),))
    raise AssertionError("abort returned")  # pragma: no cover - it raises
