"""The signals service: every partition it can get hold of, and the market stage when it is its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from foreshock_runtime.backoff import Backoff, wait_for_event
from foreshock_runtime.config_store import ConfigStore
from foreshock_runtime.connection import TROUBLE
from foreshock_runtime.control import ConfigControl
from foreshock_runtime.latency import LatencyRecorder
from foreshock_runtime.lifecycle import Service
from foreshock_runtime.settings import SettingsError
from foreshock_signals import market_stage
from foreshock_signals.collector import SignalsCollector
from foreshock_signals.control import SERVICE_NAME, SignalsControl
from foreshock_signals.domain.config import SignalsConfig, validate
from foreshock_signals.domain.state import SERVICE
from foreshock_signals.market_stage import MarketStage
from foreshock_signals.partition import Partition, Tools
from foreshock_signals.settings import SignalsSettings

READY_SECONDS = 0.2
SEED_SECONDS = 10.0
SILENT_SECONDS = 3.0


async def serve(service: Service) -> None:
    """Run until `service.stop`."""
    settings = service.settings
    if not isinstance(settings, SignalsSettings):
        raise SettingsError(f"settings are {type(settings).__name__}, expected SignalsSettings")
    latency = LatencyRecorder()
    store = ConfigStore(service.redis, SERVICE, settings.partitions, service.clock)
    tools = Tools(service.redis, settings, store, service.clock, latency)
    partitions = [Partition(number, tools) for number in range(settings.partitions)]
    stage = MarketStage(market_stage.Tools(service.redis, service.clock, settings.partitions, settings.lease_seconds))
    service.registry.register(SignalsCollector(partitions, stage, latency))
    config = ConfigControl(store, SignalsConfig(), validate)
    control = SignalsControl(service, config, (partitions, stage), latency)
    await service.serve({SERVICE_NAME: control.add_to})
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_watch(service, partitions), name="readiness")
        tasks.create_task(_keep_up(service, partitions), name="upkeep")
        tasks.create_task(stage.run(service.stop), name="market")
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
    """Keep the seed of a rebuild fresh."""
    while not await wait_for_event(service.stop, SEED_SECONDS):
        try:
            for partition in partitions:
                await partition.refresh_seed()
        except TROUBLE as error:
            service.log.warning("upkeep_failed", reason=str(error))
