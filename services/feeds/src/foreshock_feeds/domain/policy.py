"""How sockets are kept, by what they are for: a table, and the pauses between attempts that follow from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from foreshock_sdk.connector import Heartbeat, Purpose

STABLE_NS = 10_000_000_000
"""A connection that lived so long was a success: the next failure starts the pauses anew."""


class SocketPolicy(NamedTuple):
    """What holds for sockets of one purpose; seconds.

    ping, pong   a ping is sent so long after the last, its answer awaited for so long
    idle         without any frame for so long, the socket is given up
    first, cap   after n failures in a row: a pause of random length up to min(cap, first x 2^n)
    attempts     failures in a row after which the breaker opens, None: never given up
    open         how long it stays open; then one attempt is made, and a failure opens it again
    """

    ping: float
    pong: float
    idle: float
    first: float
    cap: float
    attempts: int | None
    open: float


POLICIES = {
    Purpose.LIQUIDATIONS: SocketPolicy(20.0, 10.0, 60.0, first=0.5, cap=30.0, attempts=None, open=0.0),
    Purpose.CONTEXT: SocketPolicy(30.0, 10.0, 90.0, first=1.0, cap=60.0, attempts=None, open=0.0),
    Purpose.PRIVATE: SocketPolicy(20.0, 5.0, 60.0, first=1.0, cap=30.0, attempts=5, open=60.0),
}


def heartbeat_of(purpose: Purpose, told: Heartbeat) -> Heartbeat:
    """Return how the socket is kept alive: as the connector says, never laxer than the policy."""
    policy = POLICIES[purpose]
    return msgspec.structs.replace(
        told,
        interval=min(told.interval, policy.ping),
        timeout=min(told.timeout, policy.pong),
        idle_timeout=min(told.idle_timeout, policy.idle),
    )


class Retry:
    """How long to wait before each attempt.

    chance: numbers evenly spread over [0, 1), so that many clients do not come back together (full jitter).
    """

    def __init__(self, policy: SocketPolicy, chance: Callable[[], float]) -> None:
        self.policy = policy
        self.failures = 0
        self._chance = chance

    @property
    def open(self) -> bool:
        """Whether the breaker is open: the next attempt is a trial."""
        return self.policy.attempts is not None and self.failures >= self.policy.attempts

    def after(self, lived_ns: int) -> float:
        """Take the loss of a connection that lived so long, 0 when there was none; return the seconds to wait."""
        self.failures = 1 if lived_ns > STABLE_NS else self.failures + 1
        if self.open:
            return self.policy.open
        ceiling = min(self.policy.cap, self.policy.first * 2.0 ** min(self.failures - 1, 32))
        return ceiling * self._chance()
