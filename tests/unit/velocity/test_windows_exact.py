"""Any sequence of entries gives exactly the sums of a brute-force count."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.velocity.brute_force import BruteForce
from tests.unit.velocity.entries_made import MS, NOW, SECOND, Row, Writer

from foreshock_model import metrics as metric_codec
from foreshock_model.entries import InputEntry
from foreshock_model.metrics import WINDOWS_MS, WindowMetrics
from foreshock_velocity.domain import VelocityConfig, VelocityState

SYMBOLS = ("AUSDT", "BUSDT", "CUSDT")
VENUES = ("binance", "bybit", "elsewhere")
STEPS = st.one_of(
    st.integers(0, 3 * MS),
    st.integers(0, 150 * MS),
    st.sampled_from([100 * MS, 2 * SECOND, 9 * SECOND, 61 * SECOND, 310 * SECOND, -5 * SECOND]),
)
AGES = st.one_of(
    st.integers(0, 50 * MS),
    st.integers(0, 15 * SECOND),
    st.sampled_from([0, 2 * MS, 10 * SECOND, 11_500 * MS, 400 * SECOND, -SECOND, -1]),
)
USD = st.one_of(st.floats(0.0001, 1e7), st.sampled_from([0.0, -5.0, float("nan"), float("inf"), 1e10, 2e10, 0.00004]))
ROWS = st.lists(st.tuples(st.sampled_from(SYMBOLS), st.sampled_from(VENUES), st.integers(0, 1), USD, AGES), max_size=6)
ENTRIES = st.lists(st.tuples(STEPS, ROWS, st.booleans()), max_size=14)
CONFIGS = st.builds(
    VelocityConfig,
    cadence_ms=st.sampled_from([10, 100, 1_000]),
    late_after_ms=st.sampled_from([0, 10_000, 300_000]),
    venue_delay_ms=st.fixed_dictionaries({"binance": st.sampled_from([0, 1_500, 60_000])}),
)


def check_thirds(metrics: WindowMetrics, row: int, truth: BruteForce) -> None:
    """The thirds of windows over all venues of one row."""
    pairs = [(metrics.symbols[row], venue) for venue in metrics.venues]
    for side in (0, 1):
        for number, window_ms in enumerate(WINDOWS_MS):
            by_venue = [truth.thirds(pair, side, window_ms) for pair in pairs]
            for at, name in enumerate(("oldest", "middle", "newest")):
                events, steps = sum(each[at].events for each in by_venue), sum(each[at].steps for each in by_venue)
                assert getattr(metrics, f"count_{name}")[row, side, number] == events
                assert getattr(metrics, f"usd_{name}")[row, side, number] == np.float32(steps / 10_000)


def check_row(metrics: WindowMetrics, row: int, truth: BruteForce) -> None:
    """Windows, their stated error, thirds and totals of one row."""
    symbol = metrics.symbols[row]
    for at, venue in enumerate(metrics.venues):
        pair = (symbol, venue)
        truth.look(pair, int(metrics.as_of[row]))
        for side in (0, 1):
            total = truth.total(pair, side)
            assert metrics.total_count[row, side, at] == total.events
            assert metrics.total_usd[row, side, at] == total.steps / 10_000
            for number, window_ms in enumerate(WINDOWS_MS):
                expected = truth.window(pair, side, window_ms)
                assert metrics.count[row, side, at, number] == expected.events
                assert metrics.usd[row, side, at, number] == np.float32(expected.steps / 10_000)
                assert metrics.largest[row, side, at, number] == np.float32(expected.largest) / np.float32(10_000)
                least, most = truth.bounds(pair, side, window_ms)
                assert all(a <= b <= c for a, b, c in zip(least, expected, most, strict=True))
    check_thirds(metrics, row, truth)


@settings(max_examples=150, deadline=None)
@given(ENTRIES, CONFIGS)
def test_every_row_equals_the_brute_force_count(
    entries: list[tuple[int, list[tuple[str, str, int, float, int]], bool]], config: VelocityConfig
) -> None:
    state, truth, writer, clock = VelocityState(config), BruteForce(config), Writer(), NOW
    sent: list[InputEntry] = []
    for step, events, repeat in entries:
        clock += step
        now = max(truth.now, clock)
        rows = [Row(symbol, venue, side, usd, now - age) for symbol, venue, side, usd, age in events]
        sent.append(writer.batch(clock, *rows) if rows else writer.tick(clock))
        touched = truth.take(clock, rows)
        answer = state.advance("1-0", sent[-1])
        told: set[str] = set()
        if answer.kind == "metrics":
            metrics = metric_codec.decode(answer.data)
            told = set(metrics.symbols)
            assert list(metrics.symbols) == sorted(metrics.symbols)
            for row in range(len(metrics.symbols)):
                check_row(metrics, row, truth)
        assert touched <= told
        if repeat:
            assert state.advance("1-1", sent[0]).kind == "empty"
    assert state.counters.late == truth.late
    assert state.sequencer.repeated == sum(repeat for _, _, repeat in entries)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 400))
def test_thousands_of_symbols_at_once(seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    config = VelocityConfig()
    state, truth, writer = VelocityState(config), BruteForce(config), Writer()
    metrics = None
    for entry in range(3):
        clock = NOW + entry * 700 * MS
        rows = [
            Row(f"S{random.integers(2_000)}USDT", VENUES[random.integers(3)], int(random.integers(2)), 5.0, int(ts))
            for ts in clock - random.integers(0, 3 * SECOND, size)
        ]
        truth.take(clock, rows)
        answer = state.advance("1-0", writer.batch(clock, *rows))
        metrics = metric_codec.decode(answer.data)
        for row in range(0, len(metrics.symbols), max(1, len(metrics.symbols) // 5)):
            check_row(metrics, row, truth)
