"""Changes of routes, and the gaps between."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from foreshock_feeds import health as subject
from foreshock_feeds.domain.route_state import RouteChange, RouteState
from foreshock_feeds.health import Filling, Gap, RouteHealth, caps_of, delay_ms
from foreshock_model.tick import VenueCap, decode
from foreshock_runtime.clock import FrameClock
from foreshock_sdk.connector import Throttle

CONNECTING, UNPROVEN, LIVE, SUSPECT, DEAD = RouteState
FIRST = {"from": "", "to": "CONNECTING", "reason": "will be read"}


class Story:
    """A health with a clock to move."""

    def __init__(self, resumed_from: int = 0) -> None:
        self.clock = FrameClock(100)
        self.health = RouteHealth(self.clock, resumed_from, instance="0")

    def at(self, now: int, before: RouteState, after: RouteState, last_good: int = 0, route: str = "a/0") -> None:
        self.clock.advance(now)
        gap = self.health.changed(RouteChange(route, before, after, "because", last_good))
        if gap is not None:
            self.health.gap(gap, Filling(whole=False))

    def told(self, kind: str) -> list[dict[Any, Any]]:
        entries = [dict(zip(each[6::2], each[7::2], strict=True)) for each in self.health.waiting]
        return [entry for entry in entries if entry["kind"] == kind]


def test_a_first_start_is_no_gap() -> None:
    story = Story()
    story.health.opened("a/0")
    story.at(200, UNPROVEN, LIVE)
    assert story.told("gap") == []
    assert story.told("state") == [
        {"kind": "state", "route": "a/0", "ts": "100", "instance": "0", **FIRST},
        {
            "kind": "state",
            "route": "a/0",
            "ts": "200",
            "instance": "0",
            "from": "UNPROVEN",
            "to": "LIVE",
            "reason": "because",
        },
    ]


def test_a_route_that_never_connects_shows_once() -> None:
    story = Story()
    story.health.opened("a/0")
    story.health.opened("a/0")
    assert story.told("state") == [{"kind": "state", "route": "a/0", "ts": "100", "instance": "0", **FIRST}]


def test_a_refusal_of_one_channel_is_no_gap_but_a_loss_after_it_is() -> None:
    story = Story()
    story.health.opened("a/0")
    story.at(200, UNPROVEN, LIVE, last_good=200)
    story.at(210, LIVE, SUSPECT, last_good=205)
    story.at(220, SUSPECT, LIVE, last_good=220)
    assert story.told("gap") == []
    story.at(230, LIVE, SUSPECT, last_good=225)
    story.at(240, SUSPECT, CONNECTING, last_good=235)
    story.at(300, UNPROVEN, LIVE, last_good=300)
    assert [(each["from_ns"], each["to_ns"]) for each in story.told("gap")] == [("235", "300")]


def test_a_tick_says_how_old_a_venues_rows_may_be() -> None:
    delays = {"okx": delay_ms(Throttle(push_interval=0.1)), "binance": delay_ms(Throttle(push_interval=1.0))}
    health = RouteHealth(FrameClock(100), 0, delays)
    assert health.tick() == b'{"routes":{},"delays":{"binance":1500,"okx":600}}'


def test_a_tick_says_how_venues_thin_those_that_do() -> None:
    throttles = {
        "okx": Throttle(push_interval=0.0),
        "bitget": Throttle(push_interval=1.0, per_symbol_cap=2),
        "odd": Throttle(push_interval=0.0, per_symbol_cap=1),
        "binance": Throttle(push_interval=1.0, per_symbol_cap=1),
    }
    health = RouteHealth(FrameClock(100), caps=caps_of(throttles))
    assert health.tick() == b'{"routes":{},"delays":{},"caps":{"binance":[1,1000],"bitget":[2,1000]}}'
    assert decode(health.tick()).caps == {"binance": VenueCap(1, 1_000), "bitget": VenueCap(2, 1_000)}


@pytest.mark.parametrize("interval", [-1.0, 1e9, float("inf"), float("nan")])
def test_no_plugin_makes_a_tick_that_readers_refuse(interval: float) -> None:
    delay = delay_ms(Throttle(push_interval=interval))
    health = RouteHealth(FrameClock(100), 0, {"odd": delay})
    assert decode(health.tick()).delays == {"odd": delay}


def test_a_restart_is_a_gap_since_the_last_entry_for_every_route_also_the_late_ones() -> None:
    story = Story(resumed_from=50)
    story.health.opened("a/0")
    story.at(200, UNPROVEN, LIVE)
    story.health.opened("b/0")
    story.health.started()
    story.at(300, UNPROVEN, LIVE, route="b/0")
    assert [(each["route"], each["from_ns"], each["to_ns"]) for each in story.told("gap")] == [
        ("a/0", "50", "200"),
        ("b/0", "50", "300"),
    ]
    assert story.health.gaps == 2


def test_a_loss_is_a_gap_from_the_last_canary_to_the_next_through_all_attempts() -> None:
    story = Story()
    story.health.opened("a/0")
    story.at(200, UNPROVEN, LIVE, last_good=190)
    story.at(300, LIVE, DEAD, last_good=250)
    story.at(310, DEAD, UNPROVEN, last_good=250)
    story.at(320, UNPROVEN, CONNECTING, last_good=250)
    story.at(400, UNPROVEN, LIVE, last_good=390)
    (gap,) = story.told("gap")
    span = {"from_ns": "250", "to_ns": "400"}
    assert gap == {
        "kind": "gap",
        "route": "a/0",
        "ts": "400",
        "instance": "0",
        **span,
        "filled": "no",
        "rows": "0",
        "reason": "",
    }


def test_a_route_added_later_misses_what_came_since_then() -> None:
    story = Story(resumed_from=50)
    story.health.started()
    story.clock.advance(500)
    story.health.opened("a/1")
    story.health.opened("a/1")
    story.at(600, UNPROVEN, LIVE, route="a/1")
    assert [(each["from_ns"], each["to_ns"]) for each in story.told("gap")] == [("500", "600")]


def test_a_route_given_up_does_not_show() -> None:
    story = Story()
    for route in ("a/0", "b/0"):
        story.health.opened(route)
    story.at(200, UNPROVEN, LIVE)
    story.at(300, LIVE, CONNECTING, last_good=290)
    story.health.keep(["b/0"])
    assert msgspec.json.decode(story.health.tick()) == {"routes": {"b/0": "CONNECTING"}, "delays": {}}
    story.at(400, UNPROVEN, LIVE)
    assert story.told("gap") == []


def test_what_waits_is_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr(subject, "KEPT", 3)
    story = Story()
    for now in range(101, 120):
        story.at(now, UNPROVEN, CONNECTING)
    assert [entry["ts"] for entry in story.told("state")] == ["117", "118", "119"]
    assert story.health.dropped > 3


def test_a_gap_that_is_filled_says_when_it_was_asked_for_and_with_how_many_rows() -> None:
    story = Story()
    gap = Gap("a/0", 250, 400)
    story.health.filling(gap)
    assert story.health.gaps == 0
    story.health.gap(gap, Filling(whole=True, rows=3))
    span = {"route": "a/0", "ts": "100", "instance": "0", "from_ns": "250", "to_ns": "400"}
    assert story.told("backfill") == [{"kind": "backfill", **span}]
    assert story.told("gap") == [{"kind": "gap", **span, "filled": "rest", "rows": "3", "reason": ""}]
    assert story.health.gaps == 1
