"""How the partitions of a service spread over its processes: evenly, and without anybody in charge.

Every process reads the heartbeats of its equals, and all come to the same shares: the first by name own one more where
the partitions do not go round. Who owns more than its share hands one after the other over; who has its share leaves a
free partition to those that have less, but not for ever: a process that lives and still cannot own must not leave a
partition without an owner.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from redis.asyncio import Redis

from foreshock_runtime.alive import Heartbeat, living
from foreshock_runtime.clock import monotonic_ns
from foreshock_runtime.log import get_logger
from foreshock_runtime.streams.status import OwnerStatus

BALANCE_SECONDS = 0.2
PATIENCE_SECONDS = 0.5
"""So long a free partition is left to those that have less."""
FIRST_TRUCE, LONGEST_TRUCE = 5.0, 300.0
"""Seconds for which nothing is handed over after it came back because nobody took it; doubled each time."""

_log = get_logger(__name__)


class Owned(Protocol):
    """A partition that this process owns, or would."""

    number: int

    @property
    def status(self) -> OwnerStatus:
        """What its owner here has done."""
        ...

    async def settled(self) -> bool:
        """Return True when somebody works on it."""
        ...

    def hand_over(self) -> None:
        """Let another process own it."""
        ...

    def be_patient(self, seconds: float) -> None:
        """Leave it to others for so long when nobody owns it."""
        ...


def equals(heartbeats: Sequence[Heartbeat], service: str, instance: str) -> list[str]:
    """Return the instances that share a service's partitions, this one included: those that live and do not leave."""
    names = {each.instance for each in heartbeats if each.service == service and not each.leaving}
    return sorted(names | {instance})


def share_of(instance: str, instances: Sequence[str], partitions: int) -> int:
    """Return how many partitions an instance should own; over all instances that makes `partitions`."""
    each, over = divmod(partitions, len(instances))
    return each + (instances.index(instance) < over)


class Balance:
    """Keeps one process at its share of the partitions."""

    def __init__(self, redis: Redis, service: str, instance: str, partitions: Sequence[Owned]) -> None:
        self._redis = redis
        self._service = service
        self._instance = instance
        self._partitions = partitions
        self._given: Owned | None = None
        self._released = False
        self._truce = FIRST_TRUCE
        self._truce_ends_ns = 0

    async def look(self) -> None:
        """Compare what is owned with the share, and hand one partition over. Raises what redis-py raises."""
        instances = equals(await living(self._redis), self._service, self._instance)
        share = share_of(self._instance, instances, len(self._partitions))
        owned = [each for each in self._partitions if each.status.owned]
        for each in self._partitions:
            each.be_patient(PATIENCE_SECONDS if len(owned) >= share else 0.0)
        if await self._under_way() or len(owned) <= share or monotonic_ns() < self._truce_ends_ns:
            return
        self._given, self._released = owned[-1], False
        _log.info("partition_handed_over", partition=owned[-1].number, owned=len(owned), share=share)
        self._given.be_patient(PATIENCE_SECONDS)
        self._given.hand_over()

    async def _under_way(self) -> bool:
        """Tell whether what was handed over has no owner yet; what came back means that nobody wants it for now."""
        given = self._given
        if given is None:
            return False
        self._released = self._released or not given.status.owned
        if not (self._released and await given.settled()):
            return True
        self._given = None
        if given.status.owned:
            self._truce_ends_ns = monotonic_ns() + int(self._truce * 1e9)
            self._truce = min(2 * self._truce, LONGEST_TRUCE)
        else:
            self._truce = FIRST_TRUCE
        return False
