"""The page of `foreshock status`, at the widths that people have."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from foreshock_cli.inspection import HouseFacts, ProcessFacts
from foreshock_cli.status_view import rendered

REASON = "canary overdue for 12.3 s, nothing but acknowledgements since"


def route(name: str, state: str, reason: str) -> dict[str, object]:
    return {
        "name": name,
        "state": state,
        "reason": reason,
        "canary_age": 12.3,
        "frames": 1_234_567,
        "faults": 0,
        "reconnects": 3,
        "channels": ["!forceOrder@arr", "linear-swap-notification:public.*.liquidation_orders", "c", "d"],
    }


def shown(width: int) -> list[str]:
    routes = [
        route("binance/market-0", "DEAD", REASON),
        route("krakenfutures/liquidations-0", "UNPROVEN", "subscribed"),
        route("htx/linear-swap-books-0", "CONNECTING", "[red]cut[/red]"),
    ]
    feeds = ProcessFacts(service="feeds", instance="0", health="SERVING", routes=routes)
    page = Console(file=io.StringIO(), width=width)
    with page.capture() as captured:
        page.print(rendered(HouseFacts(ok=True, redis=None, regime=None, services=[feeds])))
    return captured.get().splitlines()


@pytest.mark.parametrize("width", [80, 100, 120, 160, 240])
def test_names_and_states_of_routes_are_whole_and_lines_are_not_wrapped(width: int) -> None:
    lines = shown(width)
    assert max(map(len, lines)) <= width
    table = [line.split() for line in lines if "/" in line and "p50" not in line]
    assert [(row[0], row[1]) for row in table] == [
        ("binance/market-0", "DEAD"),
        ("krakenfutures/liquidations-0", "UNPROVEN"),
        ("htx/linear-swap-books-0", "CONNECTING"),
    ]


def test_where_there_is_room_the_reason_is_whole_and_taken_as_text() -> None:
    text = "\n".join(shown(240))
    assert REASON in text
    assert "[red]cut[/red]" in text
