"""The unit of USD lies between a window's mean and its largest, and gives its variance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_velocity.domain.sizes import KEEP, Sizes

ZERO = np.zeros(1, np.int64)


def taken(usd: list[float], side: int = 0) -> Sizes:
    sizes = Sizes()
    sizes.resize(1)
    for each in usd:
        sizes.take(ZERO, ZERO + side, np.array([each]))
    return sizes


def unit(sizes: Sizes, mean: float, largest: float) -> float:
    held = sizes.unit(ZERO, mean=np.full((1, 2, 1), mean), largest=np.full((1, 2, 1), largest))
    return float(held[0, 0, 0])


@given(st.lists(st.floats(1e-4, 1e10), min_size=1, max_size=30), st.data())
def test_it_lies_between_mean_and_largest_of_the_window(usd: list[float], data: st.DataObject) -> None:
    window = usd[data.draw(st.integers(0, len(usd) - 1)) :]
    mean, largest = float(np.mean(window)), max(window)
    assert mean * (1 - 1e-12) <= unit(taken(usd), mean, largest) <= max(largest, mean) * (1 + 1e-12)


def test_equal_sizes_are_their_own_unit_and_a_whale_pulls_it_up() -> None:
    assert unit(taken([500.0] * 20), 500.0, 500.0) == pytest.approx(500.0)
    assert unit(taken([500.0] * 20 + [50_000.0]), 2_857.0, 50_000.0) > 40_000


def test_a_whale_long_gone_does_not_count_in_a_window_without_it() -> None:
    assert unit(taken([50_000.0, *[500.0] * 20]), 500.0, 500.0) == 500.0


def test_it_is_the_variance_over_the_mean_of_sums() -> None:
    random = np.random.default_rng(1)
    sizes = Sizes()
    sizes.resize(1)
    usd = random.lognormal(3, 0.6, 4_000)
    sizes.take(np.zeros(4_000, np.int64), np.zeros(4_000, np.int64), usd)
    sums = [random.lognormal(3, 0.6, each).sum() for each in random.poisson(30, 20_000)]
    assert unit(sizes, 0.0, 1e9) == pytest.approx(np.var(sums) / np.mean(sums), rel=0.05)


def test_it_forgets_within_some_thousand_orders() -> None:
    assert unit(taken([100_000.0] * 10 + [10.0] * 20_000), 10.0, 1e6) == pytest.approx(10.0, rel=0.2)
    assert pytest.approx(np.exp(-1), rel=1e-3) == KEEP**1_024


def test_an_empty_window_has_none_and_sides_are_apart() -> None:
    sizes = taken([5.0], side=1)
    held = sizes.unit(ZERO, mean=np.array([[[np.nan], [5.0]]]), largest=np.array([[[0.0], [5.0]]]))
    assert np.isnan(held[0, 0, 0])
    assert held[0, 1, 0] == 5.0
