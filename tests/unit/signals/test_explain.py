"""The sentence of a signal."""

from __future__ import annotations

import pytest

from foreshock_signals.domain.explain import Facts, explain, money, times
from foreshock_signals.domain.features import NAMES


def facts(growth: float = 0.0, venues: int = 3, **contributions: float) -> Facts:
    return Facts(
        side="LONG",
        orders=[20.0, 61.0, 90.0, 95.0],
        usd=[2e6, 4.1e6, 5e6, 5e6],
        usual_orders=[0.4, 2.0, 12.0, 60.0],
        usual_usd=[2e4, 1.08e5, 6e5, 3e6],
        contributions=[contributions.get(name, 0.0) for name in NAMES],
        venues=venues,
        growth=growth,
    )


def test_the_top_contributions_come_first_with_units() -> None:
    said = explain(facts(growth=0.4, usd_10s=4.0, usd_60s=2.0, count_2s=1.0))
    assert said == "$4.1M long liquidated in 10 s, 38 x usual; 20 orders in 2 s, 50 x usual; 3 venues; accelerating"


def test_what_weighs_more_is_said_first() -> None:
    assert explain(facts(usd_60s=1.0, count_10s=2.0, venues=1)).startswith("61 orders in 10 s, 30 x usual; $5.0M")


def test_what_hardly_weighs_is_left_out() -> None:
    assert explain(facts(usd_10s=4.0, count_2s=0.1, venues=1)) == "$4.1M long liquidated in 10 s, 38 x usual"


def test_correlation_has_words() -> None:
    assert "venues burst together" in explain(facts(usd_10s=4.0, correlation=0.3))


def test_calm_is_said_as_calm() -> None:
    assert explain(facts()) == "long liquidations are near what is usual"


@pytest.mark.parametrize(
    ("usd", "said"),
    [(0, "$0"), (950.4, "$950"), (999.9, "$1.0k"), (12_345, "$12k"), (4.14e6, "$4.1M"), (1.2e9, "$1.2B")],
)
def test_amounts_are_said_as_people_do(usd: float, said: str) -> None:
    assert money(usd) == said


@pytest.mark.parametrize(("ratio", "said"), [(1.26, "1.3 x usual"), (9.96, "10 x usual"), (381.2, "381 x usual")])
def test_ratios(ratio: float, said: str) -> None:
    assert times(ratio) == said
