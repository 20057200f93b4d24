"""How far each venue is seen, from the states of its routes and from what came."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from tests.unit.feeds.test_coverage import TABLE

from foreshock_feeds.domain.coverage import Shares
from foreshock_feeds.domain.route_state import RouteChange, RouteState
from foreshock_feeds.domain.silence import SilenceRule
from foreshock_feeds.health import RouteHealth
from foreshock_feeds.life import KEEP_NS, Life
from foreshock_model import keys
from foreshock_model.sight import Sight
from foreshock_model.tick import VenueLife, decode
from foreshock_runtime.clock import FrameClock
from foreshock_sdk.connector import Purpose
from foreshock_sdk.events import EventFlag

SECOND = 10**9
START = 1_700_000_000 * SECOND
RULE = SilenceRule()
VENUES = ("binance", "deep", "okx")


class Story:
    """A life with a clock to move."""

    def __init__(self, partial: tuple[str, ...] = ()) -> None:
        self.clock = FrameClock(START)
        self.life = Life(self.clock, Shares(VENUES, partial, TABLE))
        self.health = RouteHealth(self.clock, life=self.life)
        self.ticks: list[dict[str, VenueLife]] = []
        self.life.changed = lambda: self.ticks.append(decode(self.health.tick()).venues)

    def live(self, *routes: str, purpose: Purpose = Purpose.LIQUIDATIONS) -> None:
        for route in routes:
            self.health.opened(route, purpose)
            self.move(route, RouteState.LIVE)

    def move(self, route: str, after: RouteState) -> None:
        self.health.changed(RouteChange(route, RouteState.UNPROVEN, after, "because", 1))

    def heard(self, venue: str, usd: float = 1.0, flags: EventFlag = EventFlag.NONE) -> None:
        rows = {
            "notional_usd": np.array([usd]),
            "ts_event": np.array([self.clock.now() - 1]),
            "flags": np.array([flags], np.uint16),
        }
        self.life.heard(venue, rows)

    def seconds(self, number: int, *venues: str) -> Any:
        """Let seconds pass, in each of which some venues liquidate; return who is silent at the end."""
        found: Any = {}
        for _ in range(number):
            self.clock.advance(self.clock.now() + SECOND)
            for venue in venues:
                self.heard(venue)
            found = self.life.look(RULE)
        return found


def test_a_venue_is_as_live_as_its_routes_that_bring_liquidations() -> None:
    story = Story()
    story.live("binance/um", "binance/cm")
    story.live("okx/books", purpose=Purpose.CONTEXT)
    story.health.opened("okx/public", Purpose.LIQUIDATIONS)
    assert story.life.venues() == {
        "binance": VenueLife(1.0, 0.4),
        "deep": VenueLife(0.0, 0.3),
        "okx": VenueLife(0.0, 0.2),
    }
    story.move("binance/cm", RouteState.DEAD)
    assert story.life.sight() == Sight(coverage=0.2, possible=0.9, used=("binance",), missing=("deep", "okx"))


@pytest.mark.parametrize("state", [state for state in RouteState if state is not RouteState.LIVE])
def test_only_live_routes_count(state: RouteState) -> None:
    story = Story()
    story.live("okx/public")
    story.move("okx/public", state)
    assert story.life.live("okx") == 0.0


def test_each_change_is_said_at_once() -> None:
    story = Story()
    story.live("okx/public")
    story.move("okx/public", RouteState.DEAD)
    assert [tick["okx"].live for tick in story.ticks] == [0.0, 1.0, 0.0]
    assert msgspec.json.decode(story.health.tick())["coverage"] == 0.0


def test_a_route_given_up_counts_no_more() -> None:
    story = Story()
    story.live("okx/0", "okx/1")
    story.move("okx/1", RouteState.DEAD)
    story.health.keep(["okx/0"])
    assert story.life.live("okx") == 1.0
    story.health.keep([])
    assert story.life.live("okx") == 0.0


def test_why_and_since_when_a_route_is_in_its_state_is_known() -> None:
    story = Story()
    story.health.opened("okx/0")
    assert story.life.why("okx/0") == {"reason": "will be read", "since": START}
    story.clock.advance(START + SECOND)
    story.move("okx/0", RouteState.LIVE)
    assert story.life.why("okx/0") == {"reason": "because", "since": START + SECOND}
    assert story.life.why("okx/1") == {}
    assert (story.life.age(START), story.life.age(0)) == (1.0, -1.0)


def test_a_venue_that_says_nothing_while_others_do_is_found_and_an_event_ends_it() -> None:
    story = Story()
    story.live("okx/0", "binance/0", "deep/0")
    assert story.seconds(61, "okx", "deep").keys() == {"binance"}
    story.move("binance/0", RouteState.SUSPECT)
    assert story.seconds(100).keys() == {"binance"}
    assert story.seconds(1, "binance") == {}


def test_what_a_venue_repeats_or_rest_brings_later_proves_nothing_of_its_feed() -> None:
    story = Story()
    story.live("okx/0", "binance/0", "deep/0")
    story.seconds(60, "okx", "deep")
    story.heard("binance", flags=EventFlag.REPLAYED)
    story.heard("binance", flags=EventFlag.BACKFILLED | EventFlag.CLAMPED)
    assert story.seconds(1).keys() == {"binance"}


def test_a_quiet_hour_suspects_nobody_and_counts_as_seen() -> None:
    story = Story()
    story.live("okx/0", "binance/0", "deep/0")
    assert story.seconds(3_600) == {}
    kept = msgspec.json.decode(story.life.shares.dump("okx"))
    assert sum(each["seconds"] for each in kept.values()) == 3_600
    assert story.life.sight().coverage == 0.9


def test_a_venue_of_which_only_a_part_can_be_seen_is_never_suspected() -> None:
    story = Story(partial=("deep",))
    story.live("okx/0", "binance/0", "deep/0")
    assert story.seconds(300, "okx", "binance") == {}
    assert story.life.venues()["deep"] == VenueLife(1.0, 0.0)
    assert story.life.seen("deep") == {"live": 1.0, "share": 0.0, "share_source": "partial"}


def test_the_tallies_are_kept_once_a_minute_and_at_the_end() -> None:
    story = Story()
    story.heard("okx", 5.0)
    assert story.life.commands() == []
    story.clock.advance(START + KEEP_NS)
    kept = story.life.commands()
    assert {each[:3] for each in kept} == {("HSET", keys.FEEDS_SHARES, venue) for venue in VENUES}
    assert story.life.commands() == []
    assert len(story.life.commands(at_once=True)) == len(VENUES)


def test_empty_rows_and_unknown_venues_are_nothing() -> None:
    story = Story()
    story.life.heard("okx", {"ts_event": np.empty(0, np.int64), "flags": np.empty(0, np.uint16)})
    story.heard("mtgox")
    assert story.life.shares.dump("okx") == b"{}"


def test_a_route_that_proves_nothing_for_ten_seconds_is_a_problem_however_often_it_connects() -> None:
    story = Story()
    story.live("okx/a")
    assert story.life.darkness("okx/a") is None
    story.health.opened("okx/b", Purpose.LIQUIDATIONS)
    words = []
    for after in (RouteState.UNPROVEN, RouteState.DEAD, RouteState.UNPROVEN):
        story.seconds(4)
        story.move("okx/b", after)
        words.append(story.life.darkness("okx/b"))
    assert words == [None, None, "UNPROVEN, not live for 12 s: because"]
    story.move("okx/b", RouteState.LIVE)
    assert story.life.darkness("okx/b") is None
    assert story.life.darkness("no such route") is None
