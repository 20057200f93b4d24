"""A route's state."""

from __future__ import annotations

import pytest

from foreshock_feeds.domain.route_state import RouteInput, RouteState, advance


def test_only_the_canary_makes_a_route_live() -> None:
    leads_to_live = {
        (state, what)
        for state in RouteState
        for what in RouteInput
        if state is not RouteState.LIVE and (state, what) in _table() and advance(state, what) is RouteState.LIVE
    }
    before = (RouteState.UNPROVEN, RouteState.SUSPECT, RouteState.DEAD)
    assert leads_to_live == {(state, RouteInput.CANARY) for state in before}


def test_a_failed_plugin_is_dead_from_any_state() -> None:
    assert {advance(state, RouteInput.FAILED) for state in RouteState} == {RouteState.DEAD}


def test_what_cannot_happen_raises() -> None:
    with pytest.raises(KeyError):
        advance(RouteState.LIVE, RouteInput.OPENED)


def _table() -> set[tuple[RouteState, RouteInput]]:
    from foreshock_feeds.domain.route_state import TABLE

    return set(TABLE)
