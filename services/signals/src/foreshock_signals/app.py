"""The signals service: every partition it can get hold of, and the market stage when it is its turn."""

from __future__ import annotations

from foreshock_runtime.config_store import ConfigStore
from foreshock_runtime.control import ConfigControl
from foreshock_runtime.latency import LatencyRecorder
from foreshock_runtime.lifecycle import Service
from foreshock_runtime.partitions import Partition, own_all
from foreshock_runtime.settings import SettingsError
from foreshock_signals import market_stage
from foreshock_signals.collector import SignalsCollector
from foreshock_signals.control import SERVICE_NAME, SignalsControl
from foreshock_signals.domain.config import SignalsConfig, validate
from foreshock_signals.domain.state import SERVICE
from foreshock_signals.market_stage import MarketStage
from foreshock_signals.settings import SignalsSettings
from foreshock_signals.stage import SignalsStage


async def serve(service: Service) -> None:
    """Run until `service.stop`."""
    settings = service.settings
    if not isinstance(settings, SignalsSettings):
        raise SettingsError(f"settings are {type(settings).__name__}, expected SignalsSettings")
    latency = LatencyRecorder()
    stage = SignalsStage(settings)
    partitions = [Partition(number, service, stage, latency) for number in range(settings.partitions)]
    market = MarketStage(market_stage.Tools(service.redis, settings.partitions, settings.lease_seconds))
    collector = SignalsCollector(partitions, market, latency)
    service.registry.register(collector)
    store = ConfigStore(service.redis, SERVICE, settings.partitions, service.clock)
    control = SignalsControl(service, ConfigControl(store, SignalsConfig(), validate), collector)
    await service.serve({SERVICE_NAME: control.add_to})
    service.tasks.create_task(market.run(service.stop), name="market")
    await own_all(service, partitions)
