"""The velocity service: every partition it can get hold of, answered entry by entry."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count

from foreshock_runtime.backoff import Backoff, wait_for_event
from foreshock_runtime.config_store import ConfigStore
from foreshock_runtime.connection import TROUBLE
from foreshock_runtime.control import ConfigControl
from foreshock_runtime.latency import LatencyRecorder
from foreshock_runtime.lifecycle import Service
from foreshock_runtime.settings import SettingsError
from foreshock_velocity.collector import VelocityCollector
from foreshock_velocity.control import SERVICE_NAME, VelocityControl
from foreshock_velocity.domain import VelocityConfig
from foreshock_velocity.domain.config import problems
from foreshock_velocity.domain.state import SERVICE
from foreshock_velocity.partition import Partition, Tools
from foreshock_velocity.settings import VelocitySettings

READY_SECONDS = 0.2
UPKEEP_SECONDS = 1.0
ROUNDS_A_SEED = 10
SILENT_SECONDS = 3.0


async def serve(service: Service) -> None:
    """Run until `service.stop`."""
    settings = service.settings
    if not isinstance(settings, VelocitySettings):
        raise SettingsError(f"settings are {type(settings).__name__}, expected VelocitySettings")
    latency = LatencyRecorder()
    store = ConfigStore(service.redis, SERVICE, settings.partitions, service.clock)
    tools = Tools(service.redis, settings, store, service.clock, latency)
    partitions = [Partition(number, tools) for number in range(settings.partitions)]
    service.registry.register(VelocityCollector(partitions, latency))
    control = VelocityControl(service, ConfigControl(store, VelocityConfig(), problems), partitions, latency)
    await service.serve({SERVICE_NAME: control.add_to})
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_watch(service, partitions), name="readiness")
        tasks.create_task(_keep_up(service, partitions), name="upkeep")
        for partition in partitions:
            tasks.create_task(_own(service, partition), name=f"partition-{partition.number}")


async def _own(service: Service, partition: Partition) -> None:
    """Learn the configuration a rebuild would begin with, then own the partition."""
    backoff = Backoff()
    while not service.stop.is_set():
        try:
            await partition.refresh_seed()
            break
        except TROUBLE as error:
            service.log.warning("redis_unreachable", reason=str(error), failures=backoff.failures)
            await backoff.wait(service.stop)
    await partition.run(service.stop)


async def _watch(service: Service, partitions: Sequence[Partition]) -> None:
    """Say SERVING while Redis answers and every partition has an owner, here or elsewhere."""
    while not service.stop.is_set():
        try:
            ready = service.health.seconds_since_good() < SILENT_SECONDS
            ready = ready and all([await each.settled() for each in partitions])
        except TROUBLE:
            ready = False
        if ready != service.serving and not service.stop.is_set():
            await service.set_serving(ready)
        running = [each.state.revision for each in partitions if each.state is not None]
        service.config_revision = min(running, default=service.config_revision)
        await wait_for_event(service.stop, READY_SECONDS)


async def _keep_up(service: Service, partitions: Sequence[Partition]) -> None:
    """Trim, and keep the seed of a rebuild fresh."""
    rounds = count(1)
    while not await wait_for_event(service.stop, UPKEEP_SECONDS):
        seeding = next(rounds) % ROUNDS_A_SEED == 0
        try:
            for partition in partitions:
                await partition.trim()
                if seeding:
                    await partition.refresh_seed()
        except TROUBLE as error:
            service.log.warning("upkeep_failed", reason=str(error))
