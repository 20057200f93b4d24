"""The velocity service: every partition it can get hold of, answered entry by entry."""

from __future__ import annotations

from collections.abc import Sequence

from foreshock_model import keys
from foreshock_runtime.backoff import wait_for_event
from foreshock_runtime.config_store import ConfigStore
from foreshock_runtime.connection import TROUBLE
from foreshock_runtime.control import ConfigControl
from foreshock_runtime.latency import LatencyRecorder
from foreshock_runtime.lifecycle import Service
from foreshock_runtime.partitions import Partition, own_all
from foreshock_runtime.settings import SettingsError
from foreshock_runtime.streams import trim
from foreshock_velocity.collector import VelocityCollector
from foreshock_velocity.control import SERVICE_NAME, VelocityControl
from foreshock_velocity.domain import VelocityConfig
from foreshock_velocity.domain.config import problems
from foreshock_velocity.domain.state import SERVICE
from foreshock_velocity.settings import VelocitySettings, check_windows
from foreshock_velocity.stage import VelocityPartition, VelocityStage
from foreshock_velocity.watching import Watchers

TRIM_SECONDS = 1.0
NEXT_SERVICE = "signals"


async def serve(service: Service) -> None:
    """Run until `service.stop`."""
    settings = service.settings
    if not isinstance(settings, VelocitySettings):
        raise SettingsError(f"settings are {type(settings).__name__}, expected VelocitySettings")
    check_windows(settings.windows_ms)
    latency, evaluation = LatencyRecorder(), LatencyRecorder()
    watchers = Watchers()
    stage = VelocityStage(watchers, evaluation, settings.windows_ms)
    partitions = [Partition(number, service, stage, latency) for number in range(settings.partitions)]
    collector = VelocityCollector(partitions, latency, evaluation, watchers)
    service.registry.register(collector)
    store = ConfigStore(service.redis, SERVICE, settings.partitions, service.clock)
    control = VelocityControl(service, ConfigControl(store, VelocityConfig(), problems), collector, watchers)
    await service.serve({SERVICE_NAME: control.add_to})
    service.tasks.create_task(_trim(service, settings, partitions, collector), name="trim")
    service.tasks.create_task(watchers.close_at(service.stop), name="watchers")
    await own_all(service, partitions)


async def _trim(
    service: Service, settings: VelocitySettings, partitions: Sequence[VelocityPartition], collector: VelocityCollector
) -> None:
    """Drop metrics that are old and that signals has taken in."""
    while not await wait_for_event(service.stop, TRIM_SECONDS):
        try:
            for partition in partitions:
                if partition.status.owned:
                    collector.trimmed_unread[partition.number] += await _trim_one(service, settings, partition.number)
        except TROUBLE as error:
            service.log.warning("trim_failed", reason=str(error))


async def _trim_one(service: Service, settings: VelocitySettings, number: int) -> int:
    gone = await trim(
        service.redis,
        keys.metrics(number),
        now_ns=service.clock.now(),
        retention_ms=int(settings.retention_seconds * 1_000),
        guards=(keys.cursor(NEXT_SERVICE, number), keys.state(NEXT_SERVICE, number)),
        hard_cap=settings.retention_entries,
    )
    return gone.lost
