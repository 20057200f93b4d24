"""The life of a service: in a loop, and as a process with signals."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from tests.integration.runtime_toys import until

from foreshock_model import keys
from foreshock_runtime.alive import living
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_runtime.lifecycle import Exit, Service, run_in_loop
from foreshock_runtime.probe import status
from foreshock_runtime.settings import ServiceSettings


@pytest.fixture
def settings(redis_server: EmbeddedServer, redis: Redis) -> ServiceSettings:
    return ServiceSettings(redis_url=redis_server.url, grace_seconds=0.3, instance="i-1")


async def test_an_orderly_life(settings: ServiceSettings, redis: Redis) -> None:
    stop = asyncio.Event()
    seen: list[bool] = []

    async def main(service: Service) -> None:
        await service.serve({})
        await service.set_serving(True)
        service.config_revision = 7
        service.metrics.gauge("up", "One.").set(1)
        await service.stop.wait()
        await until(lambda: not service.serving)
        seen.append(service.health.seconds_since_good() < 5)

    task = asyncio.create_task(run_in_loop(main, settings, "feeds", stop=stop))

    async def serving() -> bool:
        return any(h.serving for h in await living(redis))

    await until(serving)
    heartbeat = (await living(redis))[0]
    assert (heartbeat.service, heartbeat.instance, heartbeat.pid) == ("feeds", "i-1", os.getpid())
    assert heartbeat.config_revision == 7
    assert await asyncio.to_thread(status, heartbeat.health) == "SERVING"
    assert b"foreshock_feeds_up 1.0" in await scrape(heartbeat.metrics)
    stop.set()
    assert await task == Exit.ORDERLY
    assert seen == [True]
    assert not await redis.exists(keys.alive("feeds", "i-1"))


async def scrape(address: str) -> bytes:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_a_main_that_returns_ends_the_service(settings: ServiceSettings) -> None:
    async def main(service: Service) -> None:
        service.tasks.create_task(service.stop.wait())

    assert await run_in_loop(main, settings, "feeds") == Exit.ORDERLY


async def test_a_failing_task_ends_the_service(settings: ServiceSettings) -> None:
    async def fail() -> None:
        raise RuntimeError("no")

    async def main(service: Service) -> None:
        service.tasks.create_task(fail())
        await service.stop.wait()

    assert await run_in_loop(main, settings, "feeds") == Exit.FAILED


async def test_bad_settings_found_at_start_have_their_own_code(settings: ServiceSettings, tmp_path: Path) -> None:
    async def main(service: Service) -> None:
        await service.serve({})

    async def changed(**fields: Any) -> int:
        values = {name: getattr(settings, name) for name in settings.__struct_fields__} | fields
        return await run_in_loop(main, ServiceSettings(**values), "feeds")

    assert await changed(control_listen="0.0.0.0:0") == Exit.SETTINGS
    assert await changed(control_token_file=tmp_path / "absent") == Exit.SETTINGS
    assert await changed(metrics_listen="192.0.2.1:1") == Exit.SETTINGS


async def test_work_that_does_not_end_is_cut_off_by_the_grace(settings: ServiceSettings, redis: Redis) -> None:
    stop = asyncio.Event()

    async def main(service: Service) -> None:
        service.stop.set()
        await asyncio.sleep(60)

    assert await run_in_loop(main, settings, "feeds", stop=stop) == Exit.GRACE_EXCEEDED


async def test_without_a_server_a_service_still_starts_and_stops() -> None:
    stop = asyncio.Event()

    async def main(service: Service) -> None:
        assert not await service.health.ping()
        assert service.health.failures >= 1
        service.stop.set()

    settings = ServiceSettings(redis_url="redis://127.0.0.1:1", grace_seconds=5)
    assert await run_in_loop(main, settings, "feeds", stop=stop) == Exit.ORDERLY


PROCESS = """
import asyncio, os, sys
from foreshock_runtime.lifecycle import run_service
from foreshock_runtime.settings import ServiceSettings, load_settings
async def main(service):
    await service.serve({})
    await service.set_serving(True)
    print("up", flush=True)
    await service.stop.wait()
    if "stuck" in sys.argv:
        await asyncio.sleep(60)
sys.exit(run_service(main, load_settings(ServiceSettings, env=os.environ), "signals"))
"""


@pytest.fixture
async def spawn(redis_server: EmbeddedServer, redis: Redis) -> AsyncIterator[Callable[..., subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(*args: str) -> subprocess.Popen[bytes]:
        env = {
            **os.environ,
            "FORESHOCK_REDIS_URL": redis_server.plain_url,
            "FORESHOCK_REDIS_PASSWORD_FILE": str(redis_server.password_file),
            "FORESHOCK_GRACE_SECONDS": "20",
        }
        process = subprocess.Popen(
            [sys.executable, "-c", PROCESS, *args], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


async def up(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    assert await asyncio.to_thread(process.stdout.readline) == b"up\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_in_order_and_the_log_says_so(
    spawn: Callable[..., subprocess.Popen[bytes]], number: signal.Signals
) -> None:
    process = spawn()
    await up(process)
    process.send_signal(number)
    _, err = await asyncio.to_thread(process.communicate, timeout=20)
    assert process.returncode == Exit.ORDERLY, err
    events = [json.loads(line)["event"] for line in err.splitlines()]
    assert events == ["listening", "stopping", "service_stopped"]


async def test_a_second_signal_does_not_wait(spawn: Callable[..., subprocess.Popen[bytes]]) -> None:
    process = spawn("stuck")
    await up(process)
    process.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    await asyncio.to_thread(process.communicate, timeout=10)
    assert process.returncode == Exit.GRACE_EXCEEDED


async def test_a_killed_service_is_gone_within_its_time_to_live(
    spawn: Callable[..., subprocess.Popen[bytes]], redis: Redis
) -> None:
    process = spawn()
    await up(process)

    async def present() -> bool:
        return bool(await living(redis))

    async def absent() -> bool:
        return not await living(redis)

    await until(present)
    process.kill()
    await until(absent, 4)
