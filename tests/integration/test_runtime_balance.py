"""Partitions spread over processes: by starting more, by ending one, and not by handing over what nobody takes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from redis.asyncio import Redis
from tests.integration.runtime_toys import until

from foreshock_model import keys
from foreshock_runtime.alive import Heartbeat, beat
from foreshock_runtime.balance import Balance
from foreshock_runtime.embedded import EmbeddedServer
from foreshock_runtime.lifecycle import Service, run_in_loop
from foreshock_runtime.streams.status import OwnerStatus
from foreshock_velocity.app import serve
from foreshock_velocity.settings import VelocitySettings


class Process:
    """One velocity service in this loop."""

    def __init__(self, url: str, instance: str, partitions: int) -> None:
        self.stop = asyncio.Event()
        settings = VelocitySettings(redis_url=url, instance=instance, partitions=partitions, log_level="WARNING")
        self.service: Service | None = None
        self.task = asyncio.create_task(run_in_loop(self._main, settings, "velocity", stop=self.stop))

    async def _main(self, service: Service) -> None:
        self.service = service
        await serve(service)

    @property
    def serving(self) -> bool:
        """Whether it has started and serves."""
        return self.service is not None and self.service.serving

    def owned(self) -> int:
        """Return how many partitions it owns, as its own metrics say."""
        families = self.service.registry.collect() if self.service is not None else ()
        return sum(int(x.value) for each in families if each.name == "foreshock_velocity_owned" for x in each.samples)

    async def end(self) -> None:
        self.stop.set()
        assert await self.task == 0


async def spread(redis: Redis, partitions: int, processes: Sequence[Process]) -> bool:
    """Tell whether all partitions have owners, and the shares are even."""
    leased = await redis.exists(*(keys.lease("velocity", each) for each in range(partitions)))
    owned = [each.owned() for each in processes]
    return leased == sum(owned) == partitions and max(owned) - min(owned) <= 1


@pytest.mark.parametrize(("partitions", "names"), [(2, ("a", "b")), (5, ("a", "b", "c"))])
async def test_starting_more_spreads_the_partitions_evenly(
    redis: Redis, redis_server: EmbeddedServer, partitions: int, names: tuple[str, ...]
) -> None:
    processes: list[Process] = []
    try:
        for name in names:
            processes.append(Process(redis_server.url, name, partitions))
            await until(lambda: processes[0].serving)
        await until(lambda: spread(redis, partitions, processes))
        await processes.pop().end()
        await until(lambda: spread(redis, partitions, processes), seconds=5)
    finally:
        for process in processes:
            await process.end()


class Reluctant:
    """A partition that nobody else wants."""

    number = 0

    def __init__(self) -> None:
        self.status = OwnerStatus(owned=True, recoveries=1)
        self.handed_over = 0

    async def settled(self) -> bool:
        return self.status.owned

    def hand_over(self) -> None:
        self.handed_over += 1
        self.status.owned = False

    def be_patient(self, seconds: float) -> None:
        self.patience = seconds


async def test_what_nobody_takes_is_not_handed_over_again_and_again(redis: Redis) -> None:
    await beat(redis, Heartbeat(service="velocity", instance="a", pid=1, version=""))
    partition = Reluctant()
    balance = Balance(redis, "velocity", "b", [partition])
    await balance.look()
    await balance.look()
    assert partition.handed_over == 1
    partition.status.owned = True
    for _ in range(5):
        await balance.look()
    assert partition.handed_over == 1
