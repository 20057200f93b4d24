"""The feeds service: venues in, streams out."""

from __future__ import annotations

import asyncio

from foreshock_feeds.config import FeedsConfig, problems
from foreshock_feeds.control import FeedsControl
from foreshock_feeds.feeds import Feeds
from foreshock_feeds.settings import FeedsSettings
from foreshock_runtime.backoff import Backoff, wait_for_event
from foreshock_runtime.config_store import ConfigStore
from foreshock_runtime.connection import TROUBLE
from foreshock_runtime.control import ConfigControl
from foreshock_runtime.lifecycle import Service
from foreshock_runtime.settings import SettingsError

MAINTENANCE_SECONDS = 1.0


async def serve(service: Service) -> None:
    """Run until the service's stop event; then close the sockets and write what waits."""
    settings = service.settings
    if not isinstance(settings, FeedsSettings):
        raise SettingsError(f"settings are {type(settings).__name__}, expected FeedsSettings")
    built_in = FeedsConfig(tuple(settings.tracked_symbols))
    wrong = problems(built_in)
    if wrong:
        raise SettingsError(f"tracked_symbols: {wrong['symbols']}")
    store = ConfigStore(service.redis, "feeds", settings.partitions)
    config = ConfigControl(store, built_in, problems)
    feeds = await _patiently(Feeds, service, settings)
    await service.serve({FeedsControl.NAME: FeedsControl(service, feeds, config).add})
    writing = service.tasks.create_task(feeds.output.run(), name="output")
    await feeds.start(await config.present())
    await service.set_serving()
    while not await wait_for_event(service.stop, MAINTENANCE_SECONDS):
        try:
            await feeds.apply(await config.present())
            await feeds.maintain()
            service.config_revision = feeds.revision
        except TROUBLE as error:
            service.log.warning("maintenance_failed", reason=str(error))
    await feeds.stop()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    await feeds.output.drain()
    await feeds.maintain()


async def _patiently(make: type[Feeds], service: Service, settings: FeedsSettings) -> Feeds:
    """Begin as soon as Redis is there."""
    backoff = Backoff()
    while True:
        try:
            return await make.begin(service, settings)
        except TROUBLE as error:
            if service.stop.is_set():
                raise
            service.log.warning("waiting_for_redis", reason=str(error))
            await backoff.wait(service.stop)
