"""A route's conversation: what is said, what is heard, and when it is given up."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.feeds.feed_parts import ROUTE, SECOND, ToyConnector

from foreshock_feeds.domain.ingest import Ingest, Ingested
from foreshock_feeds.domain.route_state import RouteChange, RouteInput, RouteState
from foreshock_feeds.quarantine import Quarantine
from foreshock_feeds.session import RouteSession
from foreshock_runtime.clock import Clock, FrameClock, SystemClock
from foreshock_sdk.errors import Fatal
from foreshock_sdk.instruments import Instruments


class Heard:
    """A session and what came of it."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.rows: list[tuple[float, int]] = []
        self.changes: list[RouteChange] = []
        connector, clock = ToyConnector(), clock or SystemClock()
        self.quarantine = Quarantine(clock)
        self.session = RouteSession(
            connector,
            ROUTE,
            Ingest(Instruments("toy", connector.packaged_specs().specs)),
            clock=clock,
            quarantine=self.quarantine,
            deliver=self._deliver,
            changed=self.changes.append,
        )

    def say(self, *frames: str, at: int = 7) -> Any:
        return self.session.heard(frames, [at] * len(frames))

    def _deliver(self, _: Ingest, found: Ingested) -> None:
        prices, received = found.liquidations["price"], found.liquidations["ts_recv"]
        self.rows += zip(prices.tolist(), received.tolist(), strict=True)


def test_a_connection_begins_unproven_and_says_its_subscriptions() -> None:
    heard = Heard()
    assert heard.session.opened() == ("hello",)
    assert heard.session.state is RouteState.UNPROVEN


def test_rows_carry_the_time_of_their_frame_and_the_loss_that_of_the_last_canary() -> None:
    heard = Heard()
    heard.session.opened()
    heard.say('{"price": 2}', '{"canary": 1}', at=9 * SECOND)
    heard.say('{"price": 3}', at=10 * SECOND)
    heard.session.happened(RouteInput.CLOSED, "gone")
    assert heard.rows == [(2.0, 9 * SECOND), (3.0, 10 * SECOND)]
    assert [(each.after, each.last_good) for each in heard.changes] == [
        (RouteState.UNPROVEN, 0),
        (RouteState.LIVE, 9 * SECOND),
        (RouteState.CONNECTING, 9 * SECOND),
    ]
    assert heard.changes[0].route == "toy/main"


def test_a_fault_is_counted_and_kept_and_the_rows_beside_it_stay() -> None:
    heard = Heard()
    heard.session.opened()
    heard.say('{"price": 1}', "{", '{"price": 2}')
    assert [price for price, _ in heard.rows] == [1.0, 2.0]
    assert (heard.session.frames_seen, heard.session.faults) == (3, 1)
    assert heard.quarantine.counts == {"toy/main": 1}


def test_a_refusal_makes_the_route_suspect_and_a_farewell_ends_the_connection() -> None:
    heard = Heard()
    heard.session.opened()
    heard.say('{"control": 0}', '{"control": 3}', '{"control": 1}')
    assert heard.changes[-1].after is RouteState.SUSPECT
    assert heard.changes[-1].reason == "refused: 7 why"
    assert heard.session.dead_for(heard.session.last_frame) is None
    assert heard.session.refusal == "refused: 7 why"
    heard.say('{"canary": 1}')
    assert [change.after for change in heard.changes[-2:]] == [RouteState.SUSPECT, RouteState.LIVE]
    assert heard.session.refusal == "refused: 7 why", "it stands while the connection does"
    heard.say('{"control": 2}')
    assert heard.session.dead_for(heard.session.last_frame) == "the venue announced that it will close"
    heard.session.happened(RouteInput.CLOSED, "so it did")
    heard.session.opened()
    assert heard.session.dead_for(heard.session.last_frame) is None
    assert heard.session.refusal is None


def test_a_silent_canary_is_reported_at_its_deadline_and_given_up_at_twice_that() -> None:
    heard = Heard()
    heard.session.opened()
    heard.say('{"canary": 1}')
    since = heard.session.last_canary
    assert heard.session.dead_for(since + 5 * SECOND) is None
    assert heard.session.dead_for(since + 6 * SECOND) is None
    assert heard.session.state is RouteState.DEAD
    assert heard.changes[-1].reason == "no btc for 5 s"
    assert heard.session.dead_for(since + 11 * SECOND) == "no btc for 10 s"
    assert heard.session.dead_for(since + 31 * SECOND) == "no frame for 30 s"


def test_the_silence_of_a_process_that_was_stopped_is_not_the_venues() -> None:
    heard = Heard()
    heard.session.opened()
    heard.say('{"canary": 1}')
    heard.session.slept(60 * SECOND)
    assert heard.session.dead_for(heard.session.last_canary - 56 * SECOND + 60 * SECOND) is None
    assert heard.session.state is RouteState.LIVE


def test_a_heartbeat_is_said_when_its_interval_has_passed() -> None:
    session = Heard().session
    session.opened()
    sent = session.last_sent
    assert session.heartbeat(sent + 19 * SECOND) is None
    assert session.heartbeat(sent + 20 * SECOND) == "ping"
    assert session.heartbeat(sent + 21 * SECOND) is None


def test_what_the_plugin_raised_stands_until_the_route_lives_again() -> None:
    heard = Heard()
    heard.session.opened()
    assert heard.session.failed(Fatal("closed here")) == "Fatal: closed here"
    assert heard.session.state is RouteState.DEAD
    heard.session.opened()
    failures = [heard.session.failure]
    heard.say('{"canary": 1}')
    assert [*failures, heard.session.failure] == ["Fatal: closed here", None]


def test_a_recording_brings_its_own_time_and_may_rest() -> None:
    clock = FrameClock()
    heard = Heard(clock)
    heard.session.opened()
    heard.say('{"price": 1, "pushed_ms": 5}', '{"price": 2, "pushed_ms": 9}', '{"price": 3}', at=77)
    assert heard.rows == [(1.0, 5_000_000), (2.0, 9_000_000), (3.0, 9_000_000)]
    assert heard.session.dead_for(heard.session.last_frame + 3600 * SECOND) is None


def test_an_impossible_input_is_an_error() -> None:
    heard = Heard()
    heard.session.opened()
    with pytest.raises(KeyError):
        heard.session.happened(RouteInput.OPENED, "twice")
