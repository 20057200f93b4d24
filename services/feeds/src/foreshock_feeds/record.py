"""Frames into a recording and nowhere else: feeds as it is, without Redis behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from foreshock_feeds.config import FeedsConfig, problems
from foreshock_feeds.feeds import Feeds
from foreshock_feeds.parts import find_parts
from foreshock_feeds.recorder import Recorder
from foreshock_feeds.resume import Earlier
from foreshock_feeds.settings import FeedsSettings
from foreshock_model.entries import InputKind
from foreshock_runtime.backoff import wait_for_event
from foreshock_runtime.config_store import ConfigStore
from foreshock_runtime.control import ConfigControl, Present
from foreshock_runtime.lifecycle import Service
from foreshock_runtime.settings import SettingsError
from foreshock_runtime.streams.writer import PartitionWriter

LOOK_SECONDS = 0.5
EVERY = 2
"""Looks between two judgements of the venues, which are made once a second."""


class _Nowhere(PartitionWriter):
    """Writes nothing: what entries would hold is in the recording."""

    def add(self, partition: int, kind: InputKind, clock_ns: int, data: bytes) -> int:  # noqa: ARG002
        return 0


class _BuiltIn(ConfigControl[FeedsConfig]):
    """The configuration that settings give; nobody changes it."""

    async def present(self) -> Present[FeedsConfig]:
        return Present(0, "", self._built_in)


async def record(settings: FeedsSettings, stop: asyncio.Event, told: Callable[[Feeds], None]) -> Recorder:
    """Record until `stop` is set; told is called twice a second. Return the recorder, closed.

    Raises SettingsError for settings that make no recording.
    """
    service = Service(settings, "feeds", stop=stop)
    config = _config(service, settings)
    writer = _Nowhere(service.redis, partitions=settings.partitions, writer=f"feeds:{settings.instance}", epoch=1)
    feeds = Feeds(service, find_parts(settings), config, writer=writer, earlier=Earlier())
    recorder = feeds.recorder
    if recorder is None:
        raise SettingsError("record_dir: it must say where the recording goes")
    writing = asyncio.create_task(feeds.output.run())
    try:
        await feeds.apply()
        await _watch(feeds, stop, told)
    finally:
        await feeds.stop()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await feeds.output.drain()
        await feeds.close()
        await service.redis.aclose()
    return recorder


def _config(service: Service, settings: FeedsSettings) -> _BuiltIn:
    built_in = FeedsConfig(settings.tracked_symbols)
    wrong = problems(built_in)
    if wrong:
        raise SettingsError(f"tracked_symbols: {wrong['symbols']}")
    return _BuiltIn(ConfigStore(service.redis, "feeds", 1), built_in, problems)


async def _watch(feeds: Feeds, stop: asyncio.Event, told: Callable[[Feeds], None]) -> None:
    looks = 0
    while not await wait_for_event(stop, LOOK_SECONDS):
        looks += 1
        if looks % EVERY == 0:
            feeds.look()
        told(feeds)
    told(feeds)
