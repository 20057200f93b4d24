"""Outside the pure path: says DEGRADED when a service is gone, because a dead pipeline must not look calm."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
from redis.asyncio import Redis

from foreshock_model import keys
from foreshock_runtime.alive import forget, look_around
from foreshock_runtime.backoff import Backoff, wait_for_event
from foreshock_runtime.clock import Clock, SystemClock, monotonic_ns
from foreshock_runtime.connection import TROUBLE
from foreshock_runtime.log import get_logger
from foreshock_runtime.streams.lease import Lease
from foreshock_runtime.streams.scripts import Argument, Script

EXPECTED = ("feeds", "velocity", "signals")
DEGRADED = "DEGRADED"
RECOVERED = "RECOVERED"

# A heartbeat ends at most 3 s after its process; with this and the polls a notice comes within 5.5 s of a
# kill.
ABSENT_SECONDS = 2.0
# Services start one after another: one that was never seen gets this long.
FIRST_SECONDS = 10.0
_POLL_SECONDS = 0.25

_log = get_logger(__name__)

# Publish a change of status once, however many watch. The stream is cut by signals, who knows how much is kept.
# KEYS state, stream; ARGV service, status, ts, JSON, channels.
_NOTICE = Script("""
local known = redis.call('HGET', KEYS[1], ARGV[1]) or 'RECOVERED'
if known == ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('XADD', KEYS[2], '*',
  'kind', 'notice', 'status', ARGV[2], 'service', ARGV[1], 'ts', ARGV[3], 'json', ARGV[4])
for i = 5, #ARGV do redis.call('PUBLISH', ARGV[i], ARGV[4]) end
return 1
""")


class Notice(msgspec.Struct, frozen=True):
    """What subscribers read. ts is ns UTC."""

    kind: str
    status: str
    service: str
    ts: int
    schema: int = 1


class Watchdog:
    """Watches the heartbeats.

    Every process watches, so that after a takeover it is known how long a service is gone; the holder of the
    lease publishes.
    """

    def __init__(
        self,
        redis: Redis,
        expected: Sequence[str] = EXPECTED,
        *,
        clock: Clock | None = None,
        absent_seconds: float = ABSENT_SECONDS,
        first_seconds: float = FIRST_SECONDS,
    ) -> None:
        self._redis = redis
        self._expected = tuple(expected)
        self._clock = clock or SystemClock()
        self._absent_ns = round(absent_seconds * 1e9)
        self._lease = Lease(redis, keys.WATCHDOG_LEASE, ttl=1.5)
        # A service that was never seen counts as seen at the end of the time it has to appear.
        grace = round((first_seconds - absent_seconds) * 1e9)
        self._seen_ns = {service: monotonic_ns() + grace for service in self._expected}
        self.notices = 0
        self.unreadable = 0
        """Heartbeats nobody can read, at the last look."""

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop`; trouble with the server is waited out."""
        backoff = Backoff(first=_POLL_SECONDS, cap=1.0)
        while not stop.is_set():
            try:
                await self.look()
                backoff.reset()
                await wait_for_event(stop, _POLL_SECONDS)
            except TROUBLE as error:
                # While the server is away nobody's heartbeat can be there.
                self._excuse()
                _log.debug("watchdog_blind", reason=str(error))
                await backoff.wait(stop)
        await self._lease.release()

    async def look(self) -> None:
        """Look once, and publish what changed. Raises what redis-py raises."""
        around = await look_around(self._redis)
        present = {heartbeat.service for heartbeat in around.living if heartbeat.serving}
        self._note_unreadable(around.unreadable)
        now = monotonic_ns()
        for service in present & self._seen_ns.keys():
            self._seen_ns[service] = now
        if await self._lease.acquire():
            await forget(self._redis, around.gone)
            for service in self._expected:
                if service in present:
                    await self._tell(service, RECOVERED)
                elif now - self._seen_ns[service] > self._absent_ns:
                    await self._tell(service, DEGRADED)

    def _note_unreadable(self, number: int) -> None:
        if number > self.unreadable:
            _log.warning("heartbeats_unreadable", number=number)
        self.unreadable = number

    def _excuse(self) -> None:
        now = monotonic_ns()
        for service, seen in self._seen_ns.items():
            self._seen_ns[service] = max(seen, now)

    async def _tell(self, service: str, status: str) -> None:
        notice = Notice("notice", status, service, self._clock.now())
        text = msgspec.json.encode(notice)
        channels = (keys.CASCADE_SIGNALS, keys.CASCADE_ALERTS)
        args: list[Argument] = [service, status, notice.ts, text, *channels]
        if await _NOTICE(self._redis, [keys.WATCHDOG_STATE, keys.CASCADE_SIGNALS], args):
            self.notices += 1
            _log.warning("service_degraded" if status == DEGRADED else "service_recovered", service=service)
