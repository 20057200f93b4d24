"""Who writes a route: this process, while it holds the route's lease, or another, while this one keeps the rows.

Times are of the steady clock [ns], where they are not called ns UTC.
"""

from __future__ import annotations

from collections.abc import Callable

from foreshock_feeds.domain.ingest import Ingested
from foreshock_feeds.domain.standby import KEPT_NS, Standby

Write = Callable[[Ingested], None]


class Holding:
    """One route: what comes is written, or kept for the case that the other process is gone.

    A lease that could not be renewed in time because this process stood still proves nothing: another may have it,
    so rows are kept until the next answer. While the server is away nobody can have it, so who had it goes on.

    held       it was granted and not refused since
    takeovers  times that this process began to write the route
    other_at   when another was last known to hold it, ns UTC, 0 never
    """

    def __init__(self, write: Write, ttl_ns: int, steady: int) -> None:
        self.held = False
        self.takeovers = 0
        self.other_at = 0
        self.kept = Standby()
        self._write = write
        self._ttl = ttl_ns
        self._asked = 0
        self._away = False
        self._polite_until = 0
        self._good_alone_until = steady + ttl_ns

    def writes(self, steady: int) -> bool:
        """Tell whether what comes now goes out."""
        return self.held and (self._away or steady - self._asked < self._ttl)

    def take(self, found: Ingested, now: int, steady: int) -> None:
        """Take rows that came. now: ns UTC by the receive clock."""
        if self.writes(steady):
            self._let_go(now)
            self._write(found)
        else:
            self.kept.keep(found, now)

    def granted(self, asked: int, now: int) -> None:
        """Say that the lease is held, by an answer to what was asked then."""
        self.takeovers += not self.held
        self.held, self._away, self._asked = True, False, asked
        self._let_go(now)

    def refused(self, asked: int, now: int) -> None:
        """Say that another holds the lease."""
        self.held = self._away = False
        self.other_at, self._good_alone_until = now, asked + self._ttl

    def unreachable(self, steady: int, now: int) -> None:
        """Say that the server did not answer. Who did not hold the lease lets the one who did go first after that."""
        self._polite_until = steady + self._ttl
        if self.held:
            self._away = True
            self._let_go(now)

    def given_up(self, steady: int) -> None:
        """Say that the lease is free, for another whose route is good; where none is, this one has it again later."""
        self.held = self._away = False
        self._good_alone_until = steady + self._ttl

    def renews(self, steady: int) -> bool:
        """Tell whether it is time to renew."""
        return self.held and steady - self._asked >= self._ttl // 3

    def tries(self, steady: int, *, good: bool) -> bool:
        """Tell whether to ask for the lease. good: the route loses nothing; one that may lets others go first."""
        return not self.held and steady >= max(self._polite_until, 0 if good else self._good_alone_until)

    def yields(self, *, good: bool) -> bool:
        """Tell whether to give the lease up: the route may lose something, and another's may not."""
        return self.held and not good and not self._away

    def _let_go(self, now: int) -> None:
        if self.kept.rows:
            for piece in self.kept.release(now):
                self._write(piece)


def gap_since(missed_since: int, other_at: int) -> int:
    """Return from when on this process's gap is one of the streams', ns UTC: another wrote the route until other_at."""
    return max(missed_since, other_at - KEPT_NS) if other_at else missed_since
