"""Velocity as a stage of the runtime: which stream it answers, and with what."""

from __future__ import annotations

from foreshock_model import keys
from foreshock_runtime.partitions import Journal, Partition, Seed
from foreshock_velocity.domain import VelocityConfig
from foreshock_velocity.domain.config import decode
from foreshock_velocity.domain.state import SERVICE
from foreshock_velocity.processor import VelocityProcessor

VelocityPartition = Partition[VelocityProcessor, VelocityConfig]


class VelocityStage:
    """Answers `events:{pN}`."""

    name = SERVICE

    def source(self, partition: int) -> str:
        """Return the stream of the partition's inputs."""
        return keys.events(partition)

    def make(self, partition: int, journal: Journal, seed: Seed[VelocityConfig] | None) -> VelocityProcessor:
        """Return a processor without state."""
        return VelocityProcessor(partition, journal, seed)

    def decode(self, document: bytes) -> VelocityConfig:
        """Read a configuration. Raises ValueError."""
        return decode(document)
