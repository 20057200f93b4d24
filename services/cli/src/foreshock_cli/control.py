"""Calls to the control services over gRPC; every refusal becomes a sentence that names the field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import grpc
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest  # type: ignore[import-untyped]
from grpc_status import rpc_status

from foreshock_cli.exits import CommandError, unreachable, usage_error
from foreshock_lab.house import SERVICES
from foreshock_runtime.alive import Heartbeat

CALL_SECONDS = 5.0
TOKEN_FILE = "FORESHOCK_CONTROL_TOKEN_FILE"  # noqa: S105 - the name of a variable
TOKEN_HINT = f"name the file that holds a token: --token-file, or {TOKEN_FILE}"


class Control:
    """One service's control, on an open channel."""

    def __init__(self, process: Heartbeat, channel: grpc.Channel, token: str | None) -> None:
        service, self.process = process.service, process
        self._messages: Any = import_module(f"foreshock_protos.{service}.v1.control_pb2")
        grpc_module: Any = import_module(f"foreshock_protos.{service}.v1.control_pb2_grpc")
        self._stub = getattr(grpc_module, f"{service.title()}ControlServiceStub")(channel)
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()

    def request(self, method: str, **fields: Any) -> Any:
        """Call a method with a request of these fields. Raises grpc.RpcError."""
        message: Message = getattr(self._messages, f"{method}Request")(**fields)
        return getattr(self._stub, method)(message, timeout=CALL_SECONDS, metadata=self._metadata)

    def stream(self, method: str, **fields: Any) -> Iterator[Any]:
        """Call a method that answers without end. Raises grpc.RpcError."""
        message: Message = getattr(self._messages, f"{method}Request")(**fields)
        yield from getattr(self._stub, method)(message, metadata=self._metadata)


@contextmanager
def opened(process: Heartbeat, token: str | None) -> Iterator[Control]:
    """Yield the control of a process. gRPC errors inside the block become CommandErrors."""
    with grpc.insecure_channel(process.control) as channel:
        try:
            yield Control(process, channel, token)
        except grpc.RpcError as error:
            raise explained(process, error) from error


def service_at(address: str, token: str | None) -> str:
    """Return which service's control listens at an address. Raises CommandError."""
    for service in SERVICES:
        process = Heartbeat(service=service, instance="", pid=0, version="", control=address)
        with grpc.insecure_channel(address) as channel:
            try:
                Control(process, channel, token).request("GetStatus")
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                    continue
                raise explained(process, error) from error
        return service
    raise unreachable(f"no control of ours listens at {address}")


def token(option: str | None, env: Mapping[str, str]) -> str | None:
    """Return the bearer token to show, None when no file is named."""
    path = option or env.get(TOKEN_FILE)
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise usage_error(f"the token file {path!r} cannot be read: {reason}") from error


def explained(process: Heartbeat, error: grpc.RpcError) -> CommandError:
    """Return the error as a person can use it."""
    code, details = error.code(), error.details() or ""
    name = f"{process.service} at {process.control}"
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        return CommandError(_fields(error) or details)
    if code is grpc.StatusCode.ABORTED:
        return CommandError(f"somebody else changed the configuration meanwhile: {details}")
    if code is grpc.StatusCode.NOT_FOUND:
        return CommandError(details)
    if code in {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}:
        return unreachable(f"{name} refuses us: {details}", hint=TOKEN_HINT)
    if code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
        return unreachable(f"{name} does not answer", hint="`foreshock status` shows what is alive")
    return CommandError(f"{name} answers {code.name}: {details}")


def _fields(error: grpc.RpcError) -> str:
    status = rpc_status.from_call(cast("grpc.Call", error))
    lines = []
    for detail in status.details if status else ():
        found = BadRequest()
        if detail.Unpack(found):
            lines += [f"{each.field}: {each.description}" for each in found.field_violations]
    return "\n           ".join(lines)
