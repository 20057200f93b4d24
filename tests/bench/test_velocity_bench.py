"""Velocity's speed and memory. Ratios within one run are asserted; absolute figures are recorded for information."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable
from time import perf_counter

import numpy as np
import pytest
from tests.bench.conftest import Record
from tests.unit.velocity.entries_made import MS, NOW, SECOND, Writer

from foreshock_model.batch import LIQUIDATION_COLUMNS, EventBatch, InstrumentRef, decode, empty, encode
from foreshock_model.entries import InputEntry
from foreshock_model.metrics import WINDOWS_MS
from foreshock_velocity.domain import VelocityConfig, VelocityState
from foreshock_velocity.domain.book import Book
from foreshock_velocity.domain.evaluate import Selection, evaluate
from foreshock_velocity.domain.rows import Rows
from foreshock_velocity.domain.windows import Windows

pytestmark = [pytest.mark.bench, pytest.mark.timeout(300)]

VENUES = ("binance", "bybit", "okx", "hyperliquid")


def batches(number: int, size: int, symbols: int, step: int = 10 * MS) -> list[InputEntry]:
    """Entries of random liquidations: lognormal sizes, ages up to 100 ms."""
    random = np.random.default_rng(size)
    refs = tuple(
        InstrumentRef(venue, f"S{at}USDT", f"S{at}USDT-PERP.{venue.upper()}", f"S{at}USDT")
        for at in range(symbols)
        for venue in VENUES
    )
    writer, entries = Writer(), []
    for entry in range(number):
        clock = NOW + entry * step
        columns = empty(LIQUIDATION_COLUMNS)
        columns = {name: np.zeros(size, column.dtype) for name, column in columns.items()}
        columns["instrument"][:] = random.integers(0, len(refs), size)
        columns["liquidated_side"][:] = random.integers(0, 2, size)
        columns["price"][:] = 100.0
        columns["notional_usd"][:] = random.lognormal(7, 2, size)
        columns["ts_event"][:] = clock - random.integers(0, 100 * MS, size)
        columns["ts_recv"][:] = clock
        entries.append(writer.entry("batch", clock, encode(EventBatch(refs, columns))))
    return entries


def seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """Return how long a call takes, the best of so many."""
    took = []
    for _ in range(repeats):
        gc.collect()
        start = perf_counter()
        work()
        took.append(perf_counter() - start)
    return min(took)


def ingest_rate(size: int, pairs: int, step: int) -> float:
    """Return events/s into windows: totals, frontiers, expiry, seven windows; rows are arrays already.

    step: ns by which the clock moves on from batch to batch.
    """
    random = np.random.default_rng(1)
    windows, rounds = Windows(WINDOWS_MS), max(40, 20_000 // size)
    windows.resize(pairs + 1)
    work = []
    for entry in range(4 * rounds):
        clock = NOW + entry * step
        pair = random.integers(1, pairs + 1, size)
        ts = clock - random.integers(0, 100 * MS, size)
        work.append((np.unique(pair), clock, pair, random.integers(0, 2, size), ts, random.integers(1, 10**9, size)))

    def run(part: int) -> None:
        for touched, clock, pair, side, ts, usd in work[part * rounds : (part + 1) * rounds]:
            windows.add_totals(pair, side, usd)
            windows.move_to(touched, np.full(len(touched), clock))
            windows.place(pair, side, ts=ts, usd=usd)

    run(0)
    parts = iter((1, 2, 3))
    return size * rounds / seconds(lambda: run(next(parts)), 3)


@pytest.mark.parametrize("moving", [False, True], ids=["one moment", "time goes on"])
@pytest.mark.parametrize(("size", "pairs"), [(1, 4), (10, 4), (100, 40), (1_000, 400), (10_000, 4_000)])
def test_ingest(size: int, pairs: int, moving: bool, record: Record) -> None:
    """Batches of one moment, and batches 1 us an event and at least 1 ms apart, so that windows let go, too."""
    rate = ingest_rate(size, pairs, max(MS, size * 1_000) if moving else 0)
    kind = "moving" if moving else "resting"
    record(f"ingest_{kind}_{size}_events_per_s", rate, f"ingest, {kind}, {pairs} pairs, batches of {size}: {{:,.0f}}/s")


def test_deques_take_in_and_tell(record: Record) -> None:
    """The same for deques: what ingest and evaluation cost there, and that evaluation is what they pay for."""
    engine, random = DequeEngine(), np.random.default_rng(1)
    usd = random.lognormal(7, 2, 20_000).tolist()

    def fill() -> None:
        for at, each in enumerate(usd):
            engine.append("S", 0, NOW + at * MS, each)

    append = seconds(fill)
    tell = seconds(lambda: engine.tell("S", 0, NOW + 20 * SECOND), 3)
    record("deque_ingest_events_per_s", len(usd) / append, "deque: ingest {:,.0f}/s")
    record("deque_evaluate_20000_events_us", tell * 1e6, "deque: one symbol's side with 20,000 events {:,.0f} us")
    assert tell > append / len(usd)


class DequeEngine:
    """What a straight implementation does: a deque a symbol and side, walked at each evaluation."""

    def __init__(self) -> None:
        self.events: dict[tuple[str, int], deque[tuple[int, float]]] = {}

    def append(self, symbol: str, side: int, ts: int, usd: float) -> None:
        """Take one event in."""
        self.events.setdefault((symbol, side), deque()).append((ts, usd))

    def tell(self, symbol: str, side: int, now: int) -> list[tuple[int, float, float, float, float]]:
        """Evaluate every window: count, USD, largest, and acceleration and jerk from its thirds."""
        events = self.events.setdefault((symbol, side), deque())
        while events and events[0][0] < now - WINDOWS_MS[-1] * MS:
            events.popleft()
        return [self._window(events, now, window * MS) for window in WINDOWS_MS]

    @staticmethod
    def _window(events: deque[tuple[int, float]], now: int, length: int) -> tuple[int, float, float, float, float]:
        start, middle, newest = now - length, now - length * 2 // 3, now - length // 3
        count, largest, sums = 0, 0.0, [0.0, 0.0, 0.0]
        for ts, usd in reversed(events):
            if ts < start:
                break
            count += 1
            largest = max(largest, usd)
            sums[2 if ts >= newest else 1 if ts >= middle else 0] += usd
        return count, sum(sums), largest, sums[2] - sums[0], sums[2] - 2 * sums[1] + sums[0]


def filled(symbols: int) -> tuple[Book, Selection]:
    """Return a book of symbols on four venues with sixty events each over the longest window."""
    book = Book(WINDOWS_MS, VelocityConfig())
    for symbol in range(symbols):
        for venue in VENUES:
            book.registry.pair(f"S{symbol}USDT", venue)
    book.resize()
    random, size = np.random.default_rng(3), symbols * 60
    pair, side = random.integers(1, book.registry.pairs, size), random.integers(0, 2, size)
    ts = NOW - random.integers(0, 300 * SECOND, size)
    book.windows.front[:] = NOW
    book.place(pair, Rows(pair, side, random.integers(1, 10**9, size), ts, ts))
    ids = np.arange(symbols)
    return book, Selection(ids, np.full(symbols, NOW), np.zeros(symbols, np.int64), *book.registry.table(ids))


@pytest.mark.parametrize("symbols", [1, 100, 1_000])
def test_evaluation(symbols: int, record: Record) -> None:
    """All windows with acceleration and jerk, as an entry is answered; apart: logarithms and errors, and moving on."""
    book, chosen = filled(symbols)
    rounds = max(1, 1_000 // symbols)
    metrics = evaluate(book, chosen, WINDOWS_MS, warming=False)

    def each(work: Callable[[], object]) -> float:
        return seconds(lambda: [work() for _ in range(rounds)], 20) / rounds * 1e6

    told = each(lambda: evaluate(book, chosen, WINDOWS_MS, warming=False))
    errors = each(lambda: (metrics.count_derivatives, metrics.usd_derivatives))
    clock = iter(range(NOW, NOW + 10**15, 100 * MS))
    moved = min(seconds(lambda: book.move_to(chosen.pairs, np.full(symbols, next(clock)))) for _ in range(20)) * 1e6
    record(f"evaluate_{symbols}_us", told, f"evaluate {symbols} symbols: {{:,.0f}} us")
    record(f"errors_{symbols}_us", errors, "all derivatives with errors: {:,.0f} us more")
    record(f"move_{symbols}_us", moved, "moved on by 100 ms: {:,.0f} us more")


def test_a_thousand_symbols_cost_far_less_than_a_thousand_times_one() -> None:
    one, thousand = filled(1), filled(1_000)
    single = seconds(lambda: [evaluate(*one, WINDOWS_MS, warming=False) for _ in range(200)], 5) / 200
    many = seconds(lambda: evaluate(*thousand, WINDOWS_MS, warming=False), 20)
    assert many < 60 * single


def test_bursts_of_a_hundred_against_deques(record: Record) -> None:
    """Per event with evaluation, batches of 100 of five symbols, bytes to bytes; deques tell after each event."""
    entries = batches(200, 100, 5)
    engine, state = DequeEngine(), VelocityState()
    rows = [row for entry in entries for row in decode(entry.data).events()]

    def straight() -> None:
        for row in rows:
            engine.append(row.symbol, row.liquidated_side, row.ts_event, row.notional_usd)
            engine.tell(row.symbol, row.liquidated_side, row.ts_event)

    naive = seconds(straight)
    ours = seconds(lambda: [state.advance("1-0", entry) for entry in entries])
    record("deque_event_us", naive / len(rows) * 1e6, "per event, evaluated: deque {:.1f} us")
    record("event_us", ours / len(rows) * 1e6, "ours {:.2f} us")
    record("ratio_to_deque", naive / ours, "ratio {:.0f}")
    assert naive / ours >= 100


def test_one_touched_symbol(record: Record) -> None:
    """Bytes in, bytes out, one event of one symbol an entry."""
    entries = batches(4_000, 1, 1, step=MS)
    state = VelocityState()
    timings = [seconds_for(state, part) for part in chunks(entries, 500)]
    record("entry_of_one_symbol_us", min(timings) / 500 * 1e6, "one touched symbol: {:.0f} us an entry")


def seconds_for(state: VelocityState, entries: list[InputEntry]) -> float:
    """Return how long a state takes for entries."""
    return seconds(lambda: [state.advance("1-0", entry) for entry in entries])


def chunks(entries: list[InputEntry], size: int) -> list[list[InputEntry]]:
    """Cut entries into parts."""
    return [entries[at : at + size] for at in range(0, len(entries), size)]


def test_edges_of_a_thousand_symbols_memory_and_snapshots(record: Record) -> None:
    """Decay of 1,000 symbols on four venues costs far less than telling of all of them."""
    state = VelocityState()
    entries = batches(20, 10_000, 1_000)
    told = min(seconds_for(state, [entry]) for entry in entries)
    ticks, clock = Writer("ticks"), state.now + 64 * SECOND
    state.advance("1-0", ticks.tick(clock))
    edges = [seconds_for(state, [ticks.tick(clock + at * 100 * MS)]) for at in range(1, 40)]
    dump = seconds(state.dump)
    record("entry_of_10000_events_ms", told * 1e3, "10,000 events of 1,000 symbols, evaluated: {:.1f} ms")
    record("edge_of_1000_symbols_ms", float(np.median(edges)) * 1e3, "edge, 1,000 living symbols: median {:.2f} ms")
    record("state_bytes_per_symbol", state.bytes_per_symbol(), "state {:,.0f} bytes a symbol")
    record("snapshot_ms", dump * 1e3, "snapshot {:.0f} ms")
    assert state.bytes_per_symbol() <= 48_000
    assert np.median(edges) < told
