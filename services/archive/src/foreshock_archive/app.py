"""The archive service: streams in, files and tables out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from foreshock_archive.archiver import Archiver
from foreshock_archive.collector import ArchiveCollector
from foreshock_archive.making import archivers
from foreshock_archive.settings import ArchiveSettings
from foreshock_runtime.backoff import wait_for_event
from foreshock_runtime.lifecycle import Service
from foreshock_runtime.partitions import READY_SECONDS, SILENT_SECONDS
from foreshock_runtime.settings import SettingsError


async def serve(service: Service) -> None:
    """Run until the service's stop event; then write what was read."""
    settings = service.settings
    if not isinstance(settings, ArchiveSettings):
        raise SettingsError(f"settings are {type(settings).__name__}, expected ArchiveSettings")
    made = archivers(settings, service.redis, service.clock)
    service.registry.register(ArchiveCollector(made))
    await service.serve({})
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_watch(service, made), name="readiness")
        for each in made:
            tasks.create_task(each.run(service.stop), name=f"archive-{each.sink.name}")


async def _watch(service: Service, made: Sequence[Archiver]) -> None:
    """Say SERVING while Redis answers and every sink is fed."""
    while not service.stop.is_set():
        ready = service.health.seconds_since_good() < SILENT_SECONDS
        ready = ready and all(each.told.state == "WORKING" for each in made)
        if ready != service.serving and not service.stop.is_set():
            await service.set_serving(ready)
        await wait_for_event(service.stop, READY_SECONDS)
