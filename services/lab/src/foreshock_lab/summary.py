"""What a run reports: to people while it runs, and as one JSON object at its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path

import msgspec

from foreshock_model.signal import Level
from foreshock_runtime.latency import LatencySummary


class EventCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Rows: sent are distinct ones written to a subscribed socket, throttled were withheld by the venue."""

    sent: int
    throttled: int
    processed: int


class LatencyReport(msgspec.Struct, frozen=True, kw_only=True):
    """Latencies in milliseconds.

    socket_to_metrics  from receipt of an entry's newest event to the acknowledged commit of its metrics
    socket_to_signal   from receipt (or the causing tick's clock) to receipt by the subscriber
    """

    socket_to_metrics: LatencySummary
    socket_to_signal: LatencySummary


class RedisReport(msgspec.Struct, frozen=True, kw_only=True):
    """Which server the run stood on."""

    kind: str
    version: str
    embedded: bool


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a run. lost = sent - processed; ok: nothing is in `problems`.

    duplicates          rows counted twice: must be 0
    duplicates_dropped  rows the house received again and dropped
    signals             signals by level, as an independent subscriber received them
    services            health by name, asked before the house was stopped
    recalled            rows that came from the venues' histories alone: not among those sent
    unknown_rows        rows that came out without having gone in: must be 0
    """

    scenario: str
    seed: int
    duration_s: float
    ok: bool
    events: EventCounts
    lost: int
    duplicates: int
    duplicates_dropped: int
    unknown_rows: int
    signals: Mapping[str, int]
    latency_ms: LatencyReport
    services: Mapping[str, str]
    redis: RedisReport
    recalled: int = 0
    problems: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        """Return the summary as one JSON object."""
        return msgspec.json.encode(self)


class Phase(StrEnum):
    """Where a run stands."""

    STARTING = "starting"
    RUNNING = "running"
    DRAINING = "draining"
    STOPPING = "stopping"
    DONE = "done"


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """How others reach a running house.

    redis_url holds a password: not for logs. redis_port is open to readers without one, None: there is none.
    """

    redis_url: str
    redis_port: int | None
    partitions: int
    run_dir: Path

    def __repr__(self) -> str:
        return f"RunInfo(redis_port={self.redis_port}, partitions={self.partitions}, run_dir={self.run_dir})"


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A run's state, told twice a second. elapsed_s and duration_s are market time; info comes once known.

    counted: what `processed` counts.
    """

    phase: Phase
    elapsed_s: float
    duration_s: float
    sent: int
    processed: int
    throttled: int
    signals: Mapping[str, int]
    info: RunInfo | None = None
    counted: str = "liquidations"


OnProgress = Callable[[Progress], None]


def signal_counts(counted: Mapping[str, int]) -> dict[str, int]:
    """Return counts of every level, zeros included."""
    return {level.name: counted.get(level.name, 0) for level in Level}


def highest(counted: Mapping[str, int]) -> Level:
    """Return the highest level that was received at all."""
    return max((Level[name] for name, number in counted.items() if number), default=Level.NONE)
