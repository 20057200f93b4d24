"""A route's state."""

from __future__ import annotations

import pytest

from foreshock_feeds.domain.route_state import RouteInput, RouteState, advance


def test_only_the_canary_makes_a_route_live_and_a_liquidation_a_venue_held_for_silent() -> None:
    leads_to_live = {
        (state, what)
        for state in RouteState
        for what in RouteInput
        if state is not RouteState.LIVE and (state, what) in _table() and advance(state, what) is RouteState.LIVE
    }
    before = (RouteState.UNPROVEN, RouteState.SUSPECT, RouteState.DEAD)
    assert leads_to_live == {(state, RouteInput.CANARY) for state in before} | {(RouteState.SUSPECT, RouteInput.HEARD)}


def test_the_canary_of_a_silent_venue_never_makes_it_live() -> None:
    reached = {advance(state, RouteInput.CANARY_ALONE) for state in RouteState}
    assert reached == {RouteState.CONNECTING, RouteState.SUSPECT}
    assert advance(RouteState.LIVE, RouteInput.SILENT) is RouteState.SUSPECT


def test_a_failed_plugin_is_dead_from_any_state() -> None:
    assert {advance(state, RouteInput.FAILED) for state in RouteState} == {RouteState.DEAD}


def test_what_cannot_happen_raises() -> None:
    with pytest.raises(KeyError):
        advance(RouteState.LIVE, RouteInput.OPENED)


def test_every_state_has_an_answer_to_all_that_can_happen_at_any_time() -> None:
    anytime = set(RouteInput) - {RouteInput.OPENED}
    assert {(state, what) for state in RouteState for what in anytime} <= _table()


def _table() -> set[tuple[RouteState, RouteInput]]:
    from foreshock_feeds.domain.route_state import TABLE

    return set(TABLE)
