"""Configuration over real gRPC and a real server: signals' messages, because they have messages within."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from math import inf, nan
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import grpc.aio
import msgspec
import pytest
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status
from redis.asyncio import Redis

from foreshock_model import keys
from foreshock_protos.signals.v1 import control_pb2, control_pb2_grpc
from foreshock_runtime.config_store import ConfigStore
from foreshock_runtime.connection import connect_url
from foreshock_runtime.control import ConfigControl
from foreshock_runtime.rpc import RpcServer
from foreshock_runtime.settings import ServiceSettings
from foreshock_signals.domain.config import SignalsConfig, validate

NAME = "foreshock.signals.v1.SignalsControlService"


class Narrow(SignalsConfig, frozen=True):
    """The same fields, one with a bound in its type."""

    sensitivity: Annotated[float, msgspec.Meta(ge=0.25, le=4.0)] = 1.0


class Door(control_pb2_grpc.SignalsControlServiceServicer):
    """A control service that has nothing but a configuration."""

    def __init__(self, config: ConfigControl[Any]) -> None:
        self._config = config

    def add(self, server: Any) -> None:
        control_pb2_grpc.add_SignalsControlServiceServicer_to_server(self, server)

    async def GetConfig(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        return await self._config.get(control_pb2.GetConfigResponse(), context)

    async def UpdateConfig(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        return await self._config.update(request, control_pb2.UpdateConfigResponse(), context)


class Client(NamedTuple):
    """A client of the service."""

    stub: Any

    async def get(self) -> Any:
        return await self.stub.GetConfig(control_pb2.GetConfigRequest(), timeout=10)

    async def update(self, config: Mapping[str, Any], *paths: str, **more: Any) -> Any:
        mask = {"paths": list(paths)} if paths else None
        request = control_pb2.UpdateConfigRequest(config=config, update_mask=mask, **more)
        return await self.stub.UpdateConfig(request, timeout=10)

    async def refused(self, config: Mapping[str, Any], *paths: str, **more: Any) -> grpc.aio.AioRpcError:
        with pytest.raises(grpc.aio.AioRpcError) as found:
            await self.update(config, *paths, **more)
        return found.value


def violations(error: Any) -> dict[str, str]:
    """Return what the error says of each field."""
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    status: Any = rpc_status.from_call(error)
    told = error_details_pb2.BadRequest()
    assert status.details[0].Unpack(told)
    return {each.field: each.description for each in told.field_violations}


async def served(
    redis: Redis, built_in: Any, problems: Callable[[Any], Mapping[str, str]] = validate
) -> AsyncIterator[Client]:
    door = Door(ConfigControl(ConfigStore(redis, "signals", 2), built_in, problems))
    server = RpcServer(ServiceSettings(), services={NAME: door.add})
    bound = await server.start()
    try:
        async with grpc.aio.insecure_channel(bound.control) as channel:
            yield Client(control_pb2_grpc.SignalsControlServiceStub(channel))
    finally:
        await server.stop(0.1)


@pytest.fixture
async def client(redis: Redis) -> AsyncIterator[Client]:
    async for each in served(redis, SignalsConfig()):
        yield each


async def test_the_built_in_configuration_is_revision_zero(client: Client) -> None:
    found = await client.get()
    assert (found.revision.revision, found.revision.etag, found.revision.author) == (0, "", "")
    assert found.config.thresholds.alert == 0.5
    assert found.config.sensitivity == 1.0


async def test_without_a_mask_what_is_set_is_changed_and_its_neighbours_stay(client: Client) -> None:
    config = {"thresholds": {"alert": 0.6}, "sensitivity": 2.0, "weights": {}}
    found = (await client.update(config, author="ada", reason="test")).config
    assert (found.thresholds.watch, found.thresholds.alert, found.thresholds.extreme) == (0.25, 0.6, 0.96)
    assert found.weights.velocity == 0.25
    assert (found.sensitivity, found.off_ratio) == (2.0, 0.4)


async def test_a_change_is_told_with_who_why_and_when_and_in_every_partition(client: Client, redis: Redis) -> None:
    answer = await client.update({"sensitivity": 2.0}, author="ada", reason="calm")
    told = await client.get()
    assert answer == control_pb2.UpdateConfigResponse(config=told.config, revision=told.revision)
    assert (told.revision.revision, told.revision.author, told.revision.reason) == (1, "ada", "calm")
    assert told.revision.at.seconds > 0
    assert [await redis.xlen(keys.events(partition)) for partition in range(2)] == [1, 1]


async def test_a_mask_names_single_values_also_to_set_them_to_zero(client: Client) -> None:
    config = {"thresholds": {"alert": 0.6}, "persistence_seconds": 0.0, "sensitivity": 3.0}
    found = (await client.update(config, "thresholds.alert", "persistence_seconds")).config
    assert (found.thresholds.watch, found.thresholds.alert) == (0.25, 0.6)
    assert (found.persistence_seconds, found.sensitivity) == (0.0, 1.0)


async def test_a_map_is_replaced_as_a_whole(client: Client) -> None:
    await client.update({"overrides": {"BTCUSDT": {"sensitivity": 2.0}, "ETHUSDT": {"sensitivity": 3.0}}})
    found = await client.update({"overrides": {"ETHUSDT": {"sensitivity": 0.5}}}, "overrides")
    assert {name: each.sensitivity for name, each in found.config.overrides.items()} == {"ETHUSDT": 0.5}
    assert not (await client.update({}, "overrides")).config.overrides


async def test_a_star_changes_everything(client: Client) -> None:
    whole = (await client.get()).config
    whole.sensitivity = 2.0
    request = control_pb2.UpdateConfigRequest(config=whole, update_mask={"paths": ["*"]})
    assert (await client.stub.UpdateConfig(request, timeout=10)).config == whole
    found = violations(await client.refused({"sensitivity": 2.0}, "*"))
    assert set(found) == {"config.release_seconds", "config.repeat_seconds"}, "what is not said is zero"


@pytest.mark.parametrize("path", ["nothing", "thresholds.nothing", "thresholds.alert.deeper", "overrides.BTCUSDT", ""])
async def test_a_path_that_is_no_field_is_named(client: Client, redis: Redis, path: str) -> None:
    error = await client.refused({"sensitivity": 2.0}, "sensitivity", path)
    assert set(violations(error)) == {"update_mask.paths[1]"}
    assert repr(path) in (error.details() or "")
    assert not await redis.exists(keys.config("signals"))


async def test_a_stale_etag_is_refused_with_the_current_one(client: Client) -> None:
    first = await client.update({"sensitivity": 2.0})
    second = await client.update({"sensitivity": 3.0}, etag=first.revision.etag)
    error = await client.refused({"sensitivity": 4.0}, etag=first.revision.etag)
    assert error.code() is grpc.StatusCode.ABORTED
    status: Any = rpc_status.from_call(error)  # type: ignore[arg-type]
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, dict(info.metadata)) == ("ETAG_MISMATCH", {"current_etag": second.revision.etag})
    assert (await client.get()).config.sensitivity == 3.0


async def test_a_change_may_be_tried_only(client: Client, redis: Redis) -> None:
    answer = await client.update({"sensitivity": 2.0}, validate_only=True)
    assert (answer.config.sensitivity, answer.revision.revision) == (2.0, 0)
    assert (await client.get()).config.sensitivity == 1.0
    assert set(violations(await client.refused({"sensitivity": 9.0}, validate_only=True))) == {"config.sensitivity"}
    assert await redis.xlen(keys.events(0)) == 0


@pytest.mark.parametrize("value", [nan, inf, -inf, 0.0, -1.0])
async def test_a_value_that_is_no_good_number_is_named_wherever_it_stands(client: Client, value: float) -> None:
    config = {"off_ratio": nan, "thresholds": {"alert": value}, "overrides": {"BTCUSDT": {"sensitivity": value}}}
    found = violations(await client.refused(config, "off_ratio", "thresholds.alert", "overrides"))
    assert found.keys() >= {"config.off_ratio", "config.thresholds.alert", "config.overrides.BTCUSDT.sensitivity"}
    assert (await client.get()).revision.revision == 0


async def test_a_bound_of_a_type_names_its_field(redis: Redis) -> None:
    async for client in served(redis, Narrow(), lambda _: {}):
        found = violations(await client.refused({"sensitivity": 5.0}))
        assert list(found) == ["config.sensitivity"]
        assert "<= 4.0" in found["config.sensitivity"]


async def test_what_is_wrong_with_the_whole_names_the_whole(redis: Redis) -> None:
    async for client in served(redis, SignalsConfig(), lambda _: {"": "not today"}):
        assert violations(await client.refused({"sensitivity": 2.0})) == {"config": "not today"}


async def test_a_stored_configuration_of_another_version_is_said_to_be_that(client: Client, redis: Redis) -> None:
    await redis.hset(
        keys.config("signals"), mapping={"revision": 1, "etag": "x", "document": b'{"sensitivity": "high"}'}
    )
    with pytest.raises(grpc.aio.AioRpcError) as found:
        await client.get()
    assert found.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "$.sensitivity" in (found.value.details() or "")


async def test_without_redis_the_service_is_unavailable(tmp_path: Path) -> None:
    away = connect_url(f"unix://{tmp_path}/none.sock")
    async for client in served(away, SignalsConfig()):
        error = await client.refused({"sensitivity": 2.0})
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert (error.details() or "").startswith("Redis: ")
        assert str(tmp_path) not in (error.details() or "")
    await away.aclose()
