"""The simulator's own account: what was offered, what the throttle kept, what went out on a socket or otherwise."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from foreshock_lab.domain.facts import Fact


class Ledger:
    """Counts every distinct row once, when it is first written to a subscribed socket.

    Rows that a venue tells otherwise, of its past, are kept apart: a client may take them or know them already.
    Rows are facts; by_id: event ids, where recorded frames are all there is.
    """

    def __init__(self, *, by_id: bool = False) -> None:
        self.by_id = by_id
        self.duplicates_sent = 0
        """Rows that went out again, on purpose or on a second socket."""
        self._offered: list[Fact] = []
        self._happened: set[Fact] = set()
        self._sent: dict[Hashable, int] = {}
        self._recalled: set[Hashable] = set()
        self._withheld: set[int] = set()

    @property
    def sent(self) -> Mapping[Hashable, int]:
        """Distinct rows written, and when they first were (ns UTC)."""
        return self._sent

    @property
    def recalled(self) -> AbstractSet[Hashable]:
        """Distinct rows that a venue told of its past, on subscribing or by REST."""
        return self._recalled

    @property
    def expected(self) -> int:
        """Distinct rows that should come out if clients take all that they were told."""
        return len(self._sent.keys() | self._recalled)

    @property
    def throttled(self) -> int:
        """Rows the venue's throttle withheld for good."""
        return sum(self._offered[row] not in self._sent for row in self._withheld)

    @property
    def offered(self) -> int:
        """Rows that happened."""
        return len(self._offered)

    def offer(self, fact: Fact) -> int:
        """Enter a row that happened; return its number."""
        self._offered.append(fact)
        self._happened.add(fact)
        return len(self._offered) - 1

    def knows(self, row: Hashable) -> bool:
        """Tell whether the row happened, or was written."""
        return row in self._sent or row in self._happened

    def withheld(self, rows: Iterable[int]) -> None:
        """Enter rows that the venue's throttle keeps to itself."""
        self._withheld.update(rows)

    def facts(self, rows: Sequence[int]) -> list[Fact]:
        """Return offered rows by number."""
        return [self._offered[row] for row in rows]

    def recall(self, rows: Iterable[Hashable]) -> None:
        """Enter those of these rows that happened: a venue told them of its past."""
        self._recalled.update(row for row in rows if self.knows(row))

    def wrote(self, rows: Iterable[Hashable], now: int) -> None:
        """Enter rows written to a subscribed socket at `now` (ns UTC)."""
        for row in rows:
            if row in self._sent:
                self.duplicates_sent += 1
            else:
                self._sent[row] = now
