"""Between the runtime's entries and the domain: fields in, commands out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from foreshock_model import keys
from foreshock_model.entries import OutputEntry
from foreshock_runtime.partitions import Journal, Seed
from foreshock_runtime.streams import Command
from foreshock_signals import commands
from foreshock_signals.commands import Retention
from foreshock_signals.domain.config import SignalsConfig
from foreshock_signals.domain.market import BTC
from foreshock_signals.domain.state import SignalsState


class Place(NamedTuple):
    """Which partition of how many, what is tracked there, and how much is kept."""

    partition: int
    partitions: int
    tracked: tuple[str, ...]
    kept: Retention


class SignalsProcessor:
    """One partition's state as the runtime's `Processor`. seed: configuration and revision a rebuild begins with."""

    def __init__(self, place: Place, journal: Journal, seed: Seed[SignalsConfig] | None = None) -> None:
        self.state = SignalsState(tracked=own(place.tracked, place.partition, place.partitions))
        if seed is not None:
            self.state.configure(*seed)
        self._place = place
        self._journal = journal
        self._latest: commands.Latest = {}
        self._tells_market = keys.partition_of(BTC, place.partitions) == place.partition

    @property
    def revision(self) -> int:
        """Revision of the configuration in force."""
        return self.state.revision

    @property
    def warming(self) -> bool:
        """True while rebuilt without all that went before."""
        return self.state.warming

    @warming.setter
    def warming(self, rebuilt: bool) -> None:
        self.state.warming = rebuilt

    def advance(self, entry_id: str, fields: Mapping[bytes, bytes]) -> list[Command]:
        """Answer one entry. Raises ValueError, the state unchanged, when it cannot be read."""
        started = self._journal.start()
        outcome = self.state.advance(entry_id, OutputEntry.from_fields(fields))
        place = self._place
        made = commands.of(outcome, place.partition, entry_id, place.kept)
        self._latest |= commands.latest_of(outcome, tells_market=self._tells_market)
        received = max((each.data_quality.input_ts for each in outcome.signals), default=0)
        self._journal.advanced(started, received, tuple(each.level for each in outcome.signals))
        return made

    def closing(self) -> list[Command]:
        """Renew the keys that tell the latest figures."""
        latest, self._latest = self._latest, {}
        return commands.renewing(latest)

    def snapshot(self) -> bytes:
        """Return the whole state."""
        return self.state.dump()

    def restore(self, blob: bytes) -> None:
        """Take up a state made by `snapshot`. Raises ValueError when it is not one."""
        self.state.load(blob)

    def poison(self, entry_id: str) -> list[Command]:  # noqa: ARG002 - the runtime's signature
        """Answer an entry that nobody can read: with nothing."""
        self._journal.advanced(self._journal.start(), 0)
        return []


def own(symbols: tuple[str, ...], partition: int, partitions: int) -> tuple[str, ...]:
    """Return the symbols that belong to a partition, each once."""
    return tuple(each for each in dict.fromkeys(symbols) if keys.partition_of(each, partitions) == partition)
