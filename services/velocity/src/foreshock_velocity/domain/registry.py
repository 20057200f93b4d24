"""Numbers for names: symbols, venues and pairs (a symbol at a venue), in the order they were first seen."""

from __future__ import annotations

from bisect import bisect
from itertools import compress
from typing import NamedTuple

import numpy as np

from foreshock_velocity.domain.arrays import Array, capacity_for, grown

NO_PAIR = 0
FIRST_VENUES = 4


class Registry:
    """Names and their numbers. Pair 0 is nobody's.

    pair_of      (S, V) number of the pair of a symbol at a venue, 0 where there is none
    pair_symbol  (P,) symbol of a pair;  pair_venue (P,) its venue
    by_name      (S,) symbols in alphabetical order;  venues_by_name (V,) likewise
    """

    def __init__(self) -> None:
        self.symbols: list[str] = []
        self.venues: list[str] = []
        self.pairs = 1
        self.by_name = np.empty(0, np.int64)
        self.venues_by_name = np.empty(0, np.int64)
        self.pair_symbol = np.zeros(capacity_for(1), np.int64)
        self.pair_venue = np.zeros(capacity_for(1), np.int64)
        self.pair_of = np.zeros((capacity_for(1), FIRST_VENUES), np.int64)
        self._tables: _Tables | None = None
        self._symbol_names: list[str] = []
        self._venue_names: list[str] = []
        self._symbols: dict[str, int] = {}
        self._venues: dict[str, int] = {}
        self._pairs: dict[tuple[str, str], int] = {}

    def find_symbol(self, symbol: str) -> int | None:
        """Return a symbol's number, None when it was never seen."""
        return self._symbols.get(symbol)

    def symbol(self, symbol: str) -> int:
        """Return a symbol's number, giving it one at first sight."""
        number = self._symbols.get(symbol)
        if number is None:
            number = self._symbols[symbol] = len(self.symbols)
            self.symbols.append(symbol)
            self.by_name = _inserted(self.by_name, self._symbol_names, symbol)
            self.pair_of = grown(self.pair_of, capacity_for(number + 1))
            self._tables = None
        return number

    def find_pair(self, symbol: str, venue: str) -> int:
        """Return the pair's number, NO_PAIR when it was never seen."""
        return self._pairs.get((symbol, venue), NO_PAIR)

    def pair(self, symbol: str, venue: str) -> int:
        """Return the pair's number, giving it one at first sight."""
        number = self._pairs.get((symbol, venue))
        if number is None:
            number = self._pairs[symbol, venue] = self.pairs
            self.pairs += 1
            self._enter(number, self.symbol(symbol), self.venue(venue))
        return number

    def _enter(self, pair: int, symbol: int, venue: int) -> None:
        capacity = capacity_for(self.pairs)
        if capacity > len(self.pair_symbol):
            self.pair_symbol = grown(self.pair_symbol, capacity)
            self.pair_venue = grown(self.pair_venue, capacity)
        self.pair_symbol[pair], self.pair_venue[pair] = symbol, venue
        self.pair_of[symbol, venue] = pair
        self._tables = None

    def venue(self, venue: str) -> int:
        """Return a venue's number, giving it one at first sight."""
        number = self._venues.get(venue)
        if number is None:
            number = self._venues[venue] = len(self.venues)
            self.venues.append(venue)
            self.venues_by_name = _inserted(self.venues_by_name, self._venue_names, venue)
            if number >= self.pair_of.shape[1]:
                self.pair_of = grown(self.pair_of.T, 2 * number).T.copy()
            self._tables = None
        return number

    def table(self, ids: Array) -> tuple[Array, tuple[str, ...]]:
        """Return (pairs (R, V), venues) of symbols: the venues seen for any of them, by name."""
        tables = self._tables
        if tables is None:
            tables = self._tables = _Tables(
                self.pair_of.take(self.venues_by_name, axis=1), tuple(self._venue_names), {}
            )
        if len(ids) > 1:
            return tables.of(ids)
        number = ids.item()
        found = tables.single.get(number)
        if found is None:
            found = tables.single[number] = tables.of(ids)
        return found

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays, spare room included."""
        ordered = 0 if self._tables is None else self._tables.pairs.nbytes
        return ordered + self.pair_of.nbytes + self.pair_symbol.nbytes + self.pair_venue.nbytes + self.by_name.nbytes


class _Tables(NamedTuple):
    """What `table` reads, until a name comes.

    pairs (S, V) at venues by name;  venues: these;  single: the tables of single symbols that were asked for
    """

    pairs: Array
    venues: tuple[str, ...]
    single: dict[int, tuple[Array, tuple[str, ...]]]

    def of(self, ids: Array) -> tuple[Array, tuple[str, ...]]:
        pairs = self.pairs.take(ids, axis=0)
        if np.count_nonzero(pairs) == pairs.size:
            return pairs, self.venues
        seen: Array = np.logical_or.reduce(pairs, axis=0)
        return pairs.compress(seen, axis=1), tuple(compress(self.venues, seen.tolist()))


def _inserted(order: Array, names: list[str], name: str) -> Array:
    """Add the newest name to the sorted `names`, and its number to the order that goes with them."""
    at = bisect(names, name)
    names.insert(at, name)
    return np.insert(order, at, len(order))
