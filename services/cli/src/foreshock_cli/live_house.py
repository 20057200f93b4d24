"""Runs the house against the real venues until told to stop; a service that ends by itself is started again."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from foreshock_lab.errors import LabError
from foreshock_lab.house import SERVICES, House, HouseSettings
from foreshock_lab.summary import OnProgress, Phase, Progress
from foreshock_runtime.clock import monotonic_ns
from foreshock_runtime.connection import TROUBLE
from foreshock_runtime.log import get_logger

POLL_SECONDS = 0.5
AGAIN_SECONDS = 5.0
"""Between two starts of a service that does not stay up."""
log = get_logger("cli")


async def run_up(settings: HouseSettings, on_progress: OnProgress, stop: asyncio.Event) -> None:
    """Run it. Raises LabError when it cannot be started."""
    begun = monotonic_ns()
    on_progress(_progress(Phase.STARTING, begun))
    async with House(settings) as house:
        if not await _unless(stop, house.start()):
            return
        keeper = asyncio.create_task(_keep_up(house))
        try:
            while not stop.is_set():
                on_progress(_progress(Phase.RUNNING, begun, house, await _counted(house)))
                await _unless(stop, asyncio.sleep(POLL_SECONDS))
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        on_progress(_progress(Phase.STOPPING, begun, house, await _counted(house)))


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work unless `stop` is set before it is done; tell whether it was done."""
    task, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        return task.done()
    finally:
        task.cancel()
        stopped.cancel()
        await asyncio.gather(task, stopped, return_exceptions=True)


async def _keep_up(house: House) -> None:
    while True:
        await asyncio.sleep(POLL_SECONDS)
        for service in SERVICES:
            code = house.children[service].exit_code
            if code is not None:
                log.error("service_ended", service=service, exit_code=code)
                await _start_again(house, service)


async def _start_again(house: House, service: str) -> None:
    try:
        await house.restart(service)
    except LabError as error:
        log.error("service_does_not_start", service=service, reason=str(error))  # noqa: TRY400 - expected, no trace
        await asyncio.sleep(AGAIN_SECONDS)


async def _counted(house: House) -> int:
    try:
        view = await house.status("velocity")
    except TROUBLE:
        return 0
    return view.counters.get("events", 0) if view else 0


def _progress(phase: Phase, begun: int, house: House | None = None, processed: int = 0) -> Progress:
    return Progress(
        phase=phase,
        elapsed_s=(monotonic_ns() - begun) / 1e9,
        duration_s=0.0,
        sent=0,
        processed=processed,
        throttled=0,
        signals={},
        info=house.info if house else None,
    )
