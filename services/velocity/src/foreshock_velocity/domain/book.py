"""All that is known of all symbols: names, windows, marks and venue delays, grown together and dumped together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from foreshock_model.batch import InstrumentRef
from foreshock_velocity.domain.arrays import Array
from foreshock_velocity.domain.config import VelocityConfig
from foreshock_velocity.domain.current import NewestMark
from foreshock_velocity.domain.registry import NO_PAIR, Registry
from foreshock_velocity.domain.rows import Rows
from foreshock_velocity.domain.sizes import Sizes
from foreshock_velocity.domain.symbols import Symbols
from foreshock_velocity.domain.windows import SIDES, STEPS_PER_USD, Windows

SWEEP_NS = 60_000_000_000
"""How often pairs whose windows are empty lose their slots: so long after the longest window, at most."""
_NONE = np.empty(0, np.int64)
RING_ARRAYS = 4
"""Arrays of a snapshot that hold what stands in rings."""


class BookNames(msgspec.Struct, frozen=True, kw_only=True):
    """The names of a dumped book, and how many cells of its rings are not empty."""

    symbols: list[str]
    venues: list[str]
    sources: list[str]
    pairs: int
    cells: int


class Book:
    """Registry, windows and symbol columns in step with each other.

    source_names  the contracts that gave a mark price, by number
    delays        ms by venue, as feeds said last
    """

    def __init__(self, windows_ms: tuple[int, ...], config: VelocityConfig) -> None:
        self.registry = Registry()
        self.windows = Windows(windows_ms)
        self.symbols = Symbols()
        self.sizes = Sizes()
        self.source_names: list[str] = []
        self.delays: dict[str, int] = {}
        self._sources: dict[str, int] = {}
        self._config = config
        self._disabled: frozenset[str] = frozenset()
        self._delay = np.zeros(0, np.int64)
        self._pair_delay = _NONE
        """Of each pair, made anew when it is wanted and no longer true."""
        self._swept = 0
        self.configure(config)

    def configure(self, config: VelocityConfig) -> None:
        """Take up venue delays and disabled symbols."""
        self._config = config
        self._disabled = frozenset(config.disabled_symbols)
        self.symbols.disable(self.registry.find_symbol(each) for each in self._disabled)
        self._take_delays()

    def learn(self, delays: Mapping[str, int]) -> None:
        """Take up what feeds say of delays, ms by venue; venues not named keep theirs."""
        self.delays |= delays
        self._take_delays()

    def _take_delays(self) -> None:
        venues = self.registry.venues
        self._delay = np.array([self._config.delay_ns(each, self.delays) for each in venues], np.int64)
        self._pair_delay = _NONE

    def source(self, instrument: str) -> int:
        """Return the number of a contract that gives mark prices."""
        number = self._sources.get(instrument)
        if number is None:
            number = self._sources[instrument] = len(self.source_names)
            self.source_names.append(instrument)
        return number

    def pairs_of(self, instruments: tuple[InstrumentRef, ...], ref: Array) -> Array:
        """Return (N,) pairs of rows that point at `instruments` by `ref` (N,); new names are entered."""
        known = [self.registry.find_pair(each.symbol, each.venue) for each in instruments]
        if NO_PAIR not in known:
            return np.array(known, np.int64).take(ref)
        used = np.zeros(len(instruments), np.bool_)
        used[ref] = True
        numbers = np.full(len(instruments), NO_PAIR, np.int64)
        for each in np.flatnonzero(used).tolist():
            numbers[each] = self.registry.pair(instruments[each].symbol, instruments[each].venue)
        self.resize()
        return numbers.take(ref)

    def resize(self) -> None:
        """Bring windows, columns and delays up to the registry."""
        registry = self.registry
        if registry.pairs > self.windows.size:
            self.windows.resize(registry.pairs)
            self._pair_delay = _NONE
        if len(registry.symbols) > self.symbols.size:
            self.symbols.resize(registry.symbols, self._disabled)
            self.sizes.resize(len(registry.symbols))
        if len(registry.venues) > len(self._delay):
            self._take_delays()

    def place(self, pair: Array, rows: Rows) -> None:
        """Put rows of pairs (N,) into their windows, whose frontiers are up to date."""
        self.windows.place(pair, rows.side, ts=rows.ts, usd=rows.usd)
        self.sizes.take(self.registry.pair_symbol.take(pair), rows.side, rows.usd / STEPS_PER_USD)

    def newest_mark(self, number: int) -> NewestMark:
        """Return the newest mark price, and funding rate, of a symbol that has one."""
        symbols = self.symbols
        return NewestMark(
            self.registry.symbols[number],
            float(symbols.mark[number]),
            int(symbols.mark_ts[number]),
            self.source_names[symbols.mark_source[number]],
            float(symbols.funding[number]),
            int(symbols.funding_ts[number]),
        )

    def delay_of(self, pairs: Array) -> Array:
        """Return (...,) how far silent frontiers of pairs (...,) stay behind the clock, ns."""
        if not len(self._pair_delay):
            known = self._delay if len(self._delay) else np.zeros(1, np.int64)
            self._pair_delay = known.take(self.registry.pair_venue)
        return self._pair_delay.take(pairs)

    def frontier(self, pairs: Array, now: int) -> Array:
        """Return (N,) frontiers of pairs at `now`, ns UTC: max(newest ts_event, now - delay)."""
        fronts: Array = np.maximum(self.windows.front.take(pairs), now - self.delay_of(pairs))
        return fronts

    def move_to(self, table: Array, as_of: Array) -> Array:
        """Move all pairs of a table (R, V) to their frontiers at `as_of` (R,).

        Returns (R,) True where events left a window. The pair that is nobody's moves along and stays empty.
        """
        fronts = as_of[:, None] - self.delay_of(table)
        lost = self.windows.move_to(table.ravel(), fronts.ravel())
        return lost if table.shape[1] == 1 else np.logical_or.reduce(lost.reshape(table.shape), axis=1)

    def filled(self, table: Array) -> Array:
        """Return (R,) True where the longest window of some pair of a table (R, V) holds something."""
        last = self.windows.top[self.windows.slot.take(table), :, -1]
        some: Array = np.logical_or.reduce(last.reshape(len(table), -1), axis=1)
        return some

    def sweep(self, now: int) -> None:
        """Let go, once in SWEEP_NS, of what pairs hold that fell silent; now is ns UTC. No figure changes by it."""
        if now // SWEEP_NS > self._swept:
            self._swept = now // SWEEP_NS
            self.windows.evict()

    def move_all(self, now: int) -> None:
        """Move every pair to its frontier at `now`."""
        pairs = np.arange(1, self.registry.pairs)
        self.windows.move_to(pairs, now - self.delay_of(pairs))

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, spare room included."""
        own = self._pair_delay.nbytes
        return own + self.windows.nbytes + self.symbols.nbytes + self.sizes.nbytes + self.registry.nbytes

    def names(self) -> BookNames:
        """Return what `load` needs beside the arrays."""
        return BookNames(
            symbols=self.registry.symbols,
            venues=self.registry.venues,
            sources=self.source_names,
            pairs=self.registry.pairs,
            cells=int(np.count_nonzero(self.windows.cells["count"][: self.windows.used])),
        )

    def arrays(self) -> list[Array]:
        """Return the state as arrays in the order of `layout`; rings only where they hold something."""
        windows, registry, pairs = self.windows, self.registry, self.registry.pairs
        held = np.flatnonzero(windows.slot[:pairs])
        row, side, cell = windows.cells["count"][windows.slot[held]].nonzero()
        found = windows.cells[windows.slot[held[row]], side, cell]
        return [
            registry.pair_symbol[:pairs],
            registry.pair_venue[:pairs],
            windows.front[:pairs],
            windows.totals[:pairs],
            (held[row] * SIDES + side) * windows.rings.cells + cell,
            *(found[name] for name in ("count", "usd", "largest")),
            *self.sizes.snapshot(),
            *(getattr(self.symbols, name)[: self.symbols.size] for name, _, _ in Symbols.FILLS),
        ]

    @staticmethod
    def layout(names: BookNames) -> list[tuple[str, tuple[int, ...]]]:
        """Return (type, shape) of each array."""
        pairs, cells, symbols = names.pairs, names.cells, len(names.symbols)
        return [
            ("<i8", (pairs,)),
            ("<i8", (pairs,)),
            ("<i8", (pairs,)),
            ("<i8", (pairs, SIDES, 2)),
            ("<i8", (cells,)),
            ("<i4", (cells,)),
            ("<i8", (cells,)),
            ("<f4", (cells,)),
            *Sizes().layout(symbols),
            *((dtype, (symbols,)) for _, dtype, _ in Symbols.FILLS),
        ]

    def load(self, names: BookNames, arrays: Sequence[Array]) -> None:
        """Fill an empty book. Raises ValueError when the arrays contradict each other."""
        pair_symbol, pair_venue, front, totals, *rest = arrays
        self._enter(names, pair_symbol, pair_venue)
        self.windows.front[: names.pairs], self.windows.totals[: names.pairs] = front, totals
        self._fill(*rest[:RING_ARRAYS])
        columns = rest[RING_ARRAYS:]
        own = len(Sizes.COLUMNS)
        self.sizes.restore(columns[:own])
        for (name, _, _), column in zip(Symbols.FILLS, columns[own:], strict=True):
            getattr(self.symbols, name)[: len(names.symbols)] = column

    def _enter(self, names: BookNames, pair_symbol: Array, pair_venue: Array) -> None:
        for symbol in names.symbols:
            self.registry.symbol(symbol)
        for venue in names.venues:
            self.registry.venue(venue)
        for symbol, venue in zip(pair_symbol[1:].tolist(), pair_venue[1:].tolist(), strict=True):
            if not (0 <= symbol < len(names.symbols) and 0 <= venue < len(names.venues)):
                msg = f"snapshot: a pair of symbol {symbol} and venue {venue} that have no names"
                raise ValueError(msg)
            self.registry.pair(names.symbols[symbol], names.venues[venue])
        for instrument in names.sources:
            self.source(instrument)
        if self.registry.pairs != names.pairs or len(self.registry.symbols) != len(names.symbols):
            raise ValueError("snapshot: a symbol or a pair is named twice")
        self.resize()

    def _fill(self, cells: Array, count: Array, usd: Array, largest: Array) -> None:
        ring = SIDES * self.windows.rings.cells
        if cells.size and not (ring <= cells[0] and cells[-1] < self.registry.pairs * ring):
            raise ValueError("snapshot: a ring cell that belongs to no pair")
        if (np.diff(cells) <= 0).any():
            raise ValueError("snapshot: ring cells out of order")
        self.windows.fill(cells // ring, cells % ring, count=count, usd=usd, largest=largest)
