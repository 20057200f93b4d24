"""A route's conversation: what is said, what is heard, and when it is given up."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from tests.unit.feeds.feed_parts import ROUTE, SECOND, ToyConnector

from foreshock_feeds import conversation
from foreshock_feeds.conversation import Conversation, DecoderTooSlow
from foreshock_feeds.domain.ingest import Ingest, Ingested
from foreshock_feeds.domain.offset import ClockOffset
from foreshock_feeds.domain.route_state import RouteChange, RouteInput, RouteState
from foreshock_feeds.quarantine import Quarantine
from foreshock_feeds.session import RouteSession
from foreshock_runtime.clock import Clock, FrameClock, SystemClock
from foreshock_sdk.errors import Fatal
from foreshock_sdk.instruments import Instruments


class Heard:
    """A session and what came of it."""

    def __init__(self, clock: Clock | None = None, *, last_good: int = 0) -> None:
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
            offset=ClockOffset(),
            decode_budget_ms=5.0,
            last_good=last_good,
        )
        self.talk = self.begin()

    def begin(self) -> Conversation:
        """Open another connection and say all there is to say."""
        talk = Conversation(self.session)
        talk.prepare()
        talk.opened()
        talk.all_said()
        return talk

    @property
    def states(self) -> list[RouteState]:
        return [each.after for each in self.changes]

    def say(self, *frames: str, at: int = 7, to: Conversation | None = None) -> Any:
        return (to or self.talk).heard(frames, [at] * len(frames))

    def _deliver(self, _: Ingest, found: Ingested) -> None:
        prices, received = found.liquidations["price"], found.liquidations["ts_recv"]
        self.rows += zip(prices.tolist(), received.tolist(), strict=True)


def test_a_connection_begins_unproven() -> None:
    heard = Heard()
    assert heard.session.present is heard.talk
    assert heard.states == [RouteState.UNPROVEN]
    assert not heard.talk.proven


def test_what_is_heard_before_the_plugin_was_asked_for_a_decoder_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="before it was prepared"):
        Conversation(Heard().session).heard(("{}",), (1,))


def test_rows_carry_the_time_of_their_frame_and_the_loss_that_of_the_last_canary() -> None:
    heard = Heard()
    heard.say('{"price": 2}', '{"canary": 1}', at=9 * SECOND)
    heard.say('{"price": 3}', at=10 * SECOND)
    heard.session.lost(heard.talk, "gone")
    assert heard.rows == [(2.0, 9 * SECOND), (3.0, 10 * SECOND)]
    assert [(each.after, each.last_good) for each in heard.changes] == [
        (RouteState.UNPROVEN, 0),
        (RouteState.LIVE, 9 * SECOND),
        (RouteState.CONNECTING, 9 * SECOND),
    ]
    assert heard.changes[0].route == "toy/main"


def test_a_fault_is_counted_and_kept_and_the_rows_beside_it_stay() -> None:
    heard = Heard()
    heard.say('{"price": 1}', "{", '{"price": 2}')
    assert [price for price, _ in heard.rows] == [1.0, 2.0]
    assert (heard.session.frames_seen, heard.session.faults) == (3, 1)
    assert heard.quarantine.counts == {"toy/main": 1}


def test_a_refusal_makes_the_route_suspect_until_the_canary_and_a_farewell_asks_for_another_connection() -> None:
    heard = Heard()
    heard.say('{"control": 0}', '{"control": 3}', '{"control": 1}')
    assert heard.changes[-1].after is RouteState.SUSPECT
    assert heard.changes[-1].reason == "refused: 7 why"
    assert heard.talk.dead_for(heard.talk.last_frame) is None
    assert heard.session.refusal == "refused: 7 why"
    heard.say('{"canary": 1}')
    assert heard.states[-2:] == [RouteState.SUSPECT, RouteState.LIVE]
    assert heard.session.refusal == "refused: 7 why", "it stands while the connection does"
    heard.say('{"control": 2}')
    assert heard.talk.closing
    assert heard.talk.dead_for(heard.talk.last_frame) is None
    heard.session.lost(heard.talk, "so it did")
    again = heard.begin()
    assert not again.closing
    assert again.refusal is None


def test_a_silent_canary_is_reported_at_its_deadline_and_given_up_at_twice_that() -> None:
    heard = Heard()
    heard.say('{"canary": 1}')
    since = heard.talk.last_canary
    assert heard.talk.dead_for(since + 5 * SECOND) is None
    assert heard.talk.dead_for(since + 6 * SECOND) is None
    assert heard.session.state is RouteState.DEAD
    assert heard.changes[-1].reason == "no btc for 5 s"
    assert heard.talk.dead_for(since + 11 * SECOND) == "no btc for 10 s"
    assert heard.talk.dead_for(since + 31 * SECOND) == "no frame for 30 s"


def test_the_canary_is_waited_for_since_all_was_said() -> None:
    heard = Heard()
    talk = Conversation(heard.session)
    talk.prepare()
    talk.opened()
    assert talk.dead_for(talk.last_canary + 29 * SECOND) is None
    heard.say('{"canary": 1}', to=talk)
    assert not talk.proven, "it may be of a channel said before others"
    talk.all_said()
    heard.say('{"price": 1}', to=talk)
    assert not talk.proven
    heard.say('{"canary": 1}', to=talk)
    assert talk.proven


def test_only_the_present_connection_moves_the_state_until_another_takes_over() -> None:
    heard = Heard()
    heard.say('{"canary": 1}', at=9 * SECOND)
    other = heard.begin()
    heard.say('{"canary": 1, "control": 1}', '{"price": 4}', at=10 * SECOND, to=other)
    assert other.dead_for(other.last_canary + 6 * SECOND) is None
    assert heard.states == [RouteState.UNPROVEN, RouteState.LIVE]
    assert heard.rows == [(4.0, 10 * SECOND)]
    heard.session.handed_over(other)
    heard.session.lost(heard.talk, "closed by us")
    assert heard.states == [RouteState.UNPROVEN, RouteState.LIVE]
    assert heard.session.last_good == 10 * SECOND
    heard.session.lost(other, "gone")
    assert heard.changes[-1].last_good == 10 * SECOND


def test_after_a_loss_another_connection_takes_over_as_far_as_it_got() -> None:
    heard = Heard()
    heard.say('{"canary": 1}')
    silent, singing = heard.begin(), heard.begin()
    heard.say('{"canary": 1}', to=singing)
    heard.session.lost(heard.talk, "gone")
    heard.session.inherited(silent)
    assert heard.states[2:] == [RouteState.CONNECTING, RouteState.UNPROVEN]
    heard.session.lost(silent, "gone, too")
    heard.session.inherited(singing)
    assert heard.states[4:] == [RouteState.CONNECTING, RouteState.UNPROVEN, RouteState.LIVE]


def test_the_silence_of_a_process_that_was_stopped_is_not_the_venues() -> None:
    heard = Heard()
    heard.say('{"canary": 1}')
    heard.talk.slept(60 * SECOND)
    assert heard.talk.dead_for(heard.talk.last_canary - 56 * SECOND + 60 * SECOND) is None
    assert heard.session.state is RouteState.LIVE


def test_a_heartbeat_is_said_when_its_interval_has_passed() -> None:
    talk = Heard().talk
    sent = talk.last_sent
    assert talk.heartbeat_due(sent + 19 * SECOND) is None
    assert talk.heartbeat_due(sent + 20 * SECOND) == "ping"
    assert talk.heartbeat_due(sent + 21 * SECOND) is None


def test_what_the_plugin_raised_stands_until_the_route_lives_again() -> None:
    heard = Heard()
    assert heard.session.failed(Fatal("closed here")) == "Fatal: closed here"
    assert heard.session.state is RouteState.DEAD
    heard.talk = heard.begin()
    failures = [heard.session.failure]
    heard.say('{"canary": 1}')
    assert [*failures, heard.session.failure] == ["Fatal: closed here", None]


def test_what_keeps_a_route_from_a_connection_is_known_until_it_has_one() -> None:
    heard = Heard()
    heard.session.lost(heard.talk, "cut")
    outages = [heard.session.outage]  # the loss itself is a change of state, with its reason
    heard.session.lost(Conversation(heard.session), "OSError: refused")
    outages.append(heard.session.outage)
    first = heard.begin()
    outages.append(heard.session.outage)
    heard.session.lost(Conversation(heard.session), "the one that was to follow")
    outages.append(heard.session.outage)
    assert outages == [None, "OSError: refused", None, None]
    assert heard.session.present is first


def test_a_decoder_that_takes_longer_than_it_may_is_an_error_that_says_how_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard, spent = Heard(), iter((0, 600 * 10**6))
    heard.talk._budget.suspected = True
    monkeypatch.setattr(conversation, "thread_ns", lambda: next(spent))
    monkeypatch.setattr(conversation, "monotonic_ns", count(step=700 * 10**6).__next__)
    with pytest.raises(DecoderTooSlow, match=r"decoding takes 300 ms a frame, 5 are allowed"):
        heard.say("{}", "{}")
    assert heard.rows == []


def test_a_recording_brings_its_own_time_and_may_rest() -> None:
    clock = FrameClock()
    heard = Heard(clock)
    heard.say('{"price": 1, "pushed_ms": 5}', '{"price": 2, "pushed_ms": 9}', '{"price": 3}', at=77)
    assert heard.rows == [(1.0, 5_000_000), (2.0, 9_000_000), (3.0, 9_000_000)]
    assert heard.talk.dead_for(heard.talk.last_frame + 3600 * SECOND) is None


def test_pushes_tell_the_offset_of_the_venues_clock() -> None:
    heard = Heard()
    heard.say('{"pushed_ms": 5}', at=9_000_000)
    heard.say("{}", at=1)
    assert heard.session.offset.present(9_000_000) == (4_000_000, 0)


REPLAYED = '{"price": %d, "ts": %d, "replayed": true}'


def test_rows_sent_again_on_the_very_first_connection_are_not_live() -> None:
    heard = Heard()
    heard.say(REPLAYED % (1, 8), '{"price": 2, "ts": 8}', REPLAYED % (3, 9), at=9_000_000)
    assert [price for price, _ in heard.rows] == [2.0]
    assert heard.session.replayed == 2


def test_what_a_venues_numbers_say_is_missing_is_counted() -> None:
    heard = Heard()
    heard.say('{"missing": 3}', '{"missing": 1}')
    heard.say('{"missing": 2}')
    assert heard.session.missing == 6


@pytest.mark.parametrize("resumed", [False, True])
def test_rows_sent_again_after_a_loss_are_kept_when_they_may_not_have_been_told(*, resumed: bool) -> None:
    """The toy holds rows back for 0.1 s, and 0.5 s may pass on the way: what is older than that was told."""
    heard = Heard(last_good=10 * SECOND if resumed else 0)
    if not resumed:
        heard.say('{"canary": 1}', at=10 * SECOND)
    heard.say(REPLAYED % (1, 9_400), REPLAYED % (2, 9_401), REPLAYED % (3, 11_000), at=12 * SECOND)
    assert [price for price, _ in heard.rows] == [2.0, 3.0]
    assert heard.session.replayed == 1


def test_an_impossible_input_is_an_error() -> None:
    with pytest.raises(KeyError):
        Heard().session.happened(RouteInput.OPENED, "twice")
