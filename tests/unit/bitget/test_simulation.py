from __future__ import annotations

from typing import Any

import msgspec
import pytest

from foreshock_bitget.plugin import foreshock_connectors, foreshock_simulations
from foreshock_bitget.simulation import BitgetVenue
from foreshock_sdk import ContextField, LiquidatedSide, SimContext, SimLiquidation, SimSession

NOW = 1_790_000_000_000
LIQUIDATION = {"instType": "usdt-futures", "topic": "liquidation"}
TICKER = {"instType": "usdt-futures", "topic": "ticker", "symbol": "BTCUSDT"}


def row(number: int, size: float, side: LiquidatedSide = LiquidatedSide.LONG) -> SimLiquidation:
    return SimLiquidation(number, "BTCUSDT", side, 100.0, size, NOW)


def opened() -> SimSession:
    session = BitgetVenue().session("/v3/ws/public")
    assert session is not None
    return session


def ask(session: SimSession, op: Any, args: Any) -> list[dict[str, Any]]:
    answers = session.receive(msgspec.json.encode({"op": op, "args": args}), NOW)
    return [msgspec.json.decode(answer) for answer in answers]


def test_the_plugin_brings_its_connector_and_its_venue() -> None:
    assert [each.venue for each in foreshock_connectors()] == ["bitget"]
    assert [each.venue for each in foreshock_simulations()] == ["bitget"]


def test_of_each_second_the_largest_of_either_side_is_told() -> None:
    venue = BitgetVenue()
    venue.due(NOW)
    venue.offer([row(1, 5.0), row(2, 9.0), row(3, 7.0), row(4, 1.0, LiquidatedSide.SHORT)])
    assert not venue.due(NOW + 500)
    (push,) = venue.due(NOW + 1000)
    assert push.rows == (2, 4)
    assert list(venue.withheld()) == [1, 3]
    assert not venue.withheld()


class TestRequests:
    def test_subscribe_and_unsubscribe(self) -> None:
        session = opened()
        answers = ask(session, "subscribe", [LIQUIDATION, TICKER])
        assert [(each["event"], each["arg"]) for each in answers] == [("subscribe", LIQUIDATION), ("subscribe", TICKER)]
        assert session.subscribed("liquidation:usdt-futures")
        ask(session, "unsubscribe", [LIQUIDATION])
        assert not session.subscribed("liquidation:usdt-futures")

    @pytest.mark.parametrize(
        "arg",
        [
            {"instType": "spot", "topic": "liquidation"},
            {**TICKER, "symbol": "NOPEUSDT"},
            {**TICKER, "instType": "usdc-futures"},
            {**TICKER, "topic": "secrets"},
            "ticker",
        ],
    )
    def test_what_is_not_there_is_an_error(self, arg: Any) -> None:
        assert [each["code"] for each in ask(opened(), "subscribe", [arg])] == ["30001"]

    @pytest.mark.parametrize(("op", "args"), [("dance", []), ([], []), ("subscribe", {})])
    def test_a_bad_request_is_an_error(self, op: Any, args: Any) -> None:
        assert [each["code"] for each in ask(opened(), op, args)] == ["30003"]

    def test_other_text_is_an_error_and_other_paths_are_refused(self) -> None:
        assert len(opened().receive("{", NOW)) == 1
        assert BitgetVenue().session("/v2/ws/public") is None

    def test_two_silent_minutes_end_the_socket(self) -> None:
        session = opened()
        assert session.receive("ping", NOW) == ("pong",)
        assert not session.overdue(NOW + 119_999)
        assert session.overdue(NOW + 120_000)


def test_without_a_price_there_is_no_book() -> None:
    (ticker,) = BitgetVenue().context([SimContext("BTCUSDT", ContextField.FUNDING, 0.1, NOW)], NOW)
    assert ticker.channel == "ticker:BTCUSDT"


class TestRest:
    def test_a_wrong_category_is_an_error_of_the_venue(self) -> None:
        reply = BitgetVenue().rest("/api/v3/market/instruments", "category=DREAMS")
        assert reply is not None
        assert reply.status == 400

    def test_other_paths_are_unknown(self) -> None:
        assert BitgetVenue().rest("/api/v3/market/tickers", "") is None
