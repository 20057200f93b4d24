"""Child processes: clean surroundings, orderly ends, and none that outlives its supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from foreshock_lab import leash
from foreshock_lab.errors import LabError
from foreshock_lab.house import House, HouseSettings
from foreshock_lab.polling import within
from foreshock_lab.processes import Processes, clean_environment
from foreshock_lab.run_dir import run_directory
from foreshock_model import keys
from foreshock_runtime.embedded import EmbeddedServer

CHILD = """
import os, signal, sys, time
mode = os.environ["MODE"]
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode == "env":
    print("\\n".join(sorted(name for name in os.environ if name.startswith("FORESHOCK_") or name == "REDIS_URL")))
    sys.exit(3)
print("ready", flush=True)
time.sleep(60)
"""
SUPERVISOR = """
import asyncio, sys
from pathlib import Path
from foreshock_lab.polling import within
from foreshock_lab.processes import Processes
async def main():
    async with Processes(Path(sys.argv[1])) as processes:
        child = await processes.start("child", "lab_child", {"MODE": "sleep", "PYTHONPATH": sys.argv[1]})
        while "ready" not in child.log_path.read_text():
            await asyncio.sleep(0.01)
        print(child.pid, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "lab_child.py").write_text(CHILD)
    return tmp_path


def surroundings(place: Path, mode: str) -> dict[str, str]:
    return {"MODE": mode, "PYTHONPATH": str(place)}


async def ready(log: Path) -> None:
    assert await within(10, lambda: "ready" in log.read_text())


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_settings_of_the_shell_do_not_leak_into_services() -> None:
    env = {"FORESHOCK_PARTITIONS": "3", "REDIS_URL": "x", "LOG_LEVEL": "x", "TRACKED_SYMBOLS": "x", "PATH": "/bin"}
    assert clean_environment(env) == {"PATH": "/bin"}


async def test_a_child_gets_what_it_is_given_and_its_words_are_kept(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORESHOCK_PARTITIONS", "9")
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere")
    async with Processes(place) as processes:
        child = await processes.start("one", "lab_child", surroundings(place, "env") | {"FORESHOCK_CLOCK": "system"})
        assert await child.wait(10)
        assert child.exit_code == 3
        assert child.last_words() == f"FORESHOCK_CLOCK (log: {child.log_path})"
        child.log_path.write_text("{" + "x" * 10_000 + "NameError: name 'y' is not defined}\n")
        assert len(child.last_words()) < 500
        assert "NameError: name 'y' is not defined}" in child.last_words()
        child.signal(signal.SIGTERM)
        child.log_path.unlink()
        assert child.last_words() == "it left no log"


async def test_an_orderly_end_a_killed_one_and_one_that_was_stopped(place: Path) -> None:
    async with Processes(place) as processes:
        plain = await processes.start("plain", "lab_child", surroundings(place, "sleep"))
        stubborn = await processes.start("stubborn", "lab_child", surroundings(place, "stubborn"))
        stopped = await processes.start("stopped", "lab_child", surroundings(place, "sleep"))
        for child in (plain, stubborn, stopped):
            await ready(child.log_path)
        stopped.signal(signal.SIGSTOP)
        assert not await stubborn.wait(0.01)
        assert await plain.end(10) == -signal.SIGTERM
        assert await stubborn.end(0.2) == -signal.SIGKILL
        assert await stopped.end(10) == -signal.SIGTERM
        processes.forget(plain)
        processes.forget(plain)


async def test_leaving_the_context_ends_what_still_runs(place: Path) -> None:
    async with Processes(place) as processes:
        child = await processes.start("child", "lab_child", surroundings(place, "stubborn"))
        await ready(child.log_path)
    assert child.exit_code is not None
    assert not alive(child.pid)


async def test_children_die_with_a_supervisor_that_is_killed(place: Path) -> None:
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SUPERVISOR, str(place), stdout=asyncio.subprocess.PIPE
    )
    assert supervisor.stdout is not None
    pid = int(await asyncio.wait_for(supervisor.stdout.readline(), 20))
    assert alive(pid)
    supervisor.kill()
    await supervisor.wait()
    assert await within(10, lambda: not alive(pid))


async def test_processes_are_started_within_the_context_only(place: Path) -> None:
    with pytest.raises(RuntimeError, match="within the context"):
        Processes(place)._note("+1")


async def test_a_service_that_has_ended_is_not_waited_for(
    tmp_path: Path, redis: Redis, redis_server: EmbeddedServer
) -> None:
    """What comes into its stream after its end, it will never answer."""
    settings = HouseSettings(run_dir=tmp_path, redis_url=redis_server.url)
    async with House(settings) as house, asyncio.timeout(20):
        await redis.xadd(keys.events(0), {"kind": "market"})
        house.children["velocity"] = await house._processes.start("velocity", "this", {})
        assert await house.children["velocity"].wait(15)
        await house.stop(drain_seconds=60)


async def test_only_a_run_that_is_compared_with_its_ledger_refuses_a_server_that_was_used(
    tmp_path: Path, redis: Redis, redis_server: EmbeddedServer
) -> None:
    await redis.xadd(keys.events(0), {"kind": "market"})
    settings = HouseSettings(run_dir=tmp_path, redis_url=redis_server.url)
    async with House(settings) as house:
        assert not house.redis_report.embedded
    with pytest.raises(LabError, match="already holds event streams"):
        await House(msgspec.structs.replace(settings, fresh=True)).__aenter__()


def test_a_run_directory_goes_unless_it_was_named_or_something_failed(tmp_path: Path) -> None:
    with run_directory(None) as place:
        assert place.path.stat().st_mode & 0o777 == 0o700
    assert not place.path.exists()
    with run_directory(tmp_path / "named") as named:
        pass
    assert named.path.exists()
    with pytest.raises(ValueError, match="x"), run_directory(None) as failed:
        raise ValueError("x")
    assert failed.path.exists()
    failed.path.rmdir()


def test_the_leash_kills_what_it_still_holds_even_when_it_is_stopped() -> None:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    held, freed = (subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) for _ in range(2))
    held.send_signal(signal.SIGSTOP)
    try:
        assert leash.main([f"+{held.pid}\n", f"+{freed.pid}\n", f"-{freed.pid}\n"]) == 0
        assert held.wait(10) == -signal.SIGKILL
        assert freed.poll() is None
        assert leash.main([f"+{held.pid}\n"]) == 0, "one that has gone is no trouble"
    finally:
        freed.kill()
        freed.wait()
        for number, handler in handlers.items():
            signal.signal(number, handler)
