"""Velocity as a stage of the runtime: which stream it answers, and with what."""

from __future__ import annotations

from functools import partial

from foreshock_model import keys
from foreshock_model.metrics import WindowMetrics
from foreshock_runtime.latency import LatencyRecorder
from foreshock_runtime.partitions import Journal, Partition, Seed
from foreshock_velocity.domain import VelocityConfig
from foreshock_velocity.domain.config import decode
from foreshock_velocity.domain.state import SERVICE
from foreshock_velocity.processor import VelocityProcessor
from foreshock_velocity.watching import Watchers

VelocityPartition = Partition[VelocityProcessor, VelocityConfig]


class VelocityStage:
    """Answers `events:{pN}`.

    watchers    those who are told of each acknowledged answer;  evaluation: how long entries take
    windows_ms  lengths of the windows
    """

    name = SERVICE

    def __init__(self, watchers: Watchers, evaluation: LatencyRecorder, windows_ms: tuple[int, ...]) -> None:
        self.windows_ms = windows_ms
        self.watchers = watchers
        self.evaluation = evaluation

    def source(self, partition: int) -> str:
        """Return the stream of the partition's inputs."""
        return keys.events(partition)

    def make(self, partition: int, journal: Journal, seed: Seed[VelocityConfig] | None) -> VelocityProcessor:
        """Return a processor without state."""
        journal.listener = partial(self.watchers.acknowledged, partition)
        told = partial(self._told, partition)
        return VelocityProcessor(partition, journal, seed, told=told, windows_ms=self.windows_ms)

    def _told(self, partition: int, metrics: WindowMetrics | None, nanoseconds: int) -> None:
        self.evaluation.record_ns(nanoseconds)
        self.watchers.answered(partition, metrics)

    def decode(self, document: bytes) -> VelocityConfig:
        """Read a configuration. Raises ValueError."""
        return decode(document)
