from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from foreshock_sdk import ContextField, InstrumentSpec, LiquidatedSide, Push, SimContext, SimLiquidation
from foreshock_sdk.simvenue import SimSession, SimVenue, by_contract, encode, reply

SPEC = InstrumentSpec(venue="toy", raw_symbol="BTC", base="BTC", quote="USDT", packaged=True)
OTHER = InstrumentSpec(venue="toy", raw_symbol="ETH", base="ETH", quote="USDT", packaged=True)


class Toy(SimVenue):
    venue = "toy"
    paths = ("/ws",)
    silence_ms = 1_000
    messages = 3

    def answer(self, session: SimSession, request: dict[str, Any], now_ms: int) -> Sequence[str]:
        channel = request.get("sub", "")
        if channel == "poison":
            session.cut = True
        elif "unsub" in request:
            session.unsubscribe(request["unsub"])
        else:
            return ["new" if session.subscribe(channel) else "again"]
        return ()

    def tell(self, rows: Sequence[SimLiquidation], now_ms: int) -> Sequence[Push]:
        return [Push("all", str(len(rows)), tuple(row.row for row in rows))]

    def market(self, raw_symbol: str, prices: dict[ContextField, float], now_ms: int) -> Sequence[Push]:
        return [Push(raw_symbol, encode({str(int(field)): value for field, value in prices.items()}))]

    def greet(self, channel: str, now_ms: int) -> Sequence[Push]:
        return [Push(channel, "welcome")]


def row(number: int, raw_symbol: str = "BTC") -> SimLiquidation:
    return SimLiquidation(number, raw_symbol, LiquidatedSide.LONG, 1.0, 1.0, number)


def test_a_client_gets_what_it_subscribed_and_is_greeted_once() -> None:
    session = Toy([SPEC]).session("/ws?x=1")
    assert session is not None
    assert session.receive('{"sub":"all"}', 0) == ["new"]
    assert session.receive('{"sub":"all"}', 0) == ["again"]
    assert [push.frame for push in session.greeting(0)] == ["welcome"]
    assert session.greeting(0) == []
    assert (session.subscribed("all"), session.subscribed("else")) == (True, False)
    session.receive('{"unsub":"all"}', 0)
    assert not session.subscribed("all")


def test_other_paths_lead_nowhere() -> None:
    assert Toy([SPEC]).session("/other") is None


@pytest.mark.parametrize("frame", ["{", "[]", b"\xff", "[" * 5_000])
def test_what_is_no_request_is_refused_in_silence(frame: str | bytes) -> None:
    session = Toy([SPEC]).session("/ws")
    assert session is not None
    assert session.receive(frame, 0) == ()


def test_a_client_is_cut_for_silence_for_talking_too_much_and_for_a_wrong_word() -> None:
    venue = Toy([SPEC])
    silent, talker, poisoned = SimSession(venue, "/ws"), SimSession(venue, "/ws"), SimSession(venue, "/ws")
    assert not silent.overdue(5)
    assert not silent.overdue(1_004)
    assert silent.overdue(1_005)
    for _ in range(4):
        talker.receive('{"sub":"a"}', 0)
    assert talker.overdue(1)
    poisoned.receive('{"sub":"poison"}', 0)
    assert poisoned.overdue(1)


def test_liquidations_are_told_once_and_remembered() -> None:
    venue = Toy([SPEC])
    assert venue.due(0) == ()
    venue.offer([row(1), row(2)])
    assert [(push.frame, push.rows) for push in venue.due(5)] == [("2", (1, 2))]
    assert venue.due(6) == ()
    assert [each.row for each in venue.history] == [1, 2]
    assert venue.withheld() == ()


def test_prices_are_kept_and_told_by_contract() -> None:
    venue = Toy([SPEC, OTHER])
    venue.context([SimContext("BTC", ContextField.MARK, 2.0, 0), SimContext("ETH", ContextField.MARK, 3.0, 0)], 0)
    pushes = venue.context([SimContext("BTC", ContextField.INDEX, 2.5, 0)], 1)
    assert [(push.channel, push.frame) for push in pushes] == [("BTC", '{"0":2.0,"1":2.5}')]


def test_the_listing_is_the_venues_own() -> None:
    venue = Toy([SPEC])
    assert [spec.packaged for spec in venue.listing()] == [False]
    assert venue.specs["BTC"] is SPEC


def test_what_a_venue_must_write_and_what_it_may_leave() -> None:
    bare, session = SimVenue([SPEC]), SimSession(Toy([SPEC]), "/ws")
    for missing in (
        lambda: bare.answer(session, {}, 0),
        lambda: bare.tell([row(1)], 0),
        lambda: bare.market("BTC", {}, 0),
    ):
        with pytest.raises(NotImplementedError):
            missing()
    assert (bare.plain(session, "x", 0), bare.refuse("x"), bare.greet("x", 0), bare.rest("/", "")) == (
        None,
        (),
        (),
        None,
    )


def test_rows_are_grouped_by_contract_in_order() -> None:
    grouped = by_contract([row(1), row(2, "ETH"), row(3)])
    assert {symbol: [each.row for each in rows] for symbol, rows in grouped.items()} == {"BTC": [1, 3], "ETH": [2]}


def test_an_answer_of_rest_is_json() -> None:
    answer = reply({"a": 1}, 404)
    assert (answer.status, answer.body, answer.content_type) == (404, b'{"a":1}', "application/json")
