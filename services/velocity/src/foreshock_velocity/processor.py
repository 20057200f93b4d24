"""Between the runtime's entries and the domain: fields in, commands out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from foreshock_model import keys
from foreshock_model.entries import InputEntry, OutputEntry
from foreshock_model.metrics import WINDOWS_MS, WindowMetrics
from foreshock_runtime.clock import monotonic_ns
from foreshock_runtime.partitions import Journal, Seed
from foreshock_runtime.streams import Command
from foreshock_velocity.domain import VelocityConfig, VelocityState

CURRENT_TTL_MS = 5_000
"""A key of a dead pipeline goes away instead of telling of calm."""


Told = Callable[[WindowMetrics | None, int], None]
"""Is told of each answer: its rows, if any, and the nanoseconds it took."""


class VelocityProcessor:
    """One partition's state as the runtime's `Processor`."""

    def __init__(
        self,
        partition: int,
        journal: Journal,
        seed: Seed[VelocityConfig] | None = None,
        *,
        told: Told | None = None,
        windows_ms: tuple[int, ...] = WINDOWS_MS,
    ) -> None:
        self._windows_ms = windows_ms
        self._told = told
        self._stream = keys.metrics(partition)
        self._journal = journal
        self.state = VelocityState(windows_ms=windows_ms)
        if seed is not None:
            self.state.configure(*seed)

    @property
    def revision(self) -> int:
        """Revision of the configuration in force."""
        return self.state.revision

    @property
    def warming(self) -> bool:
        """True while rebuilt without a snapshot."""
        return self.state.warming

    @warming.setter
    def warming(self, rebuilt: bool) -> None:
        self.state.warming = rebuilt

    def advance(self, entry_id: str, fields: Mapping[bytes, bytes]) -> list[Command]:
        """Answer one entry. Raises CodecError, the state unchanged, when it cannot be read."""
        started = self._journal.start()
        answer = self.state.advance(entry_id, InputEntry.from_fields(fields))
        self._journal.advanced(started, self.state.newest_recv)
        if self._told is not None:
            self._told(self.state.told, monotonic_ns() - started)
        return [self._add(entry_id, answer)]

    def closing(self) -> list[Command]:
        """Renew the keys that tell the latest state."""
        return [("SET", key, document, "PX", CURRENT_TTL_MS) for key, document in self.state.publications()]

    def snapshot(self) -> bytes:
        """Return the whole state."""
        return self.state.dump()

    def restore(self, blob: bytes) -> None:
        """Take up a state made by `snapshot`. Raises ValueError when it is not one."""
        self.state = VelocityState.load(blob, windows_ms=self._windows_ms)

    def poison(self, entry_id: str) -> list[Command]:
        """Answer an entry that nobody can read."""
        self._journal.advanced(self._journal.start(), 0)
        if self._told is not None:
            self._told(None, 0)
        return [self._add(entry_id, OutputEntry("empty", self.state.now))]

    def _add(self, entry_id: str, answer: OutputEntry) -> Command:
        flat = [part for pair in answer.to_fields().items() for part in pair]
        return ("XADD", self._stream, entry_id, *flat)
