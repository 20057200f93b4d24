"""A route's state, and the wait between attempts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_feeds.domain.backoff import full_jitter
from foreshock_feeds.domain.route_state import RouteInput, RouteState, advance


def test_only_the_canary_makes_a_route_live() -> None:
    leads_to_live = {
        (state, what)
        for state in RouteState
        for what in RouteInput
        if state is not RouteState.LIVE and (state, what) in _table() and advance(state, what) is RouteState.LIVE
    }
    assert leads_to_live == {(RouteState.UNPROVEN, RouteInput.CANARY), (RouteState.DEAD, RouteInput.CANARY)}


def test_a_failed_plugin_is_dead_from_any_state() -> None:
    assert {advance(state, RouteInput.FAILED) for state in RouteState} == {RouteState.DEAD}


def test_what_cannot_happen_raises() -> None:
    with pytest.raises(KeyError):
        advance(RouteState.LIVE, RouteInput.OPENED)


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_backoff_lies_between_nothing_and_a_capped_exponential(attempt: int, chance: float) -> None:
    assert 0 <= full_jitter(attempt, chance) <= min(30.0, 0.5 * 2.0 ** min(attempt - 1, 30))


def _table() -> set[tuple[RouteState, RouteInput]]:
    from foreshock_feeds.domain.route_state import TABLE

    return set(TABLE)
