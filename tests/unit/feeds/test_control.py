"""What the status names as a problem."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.unit.feeds.test_session import Heard

from foreshock_feeds.control import FeedsControl
from foreshock_feeds.domain.route_state import RouteInput


def problems(heard: Heard, silent: float = 0.0) -> list[str]:
    feeds: Any = SimpleNamespace(
        plugins=SimpleNamespace(infos=[]), venues=[], sessions=[heard.session], output=SimpleNamespace(waiting=7)
    )
    service: Any = SimpleNamespace(health=SimpleNamespace(seconds_since_good=lambda: silent))
    config: Any = None
    return FeedsControl(service, feeds, config)._problems()


def test_a_refusal_is_a_problem_until_the_next_connection_though_the_route_lives() -> None:
    heard = Heard()
    heard.session.opened()
    heard.say('{"control": 1}')
    heard.say('{"canary": 1}')
    assert problems(heard) == ["route toy/main: refused: 7 why"]
    heard.session.happened(RouteInput.CLOSED, "gone")
    heard.session.opened()
    assert problems(heard) == []


def test_a_silent_server_is_a_problem_with_what_waits_for_it() -> None:
    assert problems(Heard(), silent=4.0) == ["Redis has not answered for 4 s; 7 rows wait"]
