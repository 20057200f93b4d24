"""A route whose venue is silent among the others."""

from __future__ import annotations

import msgspec
import pytest
from tests.unit.feeds.feed_parts import SECOND
from tests.unit.feeds.test_session import Heard

from foreshock_feeds.domain.route_state import RouteInput, RouteState
from foreshock_runtime.clock import FrameClock
from foreshock_sdk.connector import Purpose

UNPROVEN, LIVE, SUSPECT, DEAD = RouteState.UNPROVEN, RouteState.LIVE, RouteState.SUSPECT, RouteState.DEAD


def test_its_canary_no_longer_makes_it_live_until_a_liquidation_comes() -> None:
    heard = Heard()
    heard.say('{"canary": 1}')
    heard.session.suspect("no liquidation")
    heard.say('{"canary": 2}')
    assert heard.states == [UNPROVEN, LIVE, SUSPECT]
    assert heard.changes[-1].reason == "no liquidation"
    heard.session.suspect("no liquidation for longer")
    heard.session.suspect(None)
    heard.say('{"canary": 3}')
    assert heard.states == [UNPROVEN, LIVE, SUSPECT, LIVE]
    assert heard.changes[-1].reason == "liquidations came again"


def test_a_new_connection_does_not_clear_the_suspicion() -> None:
    heard = Heard()
    heard.say('{"canary": 1}')
    heard.session.suspect("no liquidation")
    heard.session.lost(heard.talk, "gone")
    heard.say('{"canary": 2}', to=heard.begin())
    assert heard.states[-2:] == [UNPROVEN, SUSPECT]
    assert heard.changes[-1].reason == "no liquidation"


def test_a_silent_venue_whose_canary_stops_is_dead() -> None:
    heard = Heard()
    heard.say('{"canary": 1}')
    heard.session.suspect("no liquidation")
    heard.session.happened(RouteInput.OVERDUE, "no btc for 5 s")
    heard.say('{"canary": 2}')
    assert heard.states[-2:] == [DEAD, SUSPECT]


@pytest.mark.parametrize("purpose", [Purpose.CONTEXT, Purpose.PRIVATE])
def test_routes_that_bring_no_liquidations_are_left_alone(purpose: Purpose) -> None:
    heard = Heard()
    heard.session.route = msgspec.structs.replace(heard.session.route, purpose=purpose)
    heard.say('{"canary": 1}')
    heard.session.suspect("no liquidation")
    assert heard.states == [UNPROVEN, LIVE]


def test_an_hour_of_event_time_with_nothing_but_the_canary_stays_live() -> None:
    clock = FrameClock()
    heard = Heard(clock)
    for second in range(3_601):
        heard.say(f'{{"canary": 1, "pushed_ms": {(1_780_000_000 + second) * 1_000}}}')
        assert heard.talk.dead_for(heard.talk.last_frame) is None
    assert clock.now() == (1_780_000_000 + 3_600) * SECOND
    assert heard.states == [UNPROVEN, LIVE]
