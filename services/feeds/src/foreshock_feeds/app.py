"""The feeds service: venues in, streams out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, nullcontext, suppress

import msgspec

from foreshock_feeds.collector import FeedsCollector
from foreshock_feeds.config import FeedsConfig, problems
from foreshock_feeds.control import FeedsControl
from foreshock_feeds.feeds import Feeds
from foreshock_feeds.parts import Parts, find_parts
from foreshock_feeds.spill import Spill, open_spill
from foreshock_runtime.backoff import Backoff, wait_for_event
from foreshock_runtime.config_store import ConfigStore
from foreshock_runtime.connection import TROUBLE
from foreshock_runtime.control import ConfigControl
from foreshock_runtime.lifecycle import Service
from foreshock_runtime.partitions import READY_SECONDS, SILENT_SECONDS
from foreshock_runtime.settings import SettingsError

MAINTENANCE_SECONDS = 1.0


async def serve(service: Service) -> None:
    """Run until the service's stop event; then close the sockets and write what waits."""
    parts = find_parts(service.settings)
    built_in = FeedsConfig(parts.settings.tracked_symbols)
    wrong = problems(built_in)
    if wrong:
        raise SettingsError(f"tracked_symbols: {wrong['symbols']}")
    config = ConfigControl(ConfigStore(service.redis, "feeds", parts.settings.partitions), built_in, problems)
    spill = open_spill(parts.settings)
    with closing(spill) if spill else nullcontext():
        await _serve(service, parts, config, spill)


async def _serve(service: Service, parts: Parts, config: ConfigControl[FeedsConfig], spill: Spill | None) -> None:
    feeds = await _patiently(service, parts, config, spill)
    if feeds is None:
        return
    service.registry.register(FeedsCollector(feeds))
    await service.serve({FeedsControl.NAME: FeedsControl(service, feeds, config).add})
    try:
        await _run(service, feeds)
    finally:
        await feeds.close()


async def _run(service: Service, feeds: Feeds) -> None:
    service.tasks.create_task(_watch(service, feeds), name="readiness")
    writing = service.tasks.create_task(feeds.output.run(), name="output")
    async with _paired(feeds):
        await _maintain(service, feeds)
    await feeds.stop()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    await feeds.output.drain()
    with suppress(*TROUBLE):
        await feeds.maintain()
        await feeds.release()


@asynccontextmanager
async def _paired(feeds: Feeds) -> AsyncIterator[None]:
    """Hold leases of routes until the block ends; then another process may write them at once."""
    if feeds.pair is None:
        yield
        return
    async with asyncio.TaskGroup() as tasks:
        pairing = tasks.create_task(feeds.pair.run(), name="pair")
        yield
        pairing.cancel()
    with suppress(*TROUBLE):
        await feeds.pair.release()


async def _patiently(
    service: Service, parts: Parts, config: ConfigControl[FeedsConfig], spill: Spill | None
) -> Feeds | None:
    """Begin as soon as Redis is there; None when the service shall stop before that."""
    backoff = Backoff()
    while not service.stop.is_set():
        try:
            return await Feeds.begin(service, parts, config, spill)
        except TROUBLE as error:
            service.log.warning("waiting_for_redis", reason=str(error))
            await backoff.wait(service.stop)
    return None


async def _watch(service: Service, feeds: Feeds) -> None:
    """Say SERVING while Redis answers, once a configuration was applied, until the service shall stop."""
    while not service.stop.is_set():
        ready = feeds.revision >= 0 and service.health.seconds_since_good() < SILENT_SECONDS
        if ready != service.serving:
            await service.set_serving(ready)
        await wait_for_event(service.stop, READY_SECONDS)


async def _maintain(service: Service, feeds: Feeds) -> None:
    """Follow the configuration and keep order until the service shall stop."""
    while not service.stop.is_set():
        try:
            await feeds.apply()
            await feeds.maintain()
        except (*TROUBLE, msgspec.ValidationError) as error:
            service.log.warning("maintenance_failed", reason=str(error))
        await wait_for_event(service.stop, MAINTENANCE_SECONDS)
