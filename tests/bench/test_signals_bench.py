"""Speed of scoring: many symbols at a grid point, one symbol an entry. Figures are printed, ratios asserted."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from tests.unit.signals.metrics_made import MS, NOW, VENUES, entry_id, rows

from foreshock_model import metrics as metrics_codec
from foreshock_model.entries import OutputEntry
from foreshock_model.metrics import WindowMetrics
from foreshock_signals.domain.state import SignalsState

pytestmark = pytest.mark.bench
SYMBOLS = tuple(f"S{number:04}USDT" for number in range(1_000))


def flow(symbols: tuple[str, ...], seed: int = 1) -> WindowMetrics:
    """Return ordinary activity: a few orders a minute, windows nested."""
    columns = rows(symbols)
    rng = np.random.default_rng(seed)
    columns["count"][:] = np.cumsum(rng.poisson(0.3, columns["count"].shape), axis=-1)
    columns["usd"][:] = columns["count"] * 1_500
    columns["total_count"][:] = columns["count"][..., -1]
    return WindowMetrics(symbols=symbols, venues=VENUES, **columns)


def stream(symbols: tuple[str, ...], entries: int, step: int) -> list[tuple[str, OutputEntry]]:
    metrics = flow(symbols)
    made = []
    for number in range(entries):
        now = number * step
        metrics.as_of[:] = NOW + now
        made.append((entry_id(now), OutputEntry("metrics", NOW + now, metrics_codec.encode(metrics))))
    return made


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def per_entry(symbols: tuple[str, ...], entries: int, step: int) -> tuple[float, float]:
    """Return median seconds of advance, and of decoding alone."""
    state = SignalsState()
    made = stream(symbols, entries, step)
    for name, item in made[:5]:
        state.advance(name, item)
    advancing = [seconds(partial(state.advance, name, item)) for name, item in made[5:]]
    decoding = [seconds(partial(metrics_codec.decode, item.data)) for _, item in made[5:]]
    return float(np.median(advancing)), float(np.median(decoding))


def test_a_thousand_symbols_cost_far_less_than_a_thousand_times_one() -> None:
    many, _ = per_entry(SYMBOLS, 60, 100 * MS)
    one, decoding = per_entry(SYMBOLS[:1], 2_000, 10 * MS)
    print(f"\n1,000 symbols {many * 1e3:.2f} ms; one symbol {one * 1e6:.0f} us, {decoding * 1e6:.0f} us of it decoding")
    assert many < 100 * one


def test_a_snapshot_of_a_thousand_symbols() -> None:
    state = SignalsState()
    for name, item in stream(SYMBOLS, 20, 100 * MS):
        state.advance(name, item)
    blob = state.dump()
    took, back = seconds(state.dump), seconds(lambda: SignalsState().load(blob))
    kept = state.size_bytes / len(SYMBOLS)
    print(f"\nsnapshot {len(blob) / 1e3:.0f} kB, {took * 1e3:.1f} ms, back {back * 1e3:.1f} ms; {kept:.0f} B a symbol")
    assert kept < 4_096
