"""The pure steps of the house, one partition's entries after another: what velocity and signals answer to each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from foreshock_model import keys
from foreshock_model.entries import InputEntry, InputKind, OutputEntry
from foreshock_signals.domain.market import MarketState
from foreshock_signals.domain.outcome import Outcome
from foreshock_signals.domain.prior_model import PRIOR_MODEL
from foreshock_signals.domain.state import SignalsState
from foreshock_velocity.domain import VelocityState
from foreshock_velocity.domain.current import Publication

NS_PER_MS = 1_000_000
MARKET_WRITER = "market"


class Answered(NamedTuple):
    """One input with what became of it."""

    partition: int
    entry_id: str
    entry: InputEntry
    answer: OutputEntry
    outcome: Outcome


class PartitionSteps:
    """Velocity and signals of one partition, from nothing. tracked: the symbols that signals is told to track in it."""

    def __init__(self, partition: int, tracked: tuple[str, ...]) -> None:
        self._partition = partition
        self._velocity = VelocityState()
        self._velocity.warming = True  # as an owner says to a state that begins with nothing
        self._signals = SignalsState(tracked=tracked)

    def take(self, entry_id: str, entry: InputEntry) -> Answered:
        """Answer an entry. Raises what the steps raise."""
        answer = self._velocity.advance(entry_id, entry)
        outcome = self._signals.advance(entry_id, answer)
        return Answered(self._partition, entry_id, entry, answer, outcome)

    def latest(self) -> list[Publication]:
        """Return the newest figures that became due since the last call, key and JSON."""
        return self._velocity.publications()


class HouseSteps:
    """All partitions and the market stage between them; numbers and names the entries itself."""

    def __init__(self, partitions: int, tracked: tuple[str, ...]) -> None:
        self._parts = [PartitionSteps(each, tracked_in(each, partitions, tracked)) for each in range(partitions)]
        self._market = MarketState(PRIOR_MODEL)
        self._seq: dict[tuple[str, int], int] = {}
        self._ms = 0
        self._number = 0

    def take(self, partition: int, kind: InputKind, *, writer: str, clock: int, data: bytes) -> Answered:
        """Answer what a writer would write to a partition. clock: ns UTC."""
        seq = self._seq[writer, partition] = self._seq.get((writer, partition), 0) + 1
        found = self._parts[partition].take(self._next_id(clock), InputEntry(kind, writer, 1, seq, clock, data))
        self._market.observe(found.answer)
        return found

    def latest(self, partition: int) -> list[Publication]:
        """Return a partition's newest figures that became due since the last call, key and JSON."""
        return self._parts[partition].latest()

    def market(self) -> Iterator[Answered]:
        """Tell every partition of the market when it is time."""
        market = self._market.due()
        if market is not None:
            data = msgspec.json.encode(market)
            for partition in range(len(self._parts)):
                yield self.take(partition, "market", writer=MARKET_WRITER, clock=market.clock, data=data)

    def _next_id(self, clock: int) -> str:
        """Return an id as the server gives them: by time, never falling."""
        ms = clock // NS_PER_MS
        self._number = 0 if ms > self._ms else self._number + 1
        self._ms = max(ms, self._ms)
        return f"{self._ms}-{self._number}"


def tracked_in(partition: int, partitions: int, symbols: tuple[str, ...]) -> tuple[str, ...]:
    """Return the symbols that belong to a partition."""
    return tuple(each for each in symbols if keys.partition_of(each, partitions) == partition)
