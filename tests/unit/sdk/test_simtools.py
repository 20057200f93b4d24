from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_sdk.simtools import Budget, ladder, plain


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_written_reads_back_the_same(value: float) -> None:
    text = plain(value)
    assert float(text) == value
    assert "e" not in text.lower()


@pytest.mark.parametrize(
    ("value", "text"),
    [(100, "100"), (8.55, "8.55"), (1e-9, "0.000000001"), (1e22, "10000000000000000000000"), (0.0, "0")],
)
def test_numbers_look_as_venues_write_them(value: float, text: str) -> None:
    assert plain(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_written_all_the_same(value: float) -> None:
    """A simulated venue may be told to say nonsense."""
    assert plain(value) == str(value)


def test_a_budget_slides() -> None:
    budget = Budget(2, 1000)
    for now_ms in (0, 500, 1000, 1500):
        budget.spend(now_ms)
    before = budget.exceeded
    budget.spend(1501)
    assert (before, budget.exceeded) == (False, True)
    budget.spend(99_999)
    assert budget.exceeded is True, "once broken, always broken"


def test_a_ladder_is_one_side_of_a_book() -> None:
    """Best first, and a little more than 1 % deep."""
    bids, asks = ladder(100.0, 2.0, upwards=False), ladder(100.0, 2.0, upwards=True, levels=3)
    assert (bids[0], asks[0]) == ((100.0, 2.0), (100.0, 2.0))
    assert [price for price, _ in bids] == sorted((price for price, _ in bids), reverse=True)
    assert len(bids) == 20
    assert bids[-1][0] == pytest.approx(98.9)
    assert [size for _, size in asks] == [2.0, 4.0, 6.0]
    assert [price for price, _ in asks] == pytest.approx([100.0, 100.55, 101.1])
