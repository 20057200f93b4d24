"""Conducts one run: house up, market told, all of it drained, house down, outcome held against the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from foreshock_lab.checker import Checker
from foreshock_lab.control import ServiceView
from foreshock_lab.domain.ledger import Ledger
from foreshock_lab.domain.reconcile import reconcile
from foreshock_lab.errors import LabError
from foreshock_lab.house import SERVICES, House, HouseSettings
from foreshock_lab.outcome import Outcome, account_problems, health_problems, stream_problems
from foreshock_lab.polling import within
from foreshock_lab.summary import OnProgress, Phase, Progress, RedisReport, RunInfo
from foreshock_runtime.clock import Clock
from foreshock_runtime.latency import LatencyRecorder
from foreshock_runtime.log import get_logger

PROGRESS_SECONDS = 0.5
SUBSCRIBE_SECONDS = 20.0
DRAIN_SECONDS = 30.0
STUCK_SECONDS = 4.0
HEAR_SECONDS = 2.0
log = get_logger("lab")


class Market(Protocol):
    """What is told to the house."""

    @property
    def duration_s(self) -> float:
        """How long it lasts, in its own time."""
        ...

    @property
    def elapsed_s(self) -> float:
        """How far it is, in its own time."""
        ...

    async def ready(self) -> None:
        """Wait until every client that should come has come."""
        ...

    async def play(self) -> None:
        """Tell everything; return when it has been written."""
        ...


Aside = Callable[[House], Coroutine[Any, Any, None]]


async def nothing(_: House) -> None:
    """Do nothing aside."""


class Asides(NamedTuple):
    """What else happens: `during` while the market is told, `after` when the services have ended, before the server."""

    during: Aside = nothing
    after: Aside = nothing


class Attendance(NamedTuple):
    """What surrounds a run: where its logs go, who is told of its progress, what ends it early."""

    run_dir: Path
    on_progress: OnProgress
    stop: asyncio.Event


class Conductor:
    """One run."""

    def __init__(
        self,
        settings: HouseSettings,
        market: Market,
        ledger: Ledger,
        *,
        clock: Clock,
        asides: Asides | None = None,
    ) -> None:
        self._settings = settings
        self._market = market
        self._ledger = ledger
        self._clock = clock
        self._asides = asides or Asides()
        self._phase = Phase.STARTING
        self._info: RunInfo | None = None
        self._checker: Checker | None = None

    async def run(self, on_progress: OnProgress, stop: asyncio.Event) -> Outcome:
        """Conduct it. A set `stop` ends the market early, the rest goes on in order. Raises LabError."""
        async with House(self._settings) as house:
            self._info = house.info
            checker = self._checker = Checker(house.url, self._settings.partitions, self._clock)
            async with _beside(checker.run()), _beside(self._tell(on_progress)):
                await checker.listening.wait()
                await house.start()
                await self._ready(stop)
                self._phase = Phase.RUNNING
                interrupted = await _first(self._play(house), stop)
                self._phase = Phase.DRAINING
                await self._settle(checker)
                health = await house.health()
                status = await self._wind_down(house, checker)
                self._phase = Phase.STOPPING
            await checker.finish()
            await house.stop()
            await self._asides.after(house)
        on_progress(self._progress(Phase.DONE))
        return self._outcome(checker, health, status, house.redis_report, interrupted=interrupted)

    async def _ready(self, stop: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(SUBSCRIBE_SECONDS):
                await _first(self._market.ready(), stop)
        except TimeoutError:
            raise LabError(f"feeds has not subscribed to all venues after {SUBSCRIBE_SECONDS:g} s") from None

    async def _play(self, house: House) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._asides.during(house))
            tasks.create_task(self._market.play())

    async def _settle(self, checker: Checker) -> None:
        """Wait until the streams hold what was sent and velocity has counted it, or nothing moves."""
        seen: tuple[int, ...] = ()
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while not self._complete(checker):
                    now = (len(checker.observed.events), sum(checker.observed.totals.values()))
                    if now == seen:
                        return
                    seen = now
                    await within(STUCK_SECONDS, lambda: self._complete(checker))

    def _complete(self, checker: Checker) -> bool:
        observed = checker.observed
        counted = sum(observed.totals.values())
        return len(observed.events) >= self._ledger.expected and counted >= sum(observed.rows.values())

    async def _wind_down(self, house: House, checker: Checker) -> dict[str, ServiceView]:
        """Stop the source, let each service answer what is left, and ask each how it fared."""
        status = {"feeds": await house.status("feeds")}
        await house.end("feeds")
        for service in SERVICES[1:]:
            if not await house.wait_drained(service, DRAIN_SECONDS):
                log.warning("not_drained", service=service)
            status[service] = await house.status(service)
        await within(HEAR_SECONDS, lambda: checker.received.keys() >= checker.recorded.keys())
        return {service: view for service, view in status.items() if view is not None}

    def _outcome(
        self,
        checker: Checker,
        health: Mapping[str, str],
        status: Mapping[str, ServiceView],
        redis: RedisReport,
        *,
        interrupted: bool,
    ) -> Outcome:
        account = reconcile(self._ledger, checker.observed)
        problems = [*account_problems(account), *stream_problems(checker), *health_problems(health)]
        if interrupted:
            problems.append("interrupted before the end")
        real_time = self._settings.clock == "system"
        return Outcome(
            account=account,
            throttled=self._ledger.throttled,
            duplicates_sent=self._ledger.duplicates_sent,
            signals=dict(checker.signals),
            notices=tuple(checker.notices),
            socket_to_signal=(checker.latency if real_time else LatencyRecorder()).summary(),
            health=health,
            status=status,
            redis=redis,
            problems=tuple(problems),
        )

    async def _tell(self, on_progress: OnProgress) -> None:
        while True:
            on_progress(self._progress(self._phase))
            await asyncio.sleep(PROGRESS_SECONDS)

    def _progress(self, phase: Phase) -> Progress:
        checker = self._checker
        return Progress(
            phase=phase,
            elapsed_s=min(self._market.elapsed_s, self._market.duration_s),
            duration_s=self._market.duration_s,
            sent=len(self._ledger.sent),
            processed=sum(checker.observed.totals.values()) if checker else 0,
            throttled=self._ledger.throttled,
            signals=dict(checker.signals) if checker else {},
            info=self._info,
        )


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run a task while the block runs; its failure shows when the block ends."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _first(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> bool:
    """Run the work until it is done or `stop` is set; tell whether it was cut short."""
    stopped = asyncio.create_task(stop.wait())
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
            return False
        return True
    finally:
        for each in (task, stopped):
            each.cancel()
        await asyncio.gather(task, stopped, return_exceptions=True)
