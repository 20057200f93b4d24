"""What is concluded of a partition's symbols beyond windows: hidden orders, correlation, self-excitation, context.

Rows are noted as they come and worked through at the first entry whose clock passes a 100 ms grid point, so that a
burst costs little more than its arrays; context, which changes slowly, once a second. So these figures are up to
100 ms older than the windows they stand beside. All is a function of the stream alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from foreshock_model.batch import EventBatch, InstrumentRef
from foreshock_model.insight import GAUGES
from foreshock_model.tick import VenueCap
from foreshock_sdk.events import ContextField
from foreshock_velocity.domain import context
from foreshock_velocity.domain.arrays import Array, distinct
from foreshock_velocity.domain.balance import CAPPED, FREE, Balance
from foreshock_velocity.domain.book import Book
from foreshock_velocity.domain.context import Contracts, Marks, Whales
from foreshock_velocity.domain.correlation import BIN_NS, NEVER, Correlation
from foreshock_velocity.domain.excitation import BIN_NS as EXCITATION_NS
from foreshock_velocity.domain.excitation import Excitation
from foreshock_velocity.domain.intake import Taken
from foreshock_velocity.domain.pending import Pending
from foreshock_velocity.domain.rows import Rows
from foreshock_velocity.domain.saturation import Saturation
from foreshock_velocity.domain.table import Column, Table
from foreshock_velocity.domain.windows import NS_PER_MS, STEPS_PER_USD

GRID_NS = 100 * NS_PER_MS
SLOW_NS = 1_000 * NS_PER_MS
SLOWEST_NS = 3_000 * NS_PER_MS
"""A venue that tells later than this has no part in correlations."""
PAIR, SIDE, TS, RECV, LANE, SLOT = range(6)
CONTRACT, SYMBOL, FIELD, AT, IS_CAPPED = range(5)
UNTHROTTLED = -1
NO_LANES = (UNTHROTTLED, UNTHROTTLED, 0)
MOST_TOLD = 4
"""Rows of a lane between two grid points that a throttle of one or two a second can explain, a backlog included."""
_FIELDS = np.full(256, -1)
_FIELDS[ContextField.OPEN_INTEREST] = context.INTEREST
_FIELDS[ContextField.DEPTH_BID_10BP] = context.DEPTH_BID
_FIELDS[ContextField.DEPTH_ASK_10BP] = context.DEPTH_ASK
_FIELDS[ContextField.FUNDING] = context.FUNDING
_LEAST = np.array([0.0, 0.0, 0.0, -1.0])
_MOST = np.array([1e18, 1e13, 1e13, 1.0])
"""Bounds, not reached themselves, of believable values by field."""
AT_GAUGE = {name: number for number, name in enumerate(GAUGES)}
EXCITED = AT_GAUGE["reproduction_long"]
WHALES = AT_GAUGE["whale_share_long"]


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """What a dumped analysis is called and how large it is. Times are numbers of grid points or bins."""

    caps: dict[str, VenueCap]
    lanes: list[str]
    settled: int
    slow: int
    closed: int
    sizes: list[int]


class Told(Table):
    """The newest figures of symbols.

    gauges (S, G) as in GAUGES;  depth (S, 2) of bids and asks within 0.1 % [USD];  interest (S,) [coins]
    correction (S,) what the estimate of hidden USD is to be multiplied with
    """

    COLUMNS = (
        Column("gauges", "<f4", np.nan, (len(GAUGES),)),
        Column("depth", "<f8", np.nan, (2,)),
        Column("interest", "<f8", np.nan),
        Column("correction", "<f8", 1.0),
    )
    gauges: Array
    depth: Array
    interest: Array
    correction: Array


class Analysis:
    """Notes, works through, and keeps the figures that `telling` reads.

    caps  how venues thin their liquidations, as feeds said last
    """

    def __init__(self, windows_ms: tuple[int, ...]) -> None:
        self.caps: dict[str, VenueCap] = {}
        self.saturation = Saturation(windows_ms)
        self.correlation = Correlation()
        self.excitation, self.balance, self.whales = Excitation(), Balance(), Whales()
        self.contracts, self.marks, self.told = Contracts(), Marks(), Told()
        self.lane_names: list[str] = []
        self._lanes: dict[str, int] = {}
        self._lanes_of: dict[str, tuple[int, int, int]] = {}
        """Of contracts by name: the lanes of either side and the length of their slots in ns."""
        self._rows, self._context = Pending(6), Pending(5)
        self._settled = self._slow = NEVER

    def learn(self, caps: Mapping[str, VenueCap]) -> None:
        """Take up what feeds say of throttles; venues not named keep theirs."""
        if caps.items() <= self.caps.items():
            return
        self.caps |= caps
        self._lanes_of.clear()

    def note(self, batch: EventBatch, taken: Taken) -> None:
        """Note the liquidations of a batch that are in time, with their pairs."""
        rows, pair = taken.rows, taken.pair
        if rows is not None and pair is not None and pair.size:
            lane, slot = self._lane_of(batch, rows)
            self._rows.note((pair, rows.side, rows.ts, rows.recv, lane, slot), rows.usd / STEPS_PER_USD)

    def _lane_of(self, batch: EventBatch, rows: Rows) -> tuple[Array, Array]:
        """Return (lane, length of its slots in ns) of rows, UNTHROTTLED and 0 where the venue tells all."""
        if not self.caps:
            return np.full(len(rows.ref), UNTHROTTLED), np.zeros(len(rows.ref), np.int64)
        known = [self._lanes_of.get(each.instrument) for each in batch.instruments]
        if None in known:
            for ref in distinct(rows.ref, len(known))[0].tolist():
                known[ref] = self._lanes_of_contract(batch.instruments[ref])
        table = np.array([each or NO_LANES for each in known])
        return table[rows.ref, rows.side], table[rows.ref, 2]

    def _lanes_of_contract(self, contract: InstrumentRef) -> tuple[int, int, int]:
        cap, found = self.caps.get(contract.venue), NO_LANES
        if cap is not None:
            names = [f"{contract.instrument}#{side}" if cap.rows > 1 else contract.instrument for side in range(2)]
            long, short = map(self._lane, names)
            found = long, short, cap.slot_ms * NS_PER_MS * min(cap.rows, 2) // cap.rows
        self._lanes_of[contract.instrument] = found
        return found

    def _lane(self, name: str) -> int:
        number = self._lanes.get(name)
        if number is None:
            number = self._lanes[name] = len(self.lane_names)
            self.lane_names.append(name)
        return number

    def note_context(self, book: Book, batch: EventBatch) -> None:
        """Note the context of a batch; the book gets room for symbols that nothing else has named yet."""
        columns = batch.context
        if not columns["instrument"].size:
            return
        field = _FIELDS[columns["field"]]
        value = columns["value"]
        good = (field >= 0) & (value > _LEAST[field]) & (value < _MOST[field])
        if not good.any():
            return
        ref, field = columns["instrument"][good], field[good]
        numbers = np.zeros((len(batch.instruments), 3), np.int64)
        for each in np.unique(ref).tolist():
            contract = batch.instruments[each]
            symbol = book.registry.symbol(contract.symbol)
            numbers[each] = book.source(contract.instrument), symbol, contract.venue in self.caps
        book.resize()
        contract_, symbol_, capped = numbers[ref].T
        self._context.note((contract_, symbol_, field, columns["ts_event"][good], capped), value[good])

    def settle(self, book: Book, now: int) -> bool:
        """Work through what waits, if `now` (ns UTC) has passed a grid point; return whether a second passed, too."""
        if now // GRID_NS <= self._settled:
            return False
        before, self._settled = self._settled, now // GRID_NS
        self.fit(book)
        self.saturation.lanes.resize(len(self.lane_names))
        self.contracts.resize(len(book.source_names))
        late = self._take_rows(book, now)
        slow = now // SLOW_NS > self._slow
        ids = np.arange(self.told.size)
        clock = np.full(len(ids), now)
        self.told.gauges[ids, EXCITED : EXCITED + 4] = np.concatenate(self.excitation.reproduction(ids, clock), axis=1)
        again = late if before * GRID_NS // EXCITATION_NS == now // EXCITATION_NS else ids
        if again.size:
            found = np.concatenate(self.excitation.branching(again, clock[again]), axis=1)
            self.told.gauges[again, EXCITED + 4 : EXCITED + 8] = found
        if slow:
            self._slow = now // SLOW_NS
            self._take_context(now)
            self._refresh(book, ids, now)
        return slow

    def hides(self, pairs: Array) -> bool:
        """Tell whether any of these pairs may hide orders: then each row says so, not those at grid points alone."""
        return self.saturation.hide(pairs)

    def fit(self, book: Book) -> None:
        """Make room for all that the book knows."""
        if self.told.size == len(book.registry.symbols) and self.saturation.size == book.registry.pairs:
            return
        symbols, pairs = len(book.registry.symbols), book.registry.pairs
        by_symbol: tuple[Table, ...] = (self.excitation, self.balance, self.whales, self.marks, self.told)
        for table in by_symbol:
            table.resize(symbols)
        self.saturation.resize(pairs)
        self.correlation.series.resize(pairs)

    def _take_rows(self, book: Book, now: int) -> Array:
        """Work through liquidations; return the symbols (R,) whose branching ratio changed by them."""
        numbers, usd = self._rows.take()
        delay = book.delay_of(np.arange(book.registry.pairs))
        prompt = delay <= SLOWEST_NS
        oldest = now - int(delay[prompt].max(initial=0))
        pair, side, ts, recv, lane, slot = numbers.T
        symbol = book.registry.pair_symbol[pair]
        heard = prompt[pair]
        self.correlation.advance(
            pair=pair[heard], ts=ts[heard], until=oldest // BIN_NS - 1, table=book.registry.pair_of[: self.told.size]
        )
        if not pair.size:
            return np.empty(0, np.int64)
        thinned = self._obeyed(lane)
        full, at = usd.copy(), np.flatnonzero(thinned)
        full[at] += self.saturation.advance(lane=lane[at], pair=pair[at], usd=usd[at], at=recv[at], slot_ns=slot[at])
        calm: Array = ~np.logical_or.reduce(self.saturation.censored[book.registry.pair_of], axis=1)[symbol]
        kind = np.where(thinned, CAPPED, FREE)
        self.balance.advance(symbol=symbol, kind=kind, usd=full, at=ts, teaches=calm)
        self.whales.advance(symbol=symbol, side=side, usd=usd, ts=ts)
        ids, bins = self.excitation.advance(symbol=symbol, side=side, ts=ts)
        running = self.excitation.bin[ids]
        changed: Array = ids[(running != bins) | (running < now // EXCITATION_NS)]
        return changed

    def _obeyed(self, lane: Array) -> Array:
        """Return (N,) True for rows of thinned lanes, but for those that tell more than a throttle lets by."""
        thinned: Array = lane != UNTHROTTLED
        at = np.flatnonzero(thinned)
        thinned[at] = np.bincount(lane[at])[lane[at]] <= MOST_TOLD
        return thinned

    def _take_context(self, now: int) -> None:
        numbers, values = self._context.take()
        for field in range(len(_LEAST)):
            rows = np.flatnonzero(numbers[:, FIELD] == field)
            rows = rows[np.argsort(numbers[rows, AT], kind="stable")]
            contract = numbers[rows, CONTRACT]
            _, last = np.unique(contract[::-1], return_index=True)
            rows = rows[len(rows) - 1 - last]
            contract = numbers[rows, CONTRACT]
            self.contracts.capped[contract] = numbers[rows, IS_CAPPED]
            self.contracts.advance(
                field,
                contract=contract,
                symbol=numbers[rows, SYMBOL],
                value=values[rows],
                ts=np.minimum(numbers[rows, AT], now),
            )

    def _refresh(self, book: Book, ids: Array, now: int) -> None:
        """Bring the figures up to date that change slowly."""
        symbols, size, gauges = book.symbols, len(ids), self.told.gauges
        marked = np.flatnonzero(now - symbols.mark_seen[:size] <= context.MARK_FRESH_NS)
        self.marks.put(marked, symbols.mark_ts[marked], symbols.mark[marked])
        for name, back_ns in (("oi_change_60s", context.SHORT_NS), ("oi_change_300s", context.LONG_NS)):
            gauges[ids, AT_GAUGE[name]] = self.contracts.interest_change(now, back_ns, size)
        if self.contracts.size:
            funding, change = self.contracts.funding_of(symbols.mark_source[:size], now)
            gauges[ids, AT_GAUGE["funding"]], gauges[ids, AT_GAUGE["funding_change_300s"]] = funding, change
        self.told.interest[ids] = self.contracts.sums(context.INTEREST, now, size)
        self.told.depth[ids, 0] = self.contracts.sums(context.DEPTH_BID, now, size)
        self.told.depth[ids, 1] = self.contracts.sums(context.DEPTH_ASK, now, size)
        gauges[ids, WHALES : WHALES + 2] = self.whales.share(ids, now)
        self._correct(book, ids, now)

    def _correct(self, book: Book, ids: Array, now: int) -> None:
        """Ask for second opinions on what throttled venues hide."""
        raw, estimate, error = self.saturation.minute(book.registry.pair_of[: len(ids)], now)
        free = self.balance.minute(ids, now)
        with np.errstate(invalid="ignore"):
            drop = self.contracts.interest_drop(now, context.SHORT_NS, len(ids)) * book.symbols.mark[: len(ids)]
        self.told.correction[ids] = self.balance.correct(
            ids, now, raw=raw, estimate=estimate, error=error, drop_usd=drop
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            share = estimate / (estimate + free)
        self.told.gauges[ids, AT_GAUGE["estimate_error"]] = error * share

    def _tables(self) -> tuple[Table, ...]:
        contracts = self.contracts
        return (
            self.excitation,
            self.balance,
            self.whales,
            self.marks,
            self.told,
            self.saturation,
            self.saturation.lanes,
            self.correlation.series,
            self.correlation,
            contracts,
            contracts.interest,
            contracts.funding,
        )

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, spare room included."""
        return sum(table.nbytes for table in self._tables())

    def names(self) -> Names:
        """Return what `load` needs beside the arrays."""
        return Names(
            caps=self.caps,
            lanes=self.lane_names,
            settled=self._settled,
            slow=self._slow,
            closed=self.correlation.closed,
            sizes=[
                *(table.size for table in self._tables()),
                len(self._rows.peek()[1]),
                len(self._context.peek()[1]),
            ],
        )

    def arrays(self) -> list[Array]:
        """Return the state as arrays in the order of `layout`."""
        tables = [array for table in self._tables() for array in table.snapshot()]
        return [*tables, *self._rows.peek(), *self._context.peek()]

    def layout(self, names: Names) -> list[tuple[str, tuple[int, ...]]]:
        """Return (type, shape) of each array. Raises ValueError when there are other tables than here."""
        tables = self._tables()
        if len(names.sizes) != len(tables) + 2:
            raise ValueError("snapshot: an analysis of other tables")
        shapes = [shape for table, size in zip(tables, names.sizes, strict=False) for shape in table.layout(size)]
        for size, width in ((names.sizes[-2], 6), (names.sizes[-1], 5)):
            shapes += [("<i8", (size, width)), ("<f8", (size,))]
        return shapes

    def load(self, names: Names, arrays: Sequence[Array]) -> None:
        """Fill an empty analysis."""
        at = 0
        for table in self._tables():
            width = len(table.columns())
            table.restore(arrays[at : at + width])
            at += width
        self._rows.restore(*arrays[at : at + 2])
        self._context.restore(*arrays[at + 2 : at + 4])
        self.learn(names.caps)
        for name in names.lanes:
            self._lane(name)
        self._settled, self._slow, self.correlation.closed = names.settled, names.slow, names.closed
