"""GetConfig and UpdateConfig, the same for every service: field mask, etag, validate_only, who and why.

A service's messages follow one form (`protos/foreshock/*/v1/control.proto`): requests have `config`, `update_mask`,
`etag`, `validate_only`, `author`, `reason`; responses `config` and `revision`. The service's configuration is a msgspec
Struct with the same field names as its `config` message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

import grpc
import msgspec
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message

from foreshock_runtime.config_store import ConfigStore, EtagMismatchError
from foreshock_runtime.connection import TROUBLE
from foreshock_runtime.rpc import aborted_etag, invalid_argument

C = TypeVar("C", bound=msgspec.Struct)
_AT = re.compile(r"(?P<reason>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)


class Present(NamedTuple, Generic[C]):
    """The configuration in force: revision 0 and etag '' stand for the built-in one."""

    revision: int
    etag: str
    config: C


class ConfigControl(Generic[C]):
    """Reads and changes one service's configuration.

    built_in is in force until the first change; problems names what is wrong by field (`thresholds.alert`).
    """

    def __init__(self, store: ConfigStore, built_in: C, problems: Callable[[C], Mapping[str, str]]) -> None:
        self._store = store
        self._built_in = built_in
        self._problems = problems

    async def present(self) -> Present[C]:
        """Return the configuration in force. Raises ValueError or DecodeError for a foreign one."""
        stored = await self._store.load()
        if stored is None:
            return Present(0, "", self._built_in)
        config = msgspec.json.decode(stored.document, type=type(self._built_in))
        return Present(stored.revision, stored.etag, config)

    async def get(self, response: Any, context: Any) -> Any:
        """Fill a GetConfigResponse."""
        return await self._guarded(context, self._fill(response))

    async def update(self, request: Any, response: Any, context: Any) -> Any:
        """Answer an UpdateConfigRequest; ends the call with an error that names each bad field."""
        return await self._guarded(context, self._update(request, response, context))

    async def _guarded(self, context: Any, work: Any) -> Any:
        try:
            return await work
        except EtagMismatchError as error:
            await aborted_etag(context, error.current)
        except TROUBLE as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, f"Redis: {type(error).__name__}")
        except (ValueError, msgspec.DecodeError) as error:
            reason = f"the stored configuration is not one of this version: {error}"
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, reason)

    async def _update(self, request: Any, response: Any, context: Any) -> Any:
        present = await self.present()
        if request.etag and request.etag != present.etag:
            raise EtagMismatchError(present.etag)
        mask = await _mask(request, context)
        merged = ParseDict(msgspec.to_builtins(present.config), type(request.config)())
        mask.MergeMessage(request.config, merged, replace_message_field=True, replace_repeated_field=True)
        config = await self._checked(merged, context)
        if not request.validate_only:
            document = msgspec.json.encode(config)
            await self._store.save(present.etag, document, request.author, request.reason)
            return await self._fill(response)
        return await self._fill(response, config)

    async def _checked(self, merged: Any, context: Any) -> C:
        plain = MessageToDict(merged, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
        try:
            config = msgspec.convert(plain, type(self._built_in), strict=False)
        except msgspec.ValidationError as error:
            found = _AT.match(str(error))
            path, reason = (found["path"] or "", found["reason"]) if found else ("", str(error))
            await invalid_argument(context, {_field(path): reason})
        wrong = self._problems(config)
        if wrong:
            await invalid_argument(context, {_field(name): reason for name, reason in wrong.items()})
        return config

    async def _fill(self, response: Any, config: C | None = None) -> Any:
        present = await self.present()
        ParseDict(msgspec.to_builtins(present.config if config is None else config), response.config)
        response.revision.revision = present.revision
        response.revision.etag = present.etag
        for line in await self._store.history(1):
            response.revision.author = line.author
            response.revision.reason = line.reason
            response.revision.at.FromNanoseconds(line.ts)
        return response


def _field(path: str) -> str:
    return f"config.{path}" if path else "config"


def _set_paths(message: Message, prefix: str = "") -> Iterator[str]:
    """Name what is set, down to single values: the neighbours of one in the same message stay as they are."""
    for field, value in message.ListFields():
        if isinstance(value, Message):
            yield from _set_paths(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}"


async def _mask(request: Any, context: Any) -> FieldMask:
    """Return the fields to change: those named, all for `*`, those set where no mask was given."""
    descriptor = request.config.DESCRIPTOR
    paths = list(request.update_mask.paths)
    if not paths:
        return FieldMask(paths=list(_set_paths(request.config)))
    if paths == ["*"]:
        return FieldMask(paths=[field.name for field in descriptor.fields])
    for at, path in enumerate(paths):
        if not FieldMask(paths=[path]).IsValidForDescriptor(descriptor):
            await invalid_argument(
                context, {f"update_mask.paths[{at}]": f"{path!r} is not a field of the configuration"}
            )
    return FieldMask(paths=paths)
