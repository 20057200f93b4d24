"""What is usual: priors, learning, clipping, bursts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.signals.metrics_made import NOW, SECOND

from foreshock_signals.domain import baseline, priors
from foreshock_signals.domain.table import SymbolTable


def a_table(symbol: str = "BTCUSDT") -> SymbolTable:
    table = SymbolTable()
    table.locate((symbol,))
    return table


def tell(table: SymbolTable, second: float, count: float, usd: float) -> None:
    clock = np.array([NOW + round(second * SECOND)])
    baseline.update(table.rows, clock, np.full((1, 2), count), np.full((1, 2), usd))


@pytest.mark.parametrize("symbol", ["BTCUSDT", "SOLUSDT", "NEWUSDT"])
def test_nothing_known_is_the_prior_of_the_class(symbol: str) -> None:
    usual = baseline.usual(a_table(symbol).rows)
    prior = priors.of(symbol)
    assert usual.rate == pytest.approx(prior.rate)
    assert usual.size == pytest.approx(prior.size)
    assert usual.usd_rate == pytest.approx(prior.rate * prior.size)


def test_a_busy_market_becomes_usual_in_a_while() -> None:
    table = a_table()
    for second in range(1_201):
        tell(table, second, 2.0 * second, 2.0 * second * 20_000)
    usual = baseline.usual(table.rows)
    assert usual.rate == pytest.approx(2.0, rel=0.2)
    assert usual.size == pytest.approx(20_000, rel=0.05)


def test_a_dead_market_never_falls_below_the_prior() -> None:
    table = a_table()
    for second in range(0, 36_000, 100):
        tell(table, second, 0, 0)
    assert baseline.usual(table.rows).rate == pytest.approx(priors.MAJOR.rate)


def test_a_burst_is_not_learnt_from_unless_it_lasts() -> None:
    table = a_table()
    tell(table, 0, 0, 0)
    before = baseline.usual(table.rows).rate.copy()
    table.rows["burst"] = NOW
    for second in range(1, 599):
        tell(table, second, 50.0 * second, 0)
    assert (baseline.usual(table.rows).rate == before).all()
    for second in range(600, 1_200):
        tell(table, second, 50.0 * second, 0)
    assert (baseline.usual(table.rows).rate > 1.0).all()


def test_the_start_of_a_burst_hardly_raises_its_own_bar() -> None:
    table = a_table()
    for tenth in range(31):
        tell(table, tenth / 10, 5.0 * tenth, 5e5 * tenth)
    assert (baseline.usual(table.rows).rate < 1.2 * priors.MAJOR.rate).all()
    table.rows["burst"] = NOW + 3 * SECOND
    tell(table, 3.1, 160, 1.6e7)
    assert (table.rows["waiting"] == 0).all()


def test_one_enormous_liquidation_counts_as_a_large_one() -> None:
    table = a_table()
    tell(table, 0, 0, 0)
    tell(table, 1, 1, 5e9)
    tell(table, 100, 1, 5e9)
    assert table.rows["events"] == pytest.approx(1.0, rel=0.05)
    largest = priors.MAJOR.size * baseline.SIZE_CAP
    assert (table.rows["usd"] <= largest * 1.01).all()


def test_totals_that_fall_back_are_a_new_start_not_a_flood() -> None:
    table = a_table()
    tell(table, 0, 1_000, 1e7)
    tell(table, 1, 0, 0)
    assert (table.rows["events"] == 0).all()
    tell(table, 20, 3, 3_000)
    assert (table.rows["events"] > 2.9).all()


def test_a_symbol_is_warming_for_an_hour() -> None:
    table = a_table()
    clock = np.array([NOW])
    assert baseline.warming(table.rows, clock).all()
    tell(table, 0, 0, 0)
    assert baseline.warming(table.rows, clock + 3_599 * SECOND).all()
    assert not baseline.warming(table.rows, clock + 3_600 * SECOND).any()


@given(st.lists(st.floats(width=64), min_size=1, max_size=20))
def test_only_positive_numbers_within_the_limit_are_believed(values: list[float]) -> None:
    got = baseline.believable(np.array(values), 1e9)
    expected = [value if 0 < value <= 1e9 else 0.0 for value in values]
    assert got.tolist() == expected


@given(st.lists(st.tuples(st.floats(0, 5_000), st.integers(0, 10_000), st.floats(0, 1e10)), min_size=1, max_size=30))
def test_usual_stays_finite_and_at_least_the_prior(steps: list[tuple[float, int, float]]) -> None:
    table = a_table()
    at, count, usd = 0.0, 0.0, 0.0
    for seconds, more, money in steps:
        at, count, usd = at + seconds, count + more, usd + money
        tell(table, at, count, usd)
    usual = baseline.usual(table.rows)
    for values, least in ((usual.rate, priors.MAJOR.rate), (usual.size, priors.MAJOR.size)):
        assert np.isfinite(values).all()
        assert (values >= least).all()
