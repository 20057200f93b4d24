"""The whole house as processes: a server and the three services, started, watched, drained and stopped."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Literal, Self

import msgspec
from redis.asyncio import Redis

from foreshock_lab.control import Health, ServiceView, ask_health, ask_status, heartbeat
from foreshock_lab.errors import LabError, UnreachableError
from foreshock_lab.polling import holds_within
from foreshock_lab.processes import Child, Processes
from foreshock_lab.summary import RedisReport, RunInfo
from foreshock_lab.surroundings import as_feeds_reads
from foreshock_model import keys
from foreshock_runtime.connection import TROUBLE, connect
from foreshock_runtime.embedded import EmbeddedError, EmbeddedServer
from foreshock_runtime.log import get_logger
from foreshock_runtime.settings import PREFIX, read_secret_file
from foreshock_sdk.connector import Endpoints

SERVICES = ("feeds", "velocity", "signals")
"""In the order the data takes, which is the order of stopping."""
START_ORDER = ("velocity", "signals", "feeds")
START_SECONDS = 30.0
STOP_SECONDS = 12.0
POLL_SECONDS = 0.05
log = get_logger("lab")


class HouseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a house is made of.

    redis_url   a running server; None: an embedded one
    tcp_port    where an embedded one can be read on loopback (0: any free port); None: nowhere
    endpoints   where the venues answer; a venue not named: in production
    options     what their connectors let the operator choose, by venue and option
    extra       further settings by service, as field name to text
    inherited   variables by service, behind all of the above: see `surroundings`
    fresh       a server that already holds event streams is refused: what comes out is compared with what goes in
    run_dir     gets a log a service
    data_dir    where an embedded server keeps its data; None: nowhere for long
    """

    run_dir: Path
    redis_url: str | None = None
    tcp_port: int | None = None
    data_dir: Path | None = None
    partitions: int = 1
    venues: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    endpoints: Mapping[str, Endpoints] = {}
    options: Mapping[str, Mapping[str, Any]] = {}
    clock: Literal["system", "frames"] = "system"
    extra: Mapping[str, Mapping[str, str]] = {}
    inherited: Mapping[str, Mapping[str, str]] = {}
    fresh: bool = False


class House:
    """Runs the services; an async context manager. Entering brings the server up, `start` the services.

    Entering raises UnreachableError when there is no server, LabError when the one named is in use.
    `kill`, `stop_for`, `restart` and `kill_server` are for tests of what a house survives.
    """

    def __init__(self, settings: HouseSettings) -> None:
        self.settings = settings
        self.children: dict[str, Child] = {}
        self.redis_report = RedisReport(kind="redis", version="", embedded=settings.redis_url is None)
        self._server: EmbeddedServer | None = None
        self._processes = Processes(settings.run_dir)
        self._stack = AsyncExitStack()
        self._redis: Redis | None = None
        self._token_file: Path | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                await self.stop()
        finally:
            await self._stack.aclose()

    @property
    def redis(self) -> Redis:
        """A client of the house's server."""
        if self._redis is None:
            raise RuntimeError("the house is not open")
        return self._redis

    @property
    def url(self) -> str:
        """The server's URL, password included: not for logs."""
        return self._server.url if self._server else self.settings.redis_url or ""

    @property
    def info(self) -> RunInfo:
        """How others reach this house."""
        port = self._server.tcp_port if self._server else None
        return RunInfo(
            redis_url=self.url,
            redis_port=port,
            partitions=self.settings.partitions,
            run_dir=self.settings.run_dir,
        )

    async def _open(self) -> None:
        self.settings.run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.settings.redis_url is None:
            self._server = EmbeddedServer(self.settings.data_dir, self.settings.tcp_port)
            try:
                await self._server.start()
            except EmbeddedError as error:
                raise UnreachableError(str(error)) from error
            self._stack.push_async_callback(self._server.stop)
        reads = as_feeds_reads(self._environment("feeds"))
        self._token_file = reads.control_token_file
        self._redis = connect(reads)
        self._stack.push_async_callback(self._redis.aclose)
        await self._look_at_server()
        await self._stack.enter_async_context(self._processes)

    async def start(self) -> None:
        """Start the services and wait until all are SERVING. Raises LabError with a service's last words."""
        for service in START_ORDER:
            await self.launch(service)
        await asyncio.gather(*(self.serving(service) for service in SERVICES))

    async def launch(self, service: str) -> None:
        """Start one service; does not wait for it."""
        self.children[service] = await self._processes.start(
            service, f"foreshock_{service}", self._environment(service)
        )

    async def serving(self, service: str, seconds: float = START_SECONDS) -> None:
        """Wait until a service's process is SERVING. Raises LabError when it ends or takes too long."""
        child = self.children[service]
        try:
            async with asyncio.timeout(seconds):
                while await self._health_of(service, child) is not Health.SERVING:
                    if child.exit_code is not None:
                        raise LabError(f"{service} ended with exit code {child.exit_code}: {child.last_words()}")
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise LabError(f"{service} is not SERVING after {seconds:g} s: {child.last_words()}") from None

    async def health(self) -> dict[str, str]:
        """Ask every service for its health now: its gRPC answer, or why there is none."""
        return {service: (await self._health_of(service, self.children[service])).value for service in SERVICES}

    async def status(self, service: str) -> ServiceView | None:
        """Ask a service how it fares; None when it does not answer."""
        alive = await heartbeat(self.redis, service, self.children[service].pid)
        if alive is None or not alive.control:
            return None
        token = read_secret_file(self._token_file, "control_token_file") if self._token_file else None
        return await ask_status(service, alive.control, token)

    async def drained(self, service: str) -> bool:
        """Tell whether a service has answered all that is in its source streams now."""
        source = keys.events if service == "velocity" else keys.metrics
        for partition in range(self.settings.partitions):
            newest: Any = await self.redis.xrevrange(source(partition), count=1)
            cursor = await self.redis.get(keys.cursor(service, partition))
            if newest and cursor != newest[0][0]:
                return False
        return True

    async def wait_drained(self, service: str, seconds: float) -> bool:
        """Wait for that; False when it took too long."""
        return await holds_within(lambda: self._drained_quietly(service), seconds)

    async def stop(self, drain_seconds: float = 10.0) -> None:
        """Stop in the order of the data, each after the one before has been answered in full."""
        for service in SERVICES:
            # Signals tells velocity of the market as long as it lives: one that has ended never catches up.
            if service != "feeds" and self._runs(service):
                await self.wait_drained(service, drain_seconds)
            await self.end(service)

    async def end(self, service: str) -> None:
        """Stop one service in an orderly way; one that has ended or never started is left as it is."""
        if self._runs(service):
            child = self.children[service]
            await child.end(STOP_SECONDS)
            self._processes.forget(child)

    async def kill(self, service: str) -> None:
        """SIGKILL a service and wait for its end."""
        child = self.children[service]
        child.signal(signal.SIGKILL)
        await child.wait(STOP_SECONDS)
        self._processes.forget(child)

    async def stop_for(self, service: str, seconds: float) -> None:
        """SIGSTOP a service, and SIGCONT it after so many seconds."""
        child = self.children[service]
        child.signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            child.signal(signal.SIGCONT)

    async def restart(self, service: str) -> None:
        """Start a service that has ended, and wait until it is SERVING."""
        await self.launch(service)
        await self.serving(service)

    async def kill_server(self) -> None:
        """SIGKILL the embedded server, which its own supervisor starts again; return when it answers."""
        if self._server is None:
            raise LabError("only an embedded server can be killed")
        os.kill(self._server.pid, signal.SIGKILL)
        await asyncio.sleep(POLL_SECONDS)
        await self._server.wait_ready()

    def _runs(self, service: str) -> bool:
        return service in self.children and self.children[service].exit_code is None

    async def _drained_quietly(self, service: str) -> bool:
        try:
            return await self.drained(service)
        except TROUBLE:
            return False

    async def _health_of(self, service: str, child: Child) -> Health:
        if child.exit_code is not None:
            return Health.ENDED
        try:
            alive = await heartbeat(self.redis, service, child.pid)
        except TROUBLE:
            return Health.UNKNOWN
        return await ask_health(alive.health) if alive and alive.health else Health.UNKNOWN

    async def _look_at_server(self) -> None:
        try:
            server = await self.redis.info("server")
            used = [await self.redis.exists(keys.events(each)) for each in range(self.settings.partitions)]
        except TROUBLE as error:
            raise UnreachableError(f"the Redis that was named does not answer: {error}") from error
        if self.settings.fresh and any(used):
            raise LabError("the Redis that was named already holds event streams: name an empty database, as in .../1")
        kind = "valkey" if "valkey_version" in server else "redis"
        version = str(server.get("valkey_version") or server.get("redis_version") or "")
        self.redis_report = RedisReport(kind=kind, version=version, embedded=self._server is not None)

    def _environment(self, service: str) -> dict[str, str]:
        settings = self.settings
        fields = {"redis_url": self.url, "partitions": str(settings.partitions)}
        if self._server:
            fields |= {
                "redis_url": self._server.plain_url,
                "redis_password_file": str(self._server.password_file),
            }
        if service == "feeds":
            fields |= {"venues": ",".join(settings.venues), "tracked_symbols": ",".join(settings.symbols)}
            fields["clock"] = "" if settings.clock == "system" else settings.clock
            if settings.endpoints:
                places = {
                    venue: {"websocket": each.websocket, "rest": each.rest}
                    for venue, each in settings.endpoints.items()
                }
                fields["endpoints"] = msgspec.json.encode(places).decode()
            if settings.options:
                fields["options"] = msgspec.json.encode(settings.options).decode()
        fields |= settings.extra.get(service, {})
        ours = {f"{PREFIX}{name.upper()}": value for name, value in fields.items() if value}
        return {f"{PREFIX}LOG_FORMAT": "json", **settings.inherited.get(service, {}), **ours}
