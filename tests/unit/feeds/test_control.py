"""What the status names as a problem."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.unit.feeds.test_session import Heard

from foreshock_feeds.control import FeedsControl
from foreshock_feeds.life import Life
from foreshock_runtime.clock import FrameClock


def problems(heard: Heard, silent: float = 0.0) -> list[str]:
    life = Life(FrameClock(1))
    life.silence.silent.update({"toy": "no liquidation"} if heard.session.silent else {})
    feeds: Any = SimpleNamespace(
        plugins=SimpleNamespace(infos=[]),
        venues=[],
        sessions=[heard.session],
        output=SimpleNamespace(entries=7, spilled=9),
        life=life,
    )
    service: Any = SimpleNamespace(health=SimpleNamespace(seconds_since_good=lambda: silent))
    config: Any = None
    return FeedsControl(service, feeds, config)._problems()


def test_a_refusal_is_a_problem_until_the_next_connection_though_the_route_lives() -> None:
    heard = Heard()
    heard.say('{"control": 1}')
    heard.say('{"canary": 1}')
    assert problems(heard) == ["route toy/main: refused: 7 why"]
    heard.session.lost(heard.talk, "gone")
    heard.begin()
    assert problems(heard) == []


def test_a_venue_that_is_silent_among_others_is_a_problem() -> None:
    heard = Heard()
    heard.session.suspect("no liquidation")
    assert problems(heard) == ["venue toy: no liquidation"]


def test_a_silent_server_is_a_problem_with_what_waits_for_it() -> None:
    assert problems(Heard(), silent=4.0) == [
        "Redis has not answered for 4 s; 7 entries wait in memory, 9 bytes on disk"
    ]


def test_a_route_without_a_connection_says_what_keeps_it_from_one() -> None:
    heard = Heard()
    heard.session.lost(heard.talk, "cut")
    heard.session.lost(heard.talk, "cannot connect: refused")
    assert problems(heard) == ["route toy/main: cannot connect: refused"]
