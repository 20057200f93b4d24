"""The life of a service: signals, one TaskGroup for every task, a deadline for the end, exit codes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from enum import IntEnum
from importlib.metadata import version
from pathlib import Path

from prometheus_client import CollectorRegistry

from foreshock_runtime.alive import BEAT_SECONDS, Heartbeat, beat, leave
from foreshock_runtime.clock import Clock, SystemClock
from foreshock_runtime.connection import TROUBLE, RedisHealth, connect
from foreshock_runtime.log import configure, get_logger, handle_loop_errors
from foreshock_runtime.metrics import Metrics, MetricsServer, RedisCollector
from foreshock_runtime.rpc import AddService, Bound, RpcServer, StartError
from foreshock_runtime.settings import ServiceSettings, SettingsError, load_settings
from foreshock_runtime.watchdog import Watchdog

# After the grace is over, cancelled tasks get this long to let go.
_LAST_SECONDS = 1.0
_RPC_GRACE = 0.5
GC_THRESHOLD = (50_000, 20, 20)
"""Python's own 700 newer objects would bring a collection every few entries; cycles are rare here."""

_log = get_logger(__name__)


class Exit(IntEnum):
    """Exit codes of a service."""

    ORDERLY = 0
    FAILED = 1
    SETTINGS = 2
    GRACE_EXCEEDED = 3


class Service:
    """What a service's main works with.

    settings  as loaded (the service's own class)
    redis     a client; replies are bytes
    stop      set when the process shall end: finish what is in hand and return
    tasks     the group that owns every task; a task that raises ends the service
    config_revision  set it to the revision in use; the heartbeat reports it
    """

    tasks: asyncio.TaskGroup

    def __init__(self, settings: ServiceSettings, name: str, *, stop: asyncio.Event | None = None) -> None:
        self.settings = settings
        self.name = name
        self.stop = stop or asyncio.Event()
        self.log = get_logger(name)
        self.clock: Clock = SystemClock()
        self.redis = connect(settings)
        self.health = RedisHealth(self.redis)
        self.registry = CollectorRegistry()
        self.metrics = Metrics(name, self.registry)
        self.registry.register(RedisCollector(name, self.health))
        self.rpc: RpcServer | None = None
        self.bound = Bound("", "")
        self.metrics_address = ""
        self.serving = False
        self.config_revision = 0

    async def serve(self, services: Mapping[str, AddService]) -> Bound:
        """Open the gRPC listeners (not yet serving). Raises StartError, SettingsError."""
        self.rpc = RpcServer(self.settings, services=services)
        self.bound = await self.rpc.start()
        self.log.info("listening", **self.bound._asdict(), metrics=self.metrics_address)
        return self.bound

    async def set_serving(self, serving: bool = True) -> None:  # noqa: FBT001, FBT002 - the one thing it says
        """Say to health checks, and in the heartbeat, whether this process does its work."""
        self.serving = serving
        if self.rpc is not None:
            await self.rpc.set_serving(serving)

    def heartbeat(self) -> Heartbeat:
        """Return what this process says of itself."""
        return Heartbeat(
            service=self.name,
            instance=self.settings.instance,
            pid=os.getpid(),
            version=version("foreshock-runtime"),
            health=self.bound.health,
            control=self.bound.control,
            metrics=self.metrics_address,
            serving=self.serving,
            config_revision=self.config_revision,
            leaving=self.stop.is_set(),
        )


Main = Callable[[Service], Awaitable[None]]


def run_service(main: Main, settings: ServiceSettings, name: str) -> int:
    """Run a service in this process until it returns, fails, or SIGTERM or SIGINT. Returns the exit code."""
    configure(settings.log_level, settings.log_format)
    _calm_collector()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(run_in_loop(main, settings, name, signals=True))


def _calm_collector() -> None:
    """Keep garbage collection out of the latencies: what is loaded by now stays, and need not be looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLD)


def main(serve: Main, kind: type[ServiceSettings]) -> int:
    """Run a service as a program: settings from the environment and, if FORESHOCK_CONFIG names one, a TOML file.

    Returns the exit code.
    """
    env = dict(os.environ)
    toml = env.pop("FORESHOCK_CONFIG", "")
    try:
        settings = load_settings(kind, env=env, toml_path=Path(toml) if toml else None)
    except SettingsError as error:
        print(f"foreshock-{kind.section}: {error}", file=sys.stderr)  # noqa: T201 - there is no log yet
        return Exit.SETTINGS
    return run_service(serve, settings, kind.section)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's factory where it is installed, else None for asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:  # pragma: no cover - depends on the platform
        return None
    return uvloop.new_event_loop


async def run_in_loop(
    main: Main,
    settings: ServiceSettings,
    name: str,
    *,
    stop: asyncio.Event | None = None,
    signals: bool = False,
) -> int:
    """Run a service in the present event loop, so that several can share one. Returns the exit code."""
    handle_loop_errors(asyncio.get_running_loop())
    try:
        service = Service(settings, name, stop=stop)
    except SettingsError as error:
        _log.error("bad_settings", service=name, reason=str(error))
        return Exit.SETTINGS
    try:
        return await _life(service, main, signals=signals)
    finally:
        await service.redis.aclose()


async def _life(service: Service, main: Main, *, signals: bool) -> Exit:
    worker = asyncio.create_task(_work(service, main), name=service.name)
    stopping = asyncio.create_task(service.stop.wait())
    with _signals(service, worker) if signals else contextlib.nullcontext():
        await asyncio.wait({worker, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        await asyncio.wait({worker}, timeout=service.settings.grace_seconds)
        outcome = await _outcome(service, worker)
        if service.rpc is not None:
            await service.rpc.stop(_RPC_GRACE)
    if outcome is not Exit.GRACE_EXCEEDED:
        with contextlib.suppress(*TROUBLE):
            await leave(service.redis, service.name, service.settings.instance)
    return outcome


@contextlib.contextmanager
def _signals(service: Service, worker: asyncio.Task[None]) -> Iterator[None]:
    """Turn the first SIGTERM or SIGINT into an orderly stop, a second one into a hasty one."""
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        if service.stop.is_set():
            worker.cancel()
        else:
            service.log.info("stopping", signal=signal.Signals(number).name)
            service.stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _work(service: Service, main: Main) -> None:
    server = MetricsServer(service.settings.metrics_listen, service.registry)
    try:
        service.metrics_address = await server.start()
    except OSError as error:
        raise StartError(f"metrics_listen {service.settings.metrics_listen}: {error.strerror}") from error
    try:
        async with asyncio.TaskGroup() as service.tasks:
            watchdog = Watchdog(service.redis, clock=service.clock)
            # The rest of the tasks ends by `stop`; these go on to the end of the work.
            attendants = [
                service.tasks.create_task(_beat(service), name="heartbeat"),
                service.tasks.create_task(service.health.run(), name="ping"),
            ]
            service.tasks.create_task(watchdog.run(service.stop), name="watchdog")
            service.tasks.create_task(_announce_stop(service), name="announce")
            await main(service)
            service.stop.set()
            for attendant in attendants:
                attendant.cancel()
    finally:
        await server.stop()


async def _announce_stop(service: Service) -> None:
    """Stop order: first not serving, so that nobody sends more, and the word to those who are to take over."""
    await service.stop.wait()
    await service.set_serving(serving=False)
    with contextlib.suppress(*TROUBLE):
        await beat(service.redis, service.heartbeat())


async def _beat(service: Service) -> None:
    while True:
        try:
            await beat(service.redis, service.heartbeat())
        except TROUBLE as error:
            service.log.debug("heartbeat_missed", reason=str(error))
        await asyncio.sleep(BEAT_SECONDS)


async def _outcome(service: Service, worker: asyncio.Task[None]) -> Exit:
    if not worker.done():
        worker.cancel()
        await asyncio.wait({worker}, timeout=_LAST_SECONDS)
        service.log.error("grace_exceeded", seconds=service.settings.grace_seconds)
        return Exit.GRACE_EXCEEDED
    if worker.cancelled():
        service.log.error("stopped_in_haste")
        return Exit.GRACE_EXCEEDED
    error = worker.exception()
    if error is None:
        service.log.info("service_stopped")
        return Exit.ORDERLY
    return _failed(service, error)


def _failed(service: Service, error: BaseException) -> Exit:
    for leaf in _leaves(error):
        if isinstance(leaf, SettingsError | StartError):
            service.log.error("bad_settings", reason=str(leaf))
            return Exit.SETTINGS
    service.log.error("service_failed", exc_info=error)
    return Exit.FAILED


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
