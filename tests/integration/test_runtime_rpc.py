"""The gRPC server over real sockets: two listeners, the token, errors with details."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from foreshock_runtime.rpc import Bound, RpcServer, StartError, aborted_etag, invalid_argument
from foreshock_runtime.settings import ServiceSettings, SettingsError

# The reflection service's own descriptor stands in for a control service of ours: any registered name will do.
SERVICE = "grpc.health.v1.Health"
ECHO = "test.v1.EchoService"
TOKEN = "open-sesame-123"


async def echo(request: bytes, context: Any) -> bytes:
    if request == b"bad":
        await invalid_argument(context, {"config.window": "must be positive", "config.floor": "must be finite"})
    if request == b"stale":
        await aborted_etag(context, "abc")
    return request


async def stream(request: bytes, _: Any) -> AsyncIterator[bytes]:
    yield request
    yield request


async def collect(requests: AsyncIterator[bytes], _: Any) -> bytes:
    return b"".join([request async for request in requests])


async def chat(requests: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request


def add_echo(server: grpc.aio.Server) -> None:
    handlers: dict[str, Any] = {
        "Echo": grpc.unary_unary_rpc_method_handler(echo),
        "Stream": grpc.unary_stream_rpc_method_handler(stream),
        "Collect": grpc.stream_unary_rpc_method_handler(collect),
        "Chat": grpc.stream_stream_rpc_method_handler(chat),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(ECHO, handlers),))


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    return path


class Running:
    """A server and channels to its two listeners."""

    def __init__(self, settings: ServiceSettings) -> None:
        self.server = RpcServer(settings, services={ECHO: add_echo})
        self.bound = Bound("", "")

    async def __aenter__(self) -> Self:
        self.bound = await self.server.start()
        self.health = grpc.aio.insecure_channel(self.bound.health)
        self.control = grpc.aio.insecure_channel(self.bound.control)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.health.close()
        await self.control.close()
        await self.server.stop(0.1)

    async def call(self, request: bytes, token: str | None = None, channel: Any = None) -> bytes:
        metadata = [("authorization", f"Bearer {token}")] if token is not None else None
        method: Any = (channel or self.control).unary_unary(f"/{ECHO}/Echo")
        answer: bytes = await method(request, timeout=5, metadata=metadata)
        return answer


async def health_of(channel: grpc.aio.Channel, service: str = "") -> Any:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    answer = await stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


async def test_health_follows_the_service() -> None:
    async with Running(ServiceSettings()) as running:
        assert running.bound.health.startswith("127.0.0.1:")
        for channel in (running.health, running.control):
            assert await health_of(channel) == "NOT_SERVING"
        await running.server.set_serving(True)
        assert await health_of(running.health) == "SERVING"
        assert await health_of(running.health, ECHO) == "SERVING"
        await running.server.set_serving(False)
        assert await health_of(running.health, ECHO) == "NOT_SERVING"


async def test_control_is_on_its_own_listener_only() -> None:
    async with Running(ServiceSettings()) as running:
        assert await running.call(b"hello") == b"hello"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await running.call(b"hello", channel=running.health)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_reflection_names_the_services() -> None:
    async with Running(ServiceSettings()) as running:
        channel: Any = running.health
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        call = stub.ServerReflectionInfo(iter([request]), timeout=5)
        answer = await call.read()
        names = {service.name for service in answer.list_services_response.service}
        call.cancel()
        assert {ECHO, SERVICE} <= names


async def test_a_token_is_asked_for_on_every_call_but_health(token_file: Path) -> None:
    async with Running(ServiceSettings(control_token_file=token_file)) as running:
        assert await running.call(b"hello", TOKEN) == b"hello"
        assert await health_of(running.control) == "NOT_SERVING"
        for token in (None, "", "wrong", TOKEN + "x", TOKEN[:-1]):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await running.call(b"hello", token)
            assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
            assert TOKEN not in (caught.value.details() or "")


async def test_every_kind_of_call_is_guarded(token_file: Path) -> None:
    good = [("authorization", f"Bearer {TOKEN}")]
    async with Running(ServiceSettings(control_token_file=token_file)) as running:
        for name, streams_in, streams_out in (
            ("Stream", False, True),
            ("Collect", True, False),
            ("Chat", True, True),
        ):
            kind = f"{'stream' if streams_in else 'unary'}_{'stream' if streams_out else 'unary'}"
            method = getattr(running.control, kind)(f"/{ECHO}/{name}")
            for metadata, allowed in ((good, True), (None, False)):
                call = method(iter([b"x"]) if streams_in else b"x", timeout=5, metadata=metadata)
                if allowed:
                    answer = [part async for part in call] if streams_out else await call
                    assert answer
                    continue
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    _ = [part async for part in call] if streams_out else await call
                assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_an_unknown_method_is_unimplemented_with_a_token_too(token_file: Path) -> None:
    async with Running(ServiceSettings(control_token_file=token_file)) as running:
        method: Any = running.control.unary_unary("/no.such.Service/Call")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await method(b"", timeout=5)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "example.internal:5000"])
async def test_control_open_to_others_needs_a_token(listen: str, token_file: Path) -> None:
    with pytest.raises(StartError, match="control_token_file"):
        RpcServer(ServiceSettings(control_listen=listen), services={})
    RpcServer(ServiceSettings(control_listen=listen, control_token_file=token_file), services={})


def test_a_token_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="control_token_file"):
        RpcServer(ServiceSettings(control_token_file=tmp_path / "absent"), services={})


async def test_control_on_a_unix_socket_is_for_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with Running(ServiceSettings(control_listen=f"unix:{path}")) as running:
        assert path.stat().st_mode & 0o777 == 0o600
        assert await running.call(b"hello") == b"hello"
    assert not path.exists()


async def test_the_unix_socket_is_made_closed_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chmod after it was made would come too late for who waits for it."""
    for owner in (os, Path):
        monkeypatch.delattr(owner, "chmod")
    before = os.umask(0)
    try:
        async with Running(ServiceSettings(control_listen=f"unix:{tmp_path}/control.sock")):
            assert (tmp_path / "control.sock").stat().st_mode & 0o777 == 0o600
            assert os.umask(0) == 0
    finally:
        os.umask(before)


async def test_an_address_in_use_is_named() -> None:
    async with Running(ServiceSettings()) as running:
        second = RpcServer(ServiceSettings(health_listen=running.bound.health), services={})
        with pytest.raises(StartError, match="health_listen"):
            await second.start()


async def test_bad_values_name_each_field() -> None:
    async with Running(ServiceSettings()) as running:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await running.call(b"bad")
    status = status_of(caught.value)
    details = error_details_pb2.BadRequest()
    assert status.details[0].Unpack(details)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert {v.field: v.description for v in details.field_violations} == {
        "config.window": "must be positive",
        "config.floor": "must be finite",
    }


def status_of(error: grpc.aio.AioRpcError) -> Any:
    return rpc_status.from_call(error)  # type: ignore[arg-type]


async def test_a_stale_etag_brings_the_current_one() -> None:
    async with Running(ServiceSettings()) as running:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await running.call(b"stale")
    details = error_details_pb2.ErrorInfo()
    assert status_of(caught.value).details[0].Unpack(details)
    assert caught.value.code() is grpc.StatusCode.ABORTED
    assert (details.reason, details.metadata["current_etag"]) == ("ETAG_MISMATCH", "abc")
