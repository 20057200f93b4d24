"""A venue's clock beside ours."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from foreshock_feeds.domain.offset import NS, WINDOW_SECONDS, ClockOffset

MS = 1_000_000


def test_nothing_is_known_before_a_frame_told_its_time() -> None:
    assert ClockOffset().present(NS) is None


def test_the_shortest_way_of_the_last_minute_and_how_far_others_lie_above() -> None:
    offset = ClockOffset()
    for second, late in ((1, 40), (1, 25), (2, 90)):
        offset.add(second * NS, second * NS - late * MS)
    assert offset.present(2 * NS) == (25 * MS, 65 * MS)
    assert offset.present(61 * NS) == (90 * MS, 0)
    assert offset.present(62 * NS) is None


def test_a_venue_whose_clock_is_ahead_shows_a_negative_offset() -> None:
    offset = ClockOffset()
    offset.add(NS, NS + 5 * MS)
    assert offset.present(NS) == (-5 * MS, 0)


def test_a_clock_of_ours_that_was_set_back_breaks_nothing() -> None:
    offset = ClockOffset()
    offset.add(100 * NS, 100 * NS - 5)
    offset.add(90 * NS, 90 * NS - 3)
    assert offset.present(100 * NS) == (3, 2)


@given(st.lists(st.tuples(st.integers(0, 20 * NS), st.integers(-NS, NS)), min_size=1, max_size=80))
def test_it_is_the_minimum_of_what_came_within_the_window_of_whole_seconds(steps: list[tuple[int, int]]) -> None:
    offset, now, told = ClockOffset(), 0, list[tuple[int, int]]()
    for pause, late in steps:
        now += pause
        offset.add(now, now - late)
        told.append((now // NS, late))
    within = [late for second, late in told if second > now // NS - WINDOW_SECONDS]
    assert offset.present(now) == (min(within), max(within) - min(within))
    assert len(offset._seconds) <= WINDOW_SECONDS
