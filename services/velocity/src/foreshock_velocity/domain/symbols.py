"""What is kept of each symbol beside its windows: newest mark price, whether it lives, when it was last told of."""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

import numpy as np

from foreshock_velocity.domain.arrays import Array, capacity_for, grown
from foreshock_velocity.domain.windows import LONG_AGO

MARK_HELD_NS = 5_000_000_000
"""A symbol's mark comes from one contract until that has been silent for so long. Contracts differ by a basis
that moves slowly; hopping between them would look like volatility."""
EDGES_A_BEAT = 10
"""An unchanged symbol is told of at one grid point in ten; which one depends on its name, to spread the work."""
NO_SOURCE = -1


class Symbols:
    """Columns over symbols; times are ns UTC.

    live          (S,) its last row had a liquidation in some window
    disabled      (S,) gets no rows
    row_at        (S,) time of the last row;  published_at of the last JSON
    mark, mark_ts (S,) newest mark price [USD], the venue's time of it
    mark_source, mark_rank, mark_seen   (S,) number and rank of the contract that gives it, the clock when it spoke
    mark_published_at (S,) clock of the last JSON of the mark
    funding, funding_ts (S,) newest funding rate [fraction] of the contract that gives the mark, the venue's time of it
    """

    FILLS: tuple[tuple[str, str, float], ...] = (
        ("live", "?", 0),
        ("row_at", "<i8", LONG_AGO),
        ("published_at", "<i8", LONG_AGO),
        ("mark", "<f8", np.nan),
        ("mark_ts", "<i8", 0),
        ("mark_source", "<i4", NO_SOURCE),
        ("mark_rank", "<i1", 0),
        ("mark_seen", "<i8", LONG_AGO),
        ("mark_published_at", "<i8", LONG_AGO),
        ("funding", "<f8", np.nan),
        ("funding_ts", "<i8", 0),
    )
    """The columns of a snapshot: name, type, value of a symbol never heard of."""

    live: Array
    row_at: Array
    published_at: Array
    mark: Array
    mark_ts: Array
    mark_source: Array
    mark_rank: Array
    mark_seen: Array
    mark_published_at: Array
    funding: Array
    funding_ts: Array

    def __init__(self) -> None:
        for name, dtype, _ in self.FILLS:
            setattr(self, name, np.empty(0, dtype))
        self.disabled = np.zeros(0, np.bool_)
        self.phase = np.zeros(0, np.int64)
        self.size = 0

    def resize(self, names: list[str], disabled: frozenset[str]) -> None:
        """Make room for the symbols of `names`, the first of which are known."""
        capacity = capacity_for(len(names))
        if capacity > len(self.disabled):
            for name, _, fill in self.FILLS:
                setattr(self, name, grown(getattr(self, name), capacity, fill))
            self.disabled, self.phase = grown(self.disabled, capacity), grown(self.phase, capacity)
        for number in range(self.size, len(names)):
            self.phase[number] = crc32(names[number].encode()) % EDGES_A_BEAT
            self.disabled[number] = names[number] in disabled
        self.size = len(names)

    def disable(self, numbers: Iterable[int | None]) -> None:
        """Disable these symbols and enable all others; None is a symbol never seen."""
        self.disabled[:] = False
        self.disabled[[number for number in numbers if number is not None]] = True

    def beat(self, ids: Array, *, at: int, since: Array, cadence: int) -> Array:
        """Return (R,) True where a symbol's turn to be told of came up between `since` (R,) and `at`, ns UTC."""
        phase = self.phase[ids]
        due: Array = (at // cadence + phase) // EDGES_A_BEAT > (since // cadence + phase) // EDGES_A_BEAT
        return due

    def take_mark(self, symbol: int, *, price: float, ts: int, source: tuple[int, int], now: int) -> bool:
        """Take a mark price, unless another contract gives this symbol's; source is its (number, rank), 0 the best."""
        number, rank = source
        if self.mark_source[symbol] == number:
            if ts < self.mark_ts[symbol]:
                return False
        elif now - self.mark_seen[symbol] <= MARK_HELD_NS and rank >= self.mark_rank[symbol]:
            return False
        else:
            self.funding[symbol] = np.nan  # it was that of another contract
        self.mark[symbol], self.mark_ts[symbol], self.mark_seen[symbol] = price, ts, now
        self.mark_source[symbol], self.mark_rank[symbol] = number, rank
        return True

    def take_funding(self, symbol: int, *, rate: float, ts: int, source: int) -> None:
        """Take a funding rate of the contract that gives the symbol's mark; those of others are not comparable."""
        if self.mark_source[symbol] == source:
            self.funding[symbol], self.funding_ts[symbol] = rate, ts

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays, spare room included."""
        columns = sum(getattr(self, name).nbytes for name, _, _ in self.FILLS)
        return int(columns) + self.disabled.nbytes + self.phase.nbytes


def rank_of(symbol: str, instrument: str) -> int:
    """Rank a contract as a source of its symbol's mark: 0 the perpetual of that name, 1 another one, 2 dated."""
    name = instrument.partition(".")[0]
    if not name.endswith("-PERP"):
        return 2
    return 0 if name == f"{symbol}-PERP" else 1
