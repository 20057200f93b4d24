"""The archive on a real server: everything once, acknowledged when it is durable, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pyarrow as pa
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client import generate_latest
from redis.asyncio import Redis
from tests.integration.archive_house import HISTORY, archived, archiver, expected, pending, write
from tests.integration.runtime_toys import until

from foreshock_archive import app
from foreshock_archive import archiver as archiver_module
from foreshock_archive.archiver import Archiver
from foreshock_archive.domain.position import Position
from foreshock_archive.folder import ParquetFolder
from foreshock_archive.settings import ArchiveSettings
from foreshock_model import keys
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_runtime.lifecycle import Exit, Service, run_in_loop
from foreshock_runtime.settings import Secret, ServiceSettings
from foreshock_runtime.streams import trim


@contextlib.asynccontextmanager
async def working(each: Archiver) -> AsyncIterator[Archiver]:
    """Let an archiver work while the block lasts, and end it in order."""
    stop = asyncio.Event()
    task = asyncio.create_task(each.run(stop))
    try:
        await until(lambda: each.told.state == "WORKING")
        yield each
    finally:
        stop.set()
        async with asyncio.timeout(10):
            await task


def kept(each: Archiver, table: str) -> int:
    """Rows of a table that are durable or wait to be."""
    return each.told.rows[table] + each.look().waiting_rows


async def all_read(each: Archiver) -> None:
    """Wait until everything of the history was read."""
    rows = sum(map(len, expected().values()))
    await until(lambda: sum(each.told.rows.values()) + each.look().waiting_rows >= rows)


async def test_what_stands_in_the_streams_is_kept_once(redis: Redis, tmp_path: Path) -> None:
    await write(redis, HISTORY[:40])
    async with working(archiver(redis, ParquetFolder(tmp_path / "a"), rows=100)) as each:
        await write(redis, HISTORY[40:])
        await all_read(each)
    assert archived(tmp_path / "a") == expected()
    assert each.told.steps >= 2
    assert each.told.state == "ENDED"


async def test_nothing_is_acknowledged_before_it_is_durable(redis: Redis, tmp_path: Path) -> None:
    await write(redis, HISTORY)
    async with working(archiver(redis, ParquetFolder(tmp_path / "a"))) as each:
        await all_read(each)
        assert not archived(tmp_path / "a")
        assert await pending(redis) == len(HISTORY)
        assert each.look().lag_seconds > 0
        gone = await trim(redis, keys.events(0), now_ns=2**62, retention_ms=1, guards=[])
        assert gone.removed == 0
    assert archived(tmp_path / "a") == expected()
    assert await pending(redis) == 0
    assert (each.look().waiting_rows, each.look().lag_seconds) == (0, 0.0)
    assert (await trim(redis, keys.events(0), now_ns=2**62, retention_ms=1, guards=[])).removed > 0


async def test_a_step_is_due_after_its_time(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiver_module, "LOOK_SECONDS", 0.0)
    await write(redis, HISTORY)
    async with working(archiver(redis, ParquetFolder(tmp_path / "a"), seconds=0.2)) as each:
        await until(lambda: each.told.rows["events"] > 0 and not each.look().waiting_rows)
        assert archived(tmp_path / "a") == expected()
        await until(lambda: each.told.behind == 0)


@pytest.mark.parametrize("bound", ["MOST_PENDING", "MOST_BYTES"])
async def test_what_redis_must_hold_is_bounded(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(archiver_module, bound, 10)
    await write(redis, HISTORY[:60])
    async with working(archiver(redis, ParquetFolder(tmp_path / "a"))) as each:
        await until(lambda: each.told.steps >= 1)


async def test_a_group_that_is_gone_comes_back_where_the_folder_stands(redis: Redis, tmp_path: Path) -> None:
    await write(redis, HISTORY[:40])
    async with working(archiver(redis, ParquetFolder(tmp_path / "a"), rows=100)) as each:
        await until(lambda: each.told.steps >= 1)
        await redis.execute_command("XGROUP", "DESTROY", keys.events(0), "archive")
        await until(lambda: each.told.failures >= 1)
        assert "NOGROUP" in each.told.reason
        await write(redis, HISTORY[40:])
        await until(lambda: each.told.state == "WORKING")
        await all_read(each)
    assert archived(tmp_path / "a") == expected()


async def test_one_archive_a_group_works_and_the_next_takes_over(redis: Redis, tmp_path: Path) -> None:
    await write(redis, HISTORY[:40])
    stop = asyncio.Event()
    second = archiver(redis, ParquetFolder(tmp_path / "a"))
    async with working(archiver(redis, ParquetFolder(tmp_path / "a"), rows=100)) as first:
        waiting = asyncio.create_task(second.run(stop))
        await until(lambda: first.told.steps >= 1)
        assert second.told.state == "WAITING"
    await write(redis, HISTORY[40:])
    await until(lambda: second.told.state == "WORKING")
    await until(lambda: second.look().waiting_rows > 0)
    await redis.execute_command("SET", keys.group_lease("archive"), "somebody else")
    await until(lambda: second.told.failures == 1)
    assert "LeaseLost" in second.told.reason
    await second.leave()
    assert await redis.xinfo_groups(keys.events(0)), "it has read what is not durable yet"
    await redis.execute_command("DEL", keys.group_lease("archive"))
    await until(lambda: second.told.state == "WORKING")
    stop.set()
    await waiting
    async with working(archiver(redis, ParquetFolder(tmp_path / "a"))) as third:
        await until(lambda: third._reader.reached({keys.events(0): HISTORY[-1].entry_id.partition("-")[0] + "-0"}))
    assert archived(tmp_path / "a") == expected()


class FullDisk:
    """A folder whose disk is full for some steps."""

    name = "parquet"

    def __init__(self, folder: ParquetFolder, steps: int) -> None:
        self._folder = folder
        self._left = steps

    async def begin(self) -> Position:
        return await self._folder.begin()

    async def recent(self, table: str, most: int) -> Sequence[str]:
        return await self._folder.recent(table, most)

    async def write(self, tables: Mapping[str, pa.Table], before: Position, after: Position) -> int:
        self._left -= 1
        if self._left >= 0:
            raise OSError(28, "No space left on device")
        return await self._folder.write(tables, before, after)

    async def close(self) -> None:
        await self._folder.close()


async def test_a_full_disk_is_waited_out(redis: Redis, tmp_path: Path) -> None:
    await write(redis, HISTORY)
    async with working(archiver(redis, FullDisk(ParquetFolder(tmp_path / "a"), 2), seconds=0.1)) as each:
        await until(lambda: each.told.rows["events"] > 0 and not each.look().waiting_rows)
    assert each.told.failures == 2
    assert each.told.repeated == 0
    assert archived(tmp_path / "a") == expected()


async def test_an_entry_that_cannot_be_read_is_counted_and_the_next_kept(redis: Redis, tmp_path: Path) -> None:
    await redis.execute_command("XADD", keys.events(0), "1-0", "kind", "nonsense")
    await write(redis, HISTORY)
    each = archiver(redis, ParquetFolder(tmp_path / "a"))
    await each.run(asyncio.Event(), once=True)
    assert each.told.unreadable == 1
    assert archived(tmp_path / "a") == expected()


async def test_once_ends_with_what_was_there_and_goes_on_from_it(redis: Redis, tmp_path: Path) -> None:
    for part in (HISTORY[:40], HISTORY[40:], []):
        await write(redis, part)
        each = archiver(redis, ParquetFolder(tmp_path / "a"))
        await each.run(asyncio.Event(), once=True)
        await each.leave()
    assert each.told.steps == 0
    assert archived(tmp_path / "a") == expected()
    assert await redis.xinfo_groups(keys.events(0)) == []


async def test_partitions_share_the_files(redis: Redis, tmp_path: Path) -> None:
    await write(redis, HISTORY)
    await write(redis, HISTORY, partition=1)
    each = archiver(redis, ParquetFolder(tmp_path / "a"), partitions=2)
    await each.run(asyncio.Event(), once=True)
    rows = archived(tmp_path / "a")
    assert len(rows["metrics"]) == 2 * len(expected()["metrics"])
    assert rows["events"] == expected()["events"], "the same events are known in every partition"
    assert {row["partition"] for row in rows["metrics"]} == {0, 1}


@contextlib.asynccontextmanager
async def running(server: EmbeddedServer, **settings: Any) -> AsyncIterator[Service]:
    """Run the service until the block ends; it must end in order."""
    found: asyncio.Future[Service] = asyncio.get_running_loop().create_future()

    async def main(service: Service) -> None:
        found.set_result(service)
        await app.serve(service)

    outcome = asyncio.create_task(run_in_loop(main, ArchiveSettings(redis_url=server.url, **settings), "archive"))
    service = await asyncio.wait_for(found, 10)
    try:
        await until(lambda: service.serving)
        yield service
    finally:
        service.stop.set()
        assert await asyncio.wait_for(outcome, 10) == Exit.ORDERLY


async def test_the_service_is_healthy_and_measured(redis: Redis, redis_server: EmbeddedServer, tmp_path: Path) -> None:
    await write(redis, HISTORY)
    async with running(redis_server, out_dir=tmp_path / "a", roll_seconds=0.1) as service:
        async with grpc.aio.insecure_channel(service.bound.health) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            health = await stub.Check(health_pb2.HealthCheckRequest(), timeout=5)
        assert health.status == health_pb2.HealthCheckResponse.SERVING
        events = len(expected()["events"])
        line = f'foreshock_archive_rows_total{{sink="parquet",table="events"}} {float(events)}'
        await until(lambda: line in generate_latest(service.registry).decode())
        text = generate_latest(service.registry).decode()
        assert 'foreshock_archive_working{sink="parquet"} 1.0' in text
        assert 'foreshock_archive_missing_total{sink="parquet"} 0.0' in text
        assert await redis.xinfo_groups(keys.signals(0))
    assert archived(tmp_path / "a") == expected()
    assert await redis.xinfo_groups(keys.signals(0)), "a service that is stopped keeps its place"


@pytest.mark.parametrize(
    "settings",
    [
        ServiceSettings(),
        ArchiveSettings(),
        ArchiveSettings(out_dir=Path("a"), tables=("trades",)),
        ArchiveSettings(postgres_dsn=Secret("not a = connection string")),
    ],
    ids=["of another service", "without a place", "with an unknown table", "with a bad connection string"],
)
async def test_settings_that_make_no_sense_are_refused(
    redis: Redis, redis_server: EmbeddedServer, tmp_path: Path, settings: ServiceSettings
) -> None:
    await redis.execute_command("PING")
    import msgspec

    wanted = msgspec.structs.replace(settings, redis_url=redis_server.url)
    assert await run_in_loop(app.serve, wanted, "archive") == Exit.SETTINGS


async def test_the_program_says_what_it_lacks() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("FORESHOCK_")}
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "foreshock_archive", env=env, stderr=asyncio.subprocess.PIPE
    )
    _, err = await asyncio.wait_for(program.communicate(), 30)
    assert program.returncode == Exit.SETTINGS
    assert b"out_dir: name a folder" in err
