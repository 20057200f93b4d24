"""Which events were counted already: two feeds processes may tell of the same one."""

from __future__ import annotations

from collections.abc import Sequence

from foreshock_model.batch import Columns
from foreshock_model.dedupe import Dedupe
from foreshock_velocity.domain.arrays import Array

MOST = 1 << 18
"""Events that are remembered at least: 26 s at 10,000 a second, as long as a feeds process takes over in many times."""
AGE_NS = 600_000_000_000
"""In a calmer market for so long at least, so that snapshots stay small."""


class Repeats:
    """Remembers the keys of the newest events of a partition, by the stream's clock."""

    def __init__(self) -> None:
        self._seen = Dedupe(MOST)
        self.since = 0
        """When the younger keys began, ns UTC."""

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return self._seen.nbytes

    def leave_out(self, liquidations: Columns, now: int) -> Columns:
        """Return the rows that were not there before, and remember them. now: ns UTC by the stream's clock."""
        if not liquidations["event_id"].size:
            return liquidations
        if now - self.since >= AGE_NS:
            self._seen.turn()
            self.since = now
        fresh = self._seen.fresh(liquidations["event_id"])
        return liquidations if fresh is None else {name: column[fresh] for name, column in liquidations.items()}

    def dump(self) -> tuple[Array, Array]:
        """Return the keys of the older and of the younger generation, (n,) uint64."""
        return self._seen.generations()

    def load(self, keys: Sequence[Array], since: int) -> None:
        """Take up what `dump` returned, and `since`."""
        old, young = keys
        self._seen.load(old, young)
        self.since = since
