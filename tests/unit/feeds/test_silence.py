"""A venue that says nothing while the others do."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_feeds.domain.silence import MEMORY, Present, Silence, SilenceRule

START = 1_700_000_000
RULE = SilenceRule()
SHARES = {"binance": 0.3, "bybit": 0.25, "okx": 0.1, "htx": 0.05, "deribit": 0.005, "hyperliquid": 0.0}


def present(since: int = START, **shares: float) -> dict[str, Present]:
    return {venue: Present(since, share) for venue, share in (shares or SHARES).items()}


def spoke(silence: Silence, venue: str, seconds: Iterable[int]) -> None:
    for second in seconds:
        silence.heard(venue, START + second)


@pytest.mark.parametrize(
    ("name", "spoken", "silent"),
    [
        ("nobody speaks", {}, set()),
        ("a rate of the others, and a large venue is silent", {"bybit": 15, "okx": 10}, {"binance"}),
        ("the same, and it spoke", {"bybit": 15, "okx": 10, "binance": 1}, set()),
        ("one venue alone is no market", {"bybit": 60}, set()),
        ("too few to make a rate", {"bybit": 10, "okx": 9}, set()),
        ("a small venue may miss a small rate", {"binance": 20, "bybit": 20, "okx": 20}, set()),
        ("but not a large one", {"binance": 60, "bybit": 60, "okx": 60}, {"htx"}),
        ("who cannot be seen whole is never judged", {"binance": 60, "bybit": 60, "okx": 60, "htx": 60}, set()),
    ],
)
def test_who_is_held_for_silent(name: str, spoken: dict[str, int], silent: set[str]) -> None:
    silence = Silence()
    for venue, seconds in spoken.items():
        spoke(silence, venue, range(100, 100 + seconds))
    assert silence.judge(START + 159, present(), RULE).keys() == silent, name


def test_by_what_a_venue_usually_brings_not_by_its_share_alone() -> None:
    quiet, loud = Silence(), Silence()
    for silence, every in ((quiet, 600), (loud, 40)):
        spoke(silence, "okx", range(0, 3_400, every))
        spoke(silence, "bybit", range(0, 3_400, 20))
        spoke(silence, "binance", range(0, 3_400, 20))
        for venue in ("bybit", "binance"):
            spoke(silence, venue, range(3_500, 3_530))
    assert quiet.judge(START + 3_550, present(), RULE).keys() == set()
    assert loud.judge(START + 3_550, present(), RULE).keys() == {"okx"}


def test_the_hour_is_looked_at_where_a_minute_says_too_little() -> None:
    """A route that was retired: connected, acknowledged, and nothing ever comes; the market is never fast."""
    silence = Silence()
    for second in range(0, MEMORY + 61, 7):
        spoke(silence, "binance", [second])
        spoke(silence, "bybit", [second])
        assert silence.judge(START + second, present(START + 100), RULE) == {}
    found = silence.judge(START + MEMORY + 100, present(START + 100), RULE)
    assert set(found) == {"htx", "okx"}
    assert found["htx"] == "no liquidation in 3600 s, others had in 1016 s: 16 expected"


def test_it_lasts_until_the_venue_speaks_whatever_the_others_do() -> None:
    silence = Silence()
    spoke(silence, "bybit", range(100, 130))
    spoke(silence, "okx", range(100, 130))
    found = silence.judge(START + 150, present(), RULE)
    assert found == {"binance": "no liquidation in 60 s, others had in 60 s: 44 expected"}
    judged = {name: each for name, each in present().items() if name != "binance"}
    assert silence.judge(START + 9_000, judged, RULE) == found
    silence.heard("binance", START + 9_001)
    assert silence.judge(START + 9_001, present(), RULE) == {}


def test_a_venue_that_just_came_is_not_judged() -> None:
    silence = Silence()
    spoke(silence, "bybit", range(100, 130))
    spoke(silence, "okx", range(100, 130))
    assert silence.judge(START + 140, present(START + 81), RULE) == {}
    assert silence.judge(START + 141, present(START + 81), RULE).keys() == {"binance"}


def test_it_can_be_turned_off() -> None:
    silence = Silence()
    spoke(silence, "bybit", range(100, 160))
    spoke(silence, "okx", range(100, 160))
    assert silence.judge(START + 159, present(), RULE._replace(events=0)) == {}


def test_what_is_told_late_or_after_a_long_rest_is_counted_where_it_belongs() -> None:
    silence = Silence()
    spoke(silence, "okx", [10, 5_000, 4_990, 1])
    silence.judge(START + 5_000, present(), RULE)
    assert silence._seconds("okx", 5) == 1
    assert silence._seconds("okx", 60) == 2
    assert silence._seconds("okx", MEMORY) == 2
    assert silence._seconds("nobody", MEMORY) == 0


quiet_hours = st.lists(st.tuples(st.sampled_from(sorted(SHARES)), st.integers(0, MEMORY)), max_size=19)


@given(quiet_hours)
def test_in_a_quiet_market_nobody_is_suspected(events: list[tuple[str, int]]) -> None:
    silence = Silence()
    for venue, second in sorted(events, key=lambda each: each[1]):
        silence.heard(venue, START + second)
        assert silence.judge(START + second, present(), RULE) == {}
    assert silence.judge(START + 2 * MEMORY, present(), RULE) == {}


@given(st.lists(st.tuples(st.sampled_from(sorted(SHARES)), st.integers(0, 2 * MEMORY)), max_size=200))
def test_who_spoke_within_the_window_is_never_suspected(events: list[tuple[str, int]]) -> None:
    silence, last = Silence(), dict.fromkeys(SHARES, -MEMORY)
    for venue, second in sorted(events, key=lambda each: each[1]):
        silence.heard(venue, START + second)
        last[venue] = second
        found = silence.judge(START + second, present(START - MEMORY), RULE)
        assert all(second - last[each] >= RULE.window for each in found)
        assert "hyperliquid" not in found
