"""Signals as a stage of the runtime: which stream it answers, and with what."""

from __future__ import annotations

from foreshock_model import keys
from foreshock_runtime.partitions import Journal, Partition, Seed
from foreshock_signals.commands import Retention
from foreshock_signals.domain.config import SignalsConfig, decode
from foreshock_signals.domain.state import SERVICE
from foreshock_signals.processor import Place, SignalsProcessor
from foreshock_signals.settings import SignalsSettings

SignalsPartition = Partition[SignalsProcessor, SignalsConfig]


class SignalsStage:
    """Answers `metrics:{pN}`."""

    name = SERVICE

    def __init__(self, settings: SignalsSettings) -> None:
        self._settings = settings
        self._kept = Retention(
            settings.retention_entries,
            settings.subscriber_entries,
            settings.history_entries,
            settings.history_seconds,
        )

    def source(self, partition: int) -> str:
        """Return the stream of the partition's inputs."""
        return keys.metrics(partition)

    def make(self, partition: int, journal: Journal, seed: Seed[SignalsConfig] | None) -> SignalsProcessor:
        """Return a processor without state."""
        settings = self._settings
        place = Place(partition, settings.partitions, settings.tracked_symbols, self._kept)
        return SignalsProcessor(place, journal, seed)

    def decode(self, document: bytes) -> SignalsConfig:
        """Read a configuration. Raises ValueError."""
        return decode(document)
