from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_bybit.decoder import BybitDecoder
from foreshock_bybit.session import BybitSession
from foreshock_bybit.simulation import BybitScript
from foreshock_sdk import ContextField, Instruments, LiquidatedSide, SimContext, SimLiquidation

NOW = 1_790_000_000_000
TOPIC = "allLiquidation.BTCUSDT"
SYMBOLS = [spec.raw_symbol for spec in BybitScript().listing()]


def row(number: int, *, symbol: str = "BTCUSDT", at: int = 0) -> SimLiquidation:
    return SimLiquidation(number, symbol, LiquidatedSide.LONG, 100.0, 1.0, NOW + at)


def mark(value: float, symbol: str = "BTCUSDT") -> SimContext:
    return SimContext(symbol, ContextField.MARK, value, NOW)


def opened(script: BybitScript | None = None, category: str = "linear") -> BybitSession:
    session = (script or BybitScript()).session(f"/v5/public/{category}")
    assert session is not None
    return session


def ask(session: BybitSession, **request: Any) -> Any:
    (answer,) = session.receive(msgspec.json.encode(request), NOW)
    return msgspec.json.decode(answer)


def test_all_rows_come_every_half_second_a_frame_a_contract() -> None:
    script = BybitScript()
    script.due(NOW)
    script.offer([row(1, at=10), row(2, at=20), row(3, symbol="ETHUSDT", at=30)])
    assert not script.due(NOW + 499)
    pushes = script.due(NOW + 500)
    assert [(push.channel, push.rows) for push in pushes] == [(TOPIC, (1, 2)), ("allLiquidation.ETHUSDT", (3,))]
    assert not script.due(NOW + 700)
    assert not script.withheld()


def test_rows_of_the_running_slot_wait_and_a_time_to_come_does_not() -> None:
    script = BybitScript()
    script.due(NOW)
    script.offer([row(1, at=501), row(2, at=10**9)])
    assert [push.rows for push in script.due(NOW + 510)] == [(2,)]
    assert [push.rows for push in script.due(NOW + 1000)] == [(1,)]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(SYMBOLS),
            st.sampled_from(list(LiquidatedSide)),
            st.floats(1e-12, 1e12),
            st.floats(1e-12, 1e12),
            st.integers(0, 3000),
        ),
        max_size=30,
    )
)
def test_what_is_offered_is_what_is_decoded(offers: list[tuple[str, LiquidatedSide, float, float, int]]) -> None:
    """Nothing is withheld, and numbers survive the wire bit for bit."""
    script = BybitScript()
    offered = [
        SimLiquidation(number, symbol, side, price, size, NOW + at)
        for number, (symbol, side, price, size, at) in enumerate(offers)
    ]
    script.offer(offered)
    pushes = [push for now in range(NOW, NOW + 5000, 250) for push in script.due(now)]
    instruments = Instruments("bybit", script.listing())
    found = BybitDecoder("tickers.BTCUSDT", instruments).feed([push.frame for push in pushes])

    assert not found.faults
    told = [offered[number] for push in pushes for number in push.rows]
    assert sorted(each.row for each in told) == list(range(len(offered)))
    got = found.liquidations
    assert [instruments.specs[index].raw_symbol for index in got.instrument] == [each.raw_symbol for each in told]
    assert list(got.side) == [each.liquidated_side for each in told]
    assert (got.price, got.size) == ([each.price for each in told], [each.size for each in told])
    assert got.ts_event_ms == [each.ts_event_ms for each in told]


class TestRequests:
    def test_subscribe_and_unsubscribe(self) -> None:
        session = opened()
        answer = ask(session, req_id="7", op="subscribe", args=[TOPIC])
        assert (answer["success"], answer["req_id"], answer["op"]) == (True, "7", "subscribe")
        assert session.subscribed(TOPIC)
        assert ask(session, op="unsubscribe", args=[TOPIC])["success"] is True
        assert not session.subscribed(TOPIC)

    @pytest.mark.parametrize("topic", ["liquidation.BTCUSDT", "allLiquidation.NOSUCH", "allLiquidation", "x", ""])
    def test_a_bad_topic_rejects_its_request(self, topic: str) -> None:
        session = opened()
        answer = ask(session, op="subscribe", args=[TOPIC, topic])
        assert (answer["success"], answer["ret_msg"]) == (False, f"Invalid topic: {topic}")
        assert not session.subscribed(TOPIC)

    def test_a_category_has_its_contracts_only(self) -> None:
        assert ask(opened(), op="subscribe", args=["allLiquidation.BTCUSD"])["success"] is False
        assert ask(opened(category="inverse"), op="subscribe", args=["allLiquidation.BTCUSD"])["success"] is True

    def test_other_public_topics_exist(self) -> None:
        assert ask(opened(), op="subscribe", args=["orderbook.50.BTCUSDT"])["success"] is True

    @pytest.mark.parametrize(
        "frame", ["{", "[]", '{"op":"dance"}', '{"op":"subscribe"}', '{"op":"subscribe","args":7}']
    )
    def test_bad_requests_fail(self, frame: str) -> None:
        (answer,) = opened().receive(frame, NOW)
        assert msgspec.json.decode(answer)["success"] is False

    def test_args_are_limited_in_length(self) -> None:
        script = BybitScript()
        session = opened(script)
        topics = [
            f"{word}.{depth}.{symbol}"
            for word in ("kline", "orderbook")
            for depth in range(20)
            for symbol in SYMBOLS[:32]
        ]
        assert sum(len(topic) + 3 for topic in topics) > 21_000
        assert "limit" in ask(session, op="subscribe", args=topics)["ret_msg"]
        assert ask(session, op="subscribe", args=topics[:500])["success"] is True

    def test_the_ping_is_answered_as_the_venue_does(self) -> None:
        answer = ask(opened(), req_id="100001", op="ping")
        assert (answer["success"], answer["ret_msg"], answer["op"]) == (True, "pong", "ping")

    def test_ten_silent_minutes_end_the_socket(self) -> None:
        session = opened()
        assert not session.overdue(NOW)
        session.receive('{"op":"ping"}', NOW + 300_000)
        assert not session.overdue(NOW + 899_999)
        assert session.overdue(NOW + 900_000)

    @pytest.mark.parametrize("path", ["/v5/public/spot", "/v5/public/", "/", "/v5/private", "/realtime"])
    def test_other_paths_are_refused(self, path: str) -> None:
        assert BybitScript().session(path) is None


class TestTickers:
    def test_a_snapshot_comes_first_then_deltas(self) -> None:
        script = BybitScript()
        first, _ = script.context([mark(100.0)], NOW)
        assert not script.context([mark(100.5)], NOW + 50), "at most one in 100 ms"
        second, _ = script.context([SimContext("BTCUSDT", ContextField.BID, 99.0, NOW)], NOW + 100)
        frames = [msgspec.json.decode(push.frame) for push in (first, second)]
        assert [frame["type"] for frame in frames] == ["snapshot", "delta"]
        assert frames[1]["data"] == {"symbol": "BTCUSDT", "markPrice": "100.5", "bid1Price": "99"}

    def test_a_new_subscriber_is_greeted_once_with_all_that_is_known(self) -> None:
        script = BybitScript()
        script.context([mark(100.0), SimContext("BTCUSDT", ContextField.FUNDING, -1e-7, NOW)], NOW)
        session = opened(script)
        ask(session, op="subscribe", args=["tickers.BTCUSDT", "tickers.ETHUSDT", TOPIC])
        (push,) = session.greeting(NOW + 1)
        frame = msgspec.json.decode(push.frame)
        assert frame["type"] == "snapshot"
        assert frame["data"] == {"symbol": "BTCUSDT", "markPrice": "100", "fundingRate": "-0.0000001"}
        assert not session.greeting(NOW + 2)

    def test_open_interest_is_told_for_one_side_and_both(self) -> None:
        script = BybitScript()
        (push,) = script.context([SimContext("BTCUSDT", ContextField.OPEN_INTEREST, 5.0, NOW)], NOW)
        data = msgspec.json.decode(push.frame)["data"]
        assert (data["singleOpenInterest"], data["openInterest"]) == ("5", "10")
        found = BybitDecoder("tickers.BTCUSDT", Instruments("bybit")).feed([push.frame])
        assert found.context.value == [5.0]


class TestBooks:
    def test_a_snapshot_comes_first_then_what_changed(self) -> None:
        script = BybitScript()
        told = [script.context([mark(100.0 + at)], NOW + 100 * at)[1] for at in range(3)]
        assert {push.channel for push in told} == {"orderbook.200.BTCUSDT"}
        assert [msgspec.json.decode(push.frame)["type"] for push in told] == ["snapshot", "delta", "delta"]
        one = BybitDecoder("tickers.BTCUSDT", Instruments("bybit"))
        books = one.feed([push.frame for push in told]).books
        assert len(books.bids[0]) == len(books.asks[0]) == 5
        assert books.bids[0][0][0] == pytest.approx(101.9898)

    def test_a_new_subscriber_of_any_depth_is_greeted_with_the_whole_book(self) -> None:
        script = BybitScript()
        script.context([mark(100.0)], NOW)
        session = opened(script)
        ask(session, op="subscribe", args=["orderbook.50.BTCUSDT", "orderbook.50.ETHUSDT"])
        (push,) = session.greeting(NOW + 1)
        assert (push.channel, msgspec.json.decode(push.frame)["type"]) == ("orderbook.50.BTCUSDT", "snapshot")
        channels = [each.channel for each in script.context([mark(101.0)], NOW + 100)]
        assert channels == ["tickers.BTCUSDT", "orderbook.200.BTCUSDT", "orderbook.50.BTCUSDT"]


class TestRest:
    def test_pages(self) -> None:
        script, symbols, cursor = BybitScript(), [], ""
        while True:
            reply = script.rest("/v5/market/instruments-info", f"category=linear&limit=10&cursor={cursor or 0}")
            assert reply is not None
            result = msgspec.json.decode(reply.body)["result"]
            symbols += [each["symbol"] for each in result["list"]]
            cursor = result["nextPageCursor"]
            if not cursor:
                break
        assert symbols == [spec.raw_symbol for spec in script.listing() if not spec.inverse]

    def test_a_wrong_category_is_an_error_of_the_venue(self) -> None:
        reply = BybitScript().rest("/v5/market/instruments-info", "category=dreams")
        assert reply is not None
        assert msgspec.json.decode(reply.body)["retCode"] == 10001

    def test_other_paths_are_unknown(self) -> None:
        assert BybitScript().rest("/v5/market/time", "") is None
