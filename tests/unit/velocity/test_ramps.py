"""Known ramps through windows and evaluation: derivatives have no bias, and 95 % intervals hold the truth."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from tests.unit.velocity.entries_made import NOW, SECOND

from foreshock_model.metrics import WindowMetrics
from foreshock_velocity.domain import VelocityConfig
from foreshock_velocity.domain.book import Book
from foreshock_velocity.domain.evaluate import Selection, evaluate
from foreshock_velocity.domain.rows import Rows
from foreshock_velocity.domain.windows import STEPS_PER_USD

Array = npt.NDArray[np.float64]
SYMBOLS = 1_500
WINDOWS = (2_000, 10_000, 30_000)
LONGEST_S = 60.0
AT = {window_ms: number for number, window_ms in enumerate(WINDOWS)}


class Ramp(NamedTuple):
    """A rate at its start, LONGEST_S before the end [1/s], what it grows by each second, in events or in e-folds."""

    start: float
    rise: float = 0.0
    folds: float = 0.0

    def rate(self, seconds: Array) -> Array:
        """Return the rate so many seconds after the start."""
        found: Array = (self.start + self.rise * seconds) * np.exp(self.folds * seconds)
        return found


@lru_cache(maxsize=1)
def told(ramp: Ramp, sigma: float) -> WindowMetrics:
    """Return what is told of SYMBOLS symbols that follow a ramp, each with a frontier of its own; sizes lognormal."""
    random = np.random.default_rng(4)
    book = Book(WINDOWS, VelocityConfig())
    for symbol in range(SYMBOLS):
        book.registry.pair(f"S{symbol}USDT", "binance")
    book.resize()
    top = max(float(ramp.rate(np.array(each))) for each in (0.0, LONGEST_S))
    symbols: npt.NDArray[np.int64] = np.repeat(np.arange(SYMBOLS), random.poisson(top * LONGEST_S, SYMBOLS))
    at = random.uniform(0, LONGEST_S, len(symbols))
    kept = random.uniform(0, top, len(symbols)) < ramp.rate(at)
    symbols, at = symbols[kept], at[kept]
    front = NOW + random.integers(0, 300 * SECOND, SYMBOLS)
    ts = front[symbols] - ((LONGEST_S - at) * SECOND).astype(np.int64)
    usd = np.maximum(random.lognormal(7, sigma, len(symbols)) * STEPS_PER_USD, 1).astype(np.int64)
    pair = symbols + 1
    book.windows.front[1 : SYMBOLS + 1] = front
    book.place(pair, Rows(pair, np.zeros(len(pair), np.int64), usd, ts, ts))
    ids = np.arange(SYMBOLS)
    chosen = Selection(ids, front, np.zeros(SYMBOLS, np.int64), *book.registry.table(ids))
    return evaluate(book, chosen, WINDOWS, warming=False)


def check(estimate: Array, error: Array, truth: float) -> None:
    known = np.isfinite(estimate)
    assert known.mean() > 0.99
    estimate, error = estimate[known].astype(np.float64), error[known]
    inside = np.abs(estimate - truth) <= 1.96 * error
    assert abs(estimate.mean() - truth) < 0.08 * estimate.std()
    assert 0.90 <= inside.mean() <= 0.99


@pytest.mark.parametrize("window_ms", WINDOWS)
@pytest.mark.parametrize("ramp", [Ramp(5.0), Ramp(2.0, rise=0.1), Ramp(20.0, rise=0.3)], ids=["steady", "low", "high"])
def test_linear_ramps_of_counts(ramp: Ramp, window_ms: int) -> None:
    found, at = told(ramp, 0.1).count_derivatives, AT[window_ms]
    few = ramp.rate(np.array(LONGEST_S)) * window_ms / 1_000 < 15
    check(found.acceleration[:, 0, at], found.acceleration_error[:, 0, at], ramp.rise)
    if not few:
        check(found.jerk[:, 0, at], found.jerk_error[:, 0, at], 0.0)


@pytest.mark.parametrize("window_ms", [10_000, 30_000])
@pytest.mark.parametrize(
    "ramp", [Ramp(0.7, folds=0.04), Ramp(0.01, folds=0.14), Ramp(3.0, folds=0.08)], ids=["low", "steep", "high"]
)
def test_exponential_ramps_of_counts(ramp: Ramp, window_ms: int) -> None:
    found, at = told(ramp, 0.1).count_derivatives, AT[window_ms]
    check(found.growth[:, 0, at], found.growth_error[:, 0, at], ramp.folds)
    check(found.bend[:, 0, at], found.bend_error[:, 0, at], 0.0)


@pytest.mark.parametrize("window_ms", [10_000, 30_000])
@pytest.mark.parametrize(
    "ramp", [Ramp(5.0), Ramp(2.0, rise=0.1), Ramp(3.0, folds=0.06)], ids=["steady", "rise", "folds"]
)
def test_ramps_of_usd_whose_sizes_differ(ramp: Ramp, window_ms: int) -> None:
    """Sizes of sigma 0.8; the unit is what each symbol's own orders taught."""
    found, at = told(ramp, 0.8).usd_derivatives, AT[window_ms]
    mean = float(np.exp(7 + 0.8**2 / 2))
    if not ramp.folds:
        check(found.acceleration[:, 0, at], found.acceleration_error[:, 0, at], ramp.rise * mean)
        check(found.jerk[:, 0, at], found.jerk_error[:, 0, at], 0.0)
    else:
        check(found.growth[:, 0, at], found.growth_error[:, 0, at], ramp.folds)
        check(found.bend[:, 0, at], found.bend_error[:, 0, at], 0.0)
