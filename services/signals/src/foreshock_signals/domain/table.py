"""What is remembered of each symbol: one growing structured array, a row a symbol, columns by side where it matters."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from foreshock_signals.domain import priors

MAX_VENUES = 16
"""Venues told apart in the correlation; a further one still counts everywhere else."""
SIDES = ("LONG", "SHORT")

Array = npt.NDArray[Any]
Rows = npt.NDArray[np.void]
"""Rows of the table: a copy to work on, or the table itself."""

ROW = np.dtype(
    [
        # Packaged priors, per side: liquidations a second and USD of one.
        ("prior_rate", "<f8"),
        ("prior_size", "<f8"),
        # ns UTC: first sight, newest input, newest publication of the probability key; 0 is never.
        ("first", "<i8"),
        ("last", "<i8"),
        ("assessed", "<i8"),
        # Baseline: totals at the newest input, decayed sums of events and clipped USD, and the seconds they cover.
        ("total_count", "<f8", (2,)),
        ("total_usd", "<f8", (2,)),
        ("events", "<f8", (2,)),
        ("usd", "<f8", (2,)),
        ("exposure", "<f8", (2,)),
        # Events and clipped USD that came faster than is learnt from at once.
        ("waiting", "<f8", (2,)),
        ("waiting_usd", "<f8", (2,)),
        # Burst under way since (ns, 0 is none) and the regime's multiplier frozen at its start.
        ("burst", "<i8", (2,)),
        ("multiplier", "<f8", (2,)),
        # Residual correlation of venues: the open 1 s bin, totals at its start, moments.
        ("bin", "<i8"),
        ("bin_total", "<f8", (2, MAX_VENUES)),
        ("bin_level", "<f8", (2, MAX_VENUES)),
        ("bin_variance", "<f8", (2, MAX_VENUES)),
        ("bin_sum_variance", "<f8", (2,)),
        ("bins", "<f8", (2,)),
        # Levels: probability, level, level last published, ns since when each level's entry condition holds, ns since
        # when the hold condition fails, ns of the last signal. active: the newest input still showed liquidations.
        ("probability", "<f8", (2,)),
        ("level", "<i8", (2,)),
        ("published", "<i8", (2,)),
        ("above", "<i8", (2, 4)),
        ("below", "<i8", (2,)),
        ("said", "<i8", (2,)),
        ("active", "?"),
        # Venues that ever liquidated; the last column stands for all beyond MAX_VENUES.
        ("venues", "?", (MAX_VENUES + 1,)),
        ("input_warming", "?"),
    ]
)


class SymbolTable:
    """Rows by symbol. The order of rows is the order in which symbols came."""

    def __init__(self) -> None:
        self.symbols: list[str] = []
        self._index: dict[str, int] = {}
        self._rows: Rows = np.zeros(16, ROW)

    def __len__(self) -> int:
        return len(self.symbols)

    @property
    def rows(self) -> Rows:
        """The rows in use, as a view."""
        return self._rows[: len(self.symbols)]

    def locate(self, symbols: tuple[str, ...]) -> Array:
        """Return the row numbers (int64) of symbols, adding rows for new ones."""
        index = self._index
        try:
            found = [index[symbol] for symbol in symbols]
        except KeyError:
            found = [self._add(symbol) for symbol in symbols]
        return np.array(found, np.int64)

    def restore(self, symbols: list[str], rows: Rows) -> None:
        """Take up the rows of a snapshot. Raises ValueError when names and rows do not match."""
        if len(symbols) != len(rows) or len(set(symbols)) != len(symbols) or rows.dtype != ROW:
            msg = f"{len(symbols)} symbols and {len(rows)} rows do not make a table"
            raise ValueError(msg)
        self.symbols = symbols
        self._index = {symbol: at for at, symbol in enumerate(symbols)}
        self._rows = np.concatenate([rows, np.zeros(max(16, len(rows)), ROW)])

    def _add(self, symbol: str) -> int:
        known = self._index.get(symbol)
        if known is not None:
            return known
        at = len(self.symbols)
        if at == len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros(at, ROW)])
        prior = priors.of(symbol)
        row = self._rows[at]
        row["prior_rate"], row["prior_size"], row["multiplier"] = prior.rate, prior.size, 1.0
        self._index[symbol] = at
        self.symbols.append(symbol)
        return at
