"""Velocity's speed and memory. Ratios within one run are asserted; absolute figures are printed for information."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import pairwise
from time import perf_counter

import numpy as np
import pytest
from tests.unit.velocity.entries_made import MS, NOW, SECOND, Writer

from foreshock_model.batch import LIQUIDATION_COLUMNS, EventBatch, InstrumentRef, decode, empty, encode
from foreshock_model.entries import InputEntry
from foreshock_model.metrics import WINDOWS_MS
from foreshock_velocity.domain import VelocityState
from foreshock_velocity.domain.windows import Windows

pytestmark = [pytest.mark.bench, pytest.mark.timeout(180)]

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
        columns["event_id"][:] = random.integers(1, 2**64, size, dtype=np.uint64)
        entries.append(writer.entry("batch", clock, encode(EventBatch(refs, columns))))
    return entries


def seconds(work: Callable[[], object]) -> float:
    """Return how long a call takes."""
    start = perf_counter()
    work()
    return perf_counter() - start


def ingest_rate(size: int, pairs: int) -> float:
    """Return events/s into windows: totals, frontiers, expiry, seven windows; rows are arrays already."""
    random = np.random.default_rng(1)
    windows, rounds = Windows(WINDOWS_MS), max(40, 20_000 // size)
    windows.resize(pairs + 1)
    work = []
    for entry in range(rounds):
        clock = NOW + entry * 10 * MS
        pair = random.integers(1, pairs + 1, size)
        ts = clock - random.integers(0, 100 * MS, size)
        work.append((clock, pair, random.integers(0, 2, size), ts, random.integers(1, 10**9, size)))

    def run() -> None:
        for clock, pair, side, ts, usd in work:
            windows.add_totals(pair, side, usd)
            flag = np.zeros(pairs + 1, np.bool_)
            flag[pair] = True
            touched = np.flatnonzero(flag)
            windows.move_to(touched, np.full(len(touched), clock))
            windows.place(pair, side, ts=ts, usd=usd)

    seconds(run)
    return size * rounds / seconds(run)


@pytest.mark.parametrize(("size", "pairs"), [(10, 4), (100, 40), (1_000, 400), (10_000, 4_000)])
def test_ingest(size: int, pairs: int) -> None:
    best = max(ingest_rate(size, pairs) for _ in range(3))
    print(f"\ningest, {pairs} pairs, batches of {size}: {best:,.0f} events/s")


class DequeEngine:
    """What a straight implementation does: a deque a symbol, walked at each evaluation."""

    def __init__(self) -> None:
        self.events: dict[tuple[str, int], deque[tuple[int, float]]] = {}

    def add(self, symbol: str, side: int, ts: int, usd: float) -> list[float]:
        """Add one event and evaluate every window, acceleration and jerk."""
        events = self.events.setdefault((symbol, side), deque())
        events.append((ts, usd))
        while events[0][0] < ts - WINDOWS_MS[-1] * MS:
            events.popleft()
        rates = []
        for window in WINDOWS_MS:
            start = ts - window * MS
            rates.append(sum(each[1] for each in events if each[0] >= start) * 1_000 / window)
        slopes = [a - b for a, b in pairwise(rates)]
        return rates + slopes + [a - b for a, b in pairwise(slopes)]


def test_bursts_of_a_hundred_against_deques() -> None:
    """Per event with evaluation, in batches of 100 of five symbols."""
    entries = batches(200, 100, 5)
    engine, state = DequeEngine(), VelocityState()
    rows = [row for entry in entries for row in decode(entry.data).events()]
    naive = seconds(
        lambda: [engine.add(row.symbol, row.liquidated_side, row.ts_event, row.notional_usd) for row in rows]
    )
    ours = seconds(lambda: [state.advance("1-0", entry) for entry in entries])
    ratio = naive / ours
    print(f"\nper event, evaluated: deque {naive / len(rows) * 1e6:.1f} us, ours {ours / len(rows) * 1e6:.2f} us")
    print(f"ratio {ratio:.0f}")
    assert ratio >= 20


def test_one_touched_symbol() -> None:
    """Bytes in, bytes out, one event of one symbol an entry."""
    entries = batches(4_000, 1, 1, step=MS)
    state = VelocityState()
    timings = [seconds_for(state, part) for part in chunks(entries, 500)]
    print(f"\none touched symbol: {min(timings) / 500 * 1e6:.0f} us an entry")


def seconds_for(state: VelocityState, entries: list[InputEntry]) -> float:
    """Return how long a state takes for entries."""
    return seconds(lambda: [state.advance("1-0", entry) for entry in entries])


def chunks(entries: list[InputEntry], size: int) -> list[list[InputEntry]]:
    """Cut entries into parts."""
    return [entries[at : at + size] for at in range(0, len(entries), size)]


def test_edges_of_a_thousand_symbols_memory_and_snapshots() -> None:
    """Decay of 1,000 symbols on four venues costs far less than telling of all of them."""
    state = VelocityState()
    entries = batches(20, 10_000, 1_000)
    told = min(seconds_for(state, [entry]) for entry in entries)
    ticks, clock = Writer("ticks"), state.now + 64 * SECOND
    state.advance("1-0", ticks.tick(clock))
    edges = [seconds_for(state, [ticks.tick(clock + at * 100 * MS)]) for at in range(1, 40)]
    dump = seconds(state.dump)
    print(f"\n10,000 events of 1,000 symbols, evaluated: {told * 1e3:.1f} ms")
    print(f"edge, 1,000 living symbols: median {np.median(edges) * 1e3:.2f} ms, longest {max(edges) * 1e3:.2f} ms")
    print(f"state {state.bytes_per_symbol():,.0f} bytes a symbol")
    print(f"snapshot {len(state.dump()):,} bytes, {dump * 1e3:.0f} ms")
    assert state.bytes_per_symbol() <= 48_000
    assert np.median(edges) < told
