"""docker-compose.yml run for real, by podman and runc on locally made images: what a schema cannot say.

Takes minutes and makes images, so it runs only where FORESHOCK_CONTAINER_TESTS=1 asks for it. The outer network is
closed for the run: no venue is in reach, whatever the machine reaches.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("feeds", "velocity", "signals")
CONTAINERS = ("valkey", *SERVICES)
VENUES = {"binance", "bybit", "okx"}
TOOLS = ("podman", "runc", "mmdebstrap")
# The name service of podman 4.3 (aardvark-dns 1.4) may be deaf for most of a minute after an address has changed.
HEALTHY_SECONDS = 120.0
# The store's client, with its password out of the file as everybody reads it.
CLIENT = 'REDISCLI_AUTH="$(cat /run/secrets/redis_password)" exec valkey-cli "$@"'
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], 443), 3)"
ASK_FEEDS = """
import grpc
from foreshock_protos.feeds.v1 import control_pb2, control_pb2_grpc
from google.protobuf import json_format

with grpc.insecure_channel("127.0.0.1:50052") as channel:
    answer = control_pb2_grpc.FeedsControlServiceStub(channel).GetStatus(control_pb2.GetStatusRequest(), timeout=5)
print(json_format.MessageToJson(answer, preserving_proto_field_name=True))
"""
OUTSIDE = "192.0.2.1"  # an address of the documentation's range: nobody answers, but a router would take it


def obstacle() -> str:
    """Return why this cannot run here; empty when it can."""
    if os.environ.get("FORESHOCK_CONTAINER_TESTS") != "1":
        return "containers are run only with FORESHOCK_CONTAINER_TESTS=1: it takes minutes"
    missing = [name for name in TOOLS if shutil.which(name) is None]
    if missing:
        return f"containers need {', '.join(missing)}, not installed here"
    return "" if os.geteuid() == 0 else "containers are made and run by root here"


def entry_id(text: str) -> list[int]:
    """Return a stream entry's id as numbers; a cursor that is not there yet is before all."""
    return [int(part) for part in text.split("-") if part]


OBSTACLE = obstacle()
pytestmark = [
    pytest.mark.containers,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(bool(OBSTACLE), reason=OBSTACLE),
]


class House:
    """The compose file under a project name, image names and a password of its own."""

    def __init__(self, folder: Path, compose: Path) -> None:
        self.project = f"foreshock-test-{secrets.token_hex(4)}"
        self.password = secrets.token_hex(24)
        self._compose = compose
        self._override = folder / "offline.json"
        self._env = {
            **os.environ,
            "CONTAINERS_CONF": str(ROOT / "scripts/podman/containers.conf"),
            "BASE": "localhost/foreshock-base",
            "VALKEY_IMAGE": "localhost/foreshock-valkey",
            **{f"{name.upper()}_IMAGE": f"localhost/foreshock-test/{name}" for name in SERVICES},
        }
        self._write_override(folder / "redis_password")

    def _write_override(self, secret: Path) -> None:
        secret.write_text(self.password, encoding="utf-8")
        secret.chmod(0o644)
        override = {
            "networks": {"outer": {"internal": True}},
            "secrets": {"redis_password": {"file": str(secret)}},
        }
        self._override.write_text(json.dumps(override), encoding="utf-8")

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the checkout with the house's environment."""
        result = subprocess.run(command, cwd=ROOT, env=self._env, capture_output=True, text=True, check=False)
        assert result.returncode == 0 or not check, f"{command}\n{result.stdout[-4000:]}\n{result.stderr[-4000:]}"
        return result

    def compose(self, *arguments: str) -> str:
        files = ("-f", "docker-compose.yml", "-f", str(self._override))
        return self.run(str(self._compose), "-p", self.project, *files, *arguments).stdout

    def name(self, service: str) -> str:
        return f"{self.project}_{service}_1"

    def inside(self, service: str, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("podman", "exec", self.name(service), *command, check=check)

    def store(self, *command: str) -> str:
        """Ask the store, as a client with the password does."""
        return self.inside("valkey", "sh", "-c", CLIENT, "client", *command).stdout.strip()

    def inspect(self, service: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("podman", "inspect", self.name(service)).stdout)[0]
        return found

    def healthy(self, service: str) -> bool:
        """Run the container's own health check, as systemd's timers do where there is systemd."""
        return self.run("podman", "healthcheck", "run", self.name(service), check=False).returncode == 0

    def await_health(self) -> None:
        deadline = time.monotonic() + HEALTHY_SECONDS
        waiting: Sequence[str] = CONTAINERS
        while waiting := [name for name in waiting if not self.healthy(name)]:
            assert time.monotonic() < deadline, f"{waiting} not healthy\n{self.words(waiting[0])}"
            time.sleep(0.5)

    def await_answers(self) -> None:
        """Wait until velocity has answered the newest entry, and signals speaks."""
        deadline = time.monotonic() + HEALTHY_SECONDS
        newest = self.store("XREVRANGE", "events:{p0}", "+", "-", "COUNT", "1").splitlines()[0]
        while entry_id(self.store("GET", "cursor:velocity:{p0}")) < entry_id(newest):
            assert time.monotonic() < deadline, f"no answer to {newest}\n{self.words('velocity')}"
        while not self.store("GET", "regime:current"):
            assert time.monotonic() < deadline, self.words("signals")

    def feeds_status(self) -> dict[str, Any]:
        """Ask Control of feeds on its own loopback, the one place where it listens."""
        status: dict[str, Any] = json.loads(self.inside("feeds", "python", "-c", ASK_FEEDS).stdout)
        return status

    def words(self, service: str) -> str:
        """Return the last of what a service said."""
        logs = self.run("podman", "logs", "--tail", "40", self.name(service), check=False)
        return logs.stdout + logs.stderr

    def exit_codes(self) -> dict[str, int]:
        return {service: self.inspect(service)["State"]["ExitCode"] for service in CONTAINERS}

    def leftovers(self) -> list[str]:
        """Names of everything of this project that podman still knows."""
        listings = (
            ("ps", "--all", "--format={{.Names}}"),
            ("pod", "ps", "--format={{.Name}}"),
            ("volume", "ls", "--format={{.Name}}"),
            ("network", "ls", "--format={{.Name}}"),
        )
        names = [line for listing in listings for line in self.run("podman", *listing).stdout.splitlines()]
        return [name for name in names if self.project in name]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The house, up and healthy; afterwards it must stop in order and leave nothing."""
    folder = tmp_path_factory.mktemp("compose")
    tools = folder / "tools"
    subprocess.run([sys.executable, "-m", "venv", tools], check=True)
    subprocess.run([tools / "bin/pip", "install", "--quiet", "podman-compose>=1.6,<2"], check=True)
    made = House(folder, tools / "bin/podman-compose")
    made.run("scripts/podman/images")
    try:
        made.compose("up", "--detach", "--build")
        made.await_health()
        yield made
        made.compose("stop")
        assert made.exit_codes() == dict.fromkeys(CONTAINERS, 0)
    finally:
        made.compose("down", "--volumes")
    assert made.leftovers() == []


@pytest.mark.parametrize("service", CONTAINERS)
def test_a_container_has_no_rights_and_no_writable_root(house: House, service: str) -> None:
    uid = "999" if service == "valkey" else "10001"
    lines = house.inside(service, "cat", "/proc/1/status").stdout.splitlines()
    status = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    assert status["Uid"] == [uid] * 4
    assert {name: int(status[name][0], 16) for name in ("CapEff", "CapPrm", "CapBnd")} == {
        "CapEff": 0,
        "CapPrm": 0,
        "CapBnd": 0,
    }
    assert status["NoNewPrivs"] == ["1"]
    refused = house.inside(service, "touch", "/etc/foreshock", check=False)
    assert "Read-only file system" in refused.stderr
    house.inside(service, "mktemp")


@pytest.mark.parametrize("service", CONTAINERS)
def test_the_password_is_in_a_file_and_nowhere_else(house: House, service: str) -> None:
    assert house.inside(service, "cat", "/run/secrets/redis_password").stdout.strip() == house.password
    shown = json.dumps(house.inspect(service))
    shown += house.inside(service, "cat", "/proc/1/environ", "/proc/1/cmdline").stdout
    logs = house.run("podman", "logs", house.name(service))
    assert house.password not in shown + logs.stdout + logs.stderr


def test_nobody_asks_the_store_without_the_password(house: House) -> None:
    assert "NOAUTH" in house.inside("valkey", "valkey-cli", "PING", check=False).stdout


def test_a_service_without_the_outer_network_has_no_way_out(house: House) -> None:
    answer = house.inside("velocity", "python", "-c", CONNECT, OUTSIDE, check=False)
    assert answer.returncode != 0
    assert "unreachable" in answer.stderr


def test_a_client_sees_three_services_alive(house: House) -> None:
    beats = {service: json.loads(house.store("GET", f"alive:{service}:0")) for service in SERVICES}
    assert {service: beat["serving"] for service, beat in beats.items()} == dict.fromkeys(SERVICES, True)


def test_feeds_without_a_venue_serves_with_the_packaged_contract_values(house: House) -> None:
    status = house.feeds_status()
    assert {venue["name"]: venue["specs"] for venue in status["venues"]} == dict.fromkeys(VENUES, "packaged")
    assert all(venue["contracts"] > 0 and venue["specs_checked"] for venue in status["venues"])
    assert {route["name"].partition("/")[0] for route in status["routes"]} == VENUES
    assert "LIVE" not in {route["state"] for route in status["routes"]}
    assert status["status"]["serving"] is True


def test_every_entry_is_answered_by_the_services_behind(house: House) -> None:
    house.await_answers()


def test_what_the_store_acknowledged_outlives_its_sudden_death(house: House) -> None:
    """WAITAOF says that the write is on the disk; after that a SIGKILL may not take it, nor bring a service down."""
    write = 'printf "SET test:kept yes\\nWAITAOF 1 0 5000\\n" | ' + CLIENT
    assert house.inside("valkey", "sh", "-c", write).stdout.split() == ["OK", "1", "0"]
    house.run("podman", "kill", "--signal=KILL", house.name("valkey"))
    house.run("podman", "wait", house.name("valkey"))
    house.run("podman", "start", house.name("valkey"))
    house.await_health()
    assert house.store("GET", "test:kept") == "yes"
    assert house.store("CONFIG", "GET", "maxmemory-policy").split() == ["maxmemory-policy", "noeviction"]
    house.await_answers()
    assert {service: house.inspect(service)["RestartCount"] for service in SERVICES} == dict.fromkeys(SERVICES, 0)


@pytest.mark.parametrize("service", CONTAINERS)
def test_a_health_check_is_what_the_file_says(house: House, service: str) -> None:
    """Podman keeps the outcome of the check it was asked to run."""
    house.await_health()
    assert house.inspect(service)["State"]["Health"]["Status"] == "healthy"
