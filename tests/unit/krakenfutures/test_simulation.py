from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_krakenfutures.decoder import KrakenFuturesDecoder
from foreshock_krakenfutures.simulation import LISTED, KrakenFuturesScript
from foreshock_sdk import ContextField, EventFlag, Instruments, LiquidatedSide, SimContext, SimLiquidation, SimSession

NOW = 1_790_000_000_000
HISTORY = "/api/history/v3/market/PF_XBTUSD/executions"


def row(number: int, contract: str = "PF_XBTUSD") -> SimLiquidation:
    return SimLiquidation(number, contract, LiquidatedSide.LONG, 100.0, 2.5, NOW + number)


def reader(script: KrakenFuturesScript) -> KrakenFuturesDecoder:
    return KrakenFuturesDecoder("ticker:PF_XBTUSD", Instruments("krakenfutures", script.listing()))


def opened(script: KrakenFuturesScript | None = None) -> SimSession:
    session = (script or KrakenFuturesScript()).session("/ws/v1")
    assert session is not None
    return session


def ask(session: SimSession, event: str, feed: str, *products: Any) -> Any:
    request = {"event": event, "feed": feed, "product_ids": products}
    (answer,) = session.receive(msgspec.json.encode(request), NOW)
    return msgspec.json.decode(answer)


def quote(bid: float, ask: float) -> list[SimContext]:
    fields = (ContextField.BID, ContextField.BID_QUANTITY, ContextField.ASK, ContextField.ASK_QUANTITY)
    return [
        SimContext("PF_XBTUSD", field, value, NOW) for field, value in zip(fields, (bid, 1.0, ask, 1.0), strict=True)
    ]


class TestRequests:
    def test_subscribe_and_unsubscribe(self) -> None:
        session = opened()
        assert ask(session, "subscribe", "trade", "PF_XBTUSD", "PF_ETHUSD") == {
            "event": "subscribed",
            "feed": "trade",
            "product_ids": ["PF_XBTUSD", "PF_ETHUSD"],
        }
        assert session.subscribed("trade:PF_ETHUSD")
        assert ask(session, "unsubscribe", "trade", "PF_ETHUSD")["event"] == "unsubscribed"
        assert not session.subscribed("trade:PF_ETHUSD")

    def test_the_heartbeat_feed_has_no_products(self) -> None:
        assert ask(opened(), "subscribe", "heartbeat") == {"event": "subscribed", "feed": "heartbeat"}

    @pytest.mark.parametrize(
        ("event", "feed", "products", "message"),
        [
            ("dance", "trade", ("PF_XBTUSD",), "Invalid event"),
            ("subscribe", "news", ("PF_XBTUSD",), "Invalid feed"),
            ("subscribe", "trade", (), "Invalid product id"),
            ("subscribe", "trade", ("PF_XBTUSD", "PF_NOUSD"), "Invalid product id"),
            ("subscribe", "trade", ({},), "Invalid product id"),
        ],
    )
    def test_wrong_requests_are_refused(self, event: str, feed: str, products: Any, message: str) -> None:
        assert ask(opened(), event, feed, *products) == {"event": "error", "message": message}

    @pytest.mark.parametrize("frame", ["{", "[]"])
    def test_what_is_no_request_is_alerted(self, frame: str) -> None:
        (answer,) = opened().receive(frame, NOW)
        assert msgspec.json.decode(answer) == {"event": "alert", "message": "Json Error"}

    def test_a_hundred_messages_a_second_are_the_limit(self) -> None:
        session = opened()
        for _ in range(100):
            ask(session, "subscribe", "trade", "PF_XBTUSD")
        assert not session.overdue(NOW)
        ask(session, "subscribe", "trade", "PF_XBTUSD")
        assert session.overdue(NOW)

    def test_other_paths_are_refused(self) -> None:
        assert KrakenFuturesScript().session("/ws/v2") is None


class TestGreeting:
    def test_a_new_subscriber_is_told_the_newest_trades_first(self) -> None:
        script = KrakenFuturesScript()
        script.offer([row(1), row(2, "PF_ETHUSD"), row(3)])
        script.due(NOW)
        session = opened(script)
        ask(session, "subscribe", "trade", "PF_XBTUSD")
        (push,) = session.greeting(NOW)
        found = reader(script).feed([push.frame])
        assert push.rows == ()
        assert found.liquidations.ts_event_ms == [NOW + 3, NOW + 1]
        assert set(found.liquidations.flags) == {EventFlag.SNAPSHOT}

    def test_a_book_begins_with_a_snapshot_and_goes_on_with_changes(self) -> None:
        script = KrakenFuturesScript()
        session = opened(script)
        ask(session, "subscribe", "book", "PF_XBTUSD")
        assert session.greeting(NOW) == [], "no book yet"
        script.context(quote(99.0, 101.0), NOW)
        session = opened(script)
        ask(session, "subscribe", "book", "PF_XBTUSD")
        ask(session, "subscribe", "ticker", "PF_XBTUSD")
        (snapshot,) = session.greeting(NOW)
        decoder = reader(script)
        assert decoder.feed([snapshot.frame]).books.bids[0][0] == (99.0, 1.0)
        changes = [
            push.frame for push in script.context(quote(99.5, 101.0), NOW + 500) if session.subscribed(push.channel)
        ]
        books = decoder.feed(changes).books
        (bids,), (asks,) = books.bids, books.asks
        assert bids[0] == (99.5, 1.0)
        assert (len(bids), asks[0]) == (3, (101.0, 1.0))


def test_every_liquidation_is_a_frame() -> None:
    script = KrakenFuturesScript()
    script.offer([row(1), row(2)])
    assert [push.rows for push in script.due(NOW)] == [(1,), (2,)]
    assert not script.due(NOW)
    assert not script.withheld()


def test_tickers_come_once_a_second() -> None:
    script = KrakenFuturesScript()
    rows = [
        SimContext("PF_XBTUSD", ContextField.FUNDING, 0.5, NOW),
        SimContext("PF_XBTUSD", ContextField.INDEX, 8.0, NOW),
    ]
    (push,) = script.context(rows, NOW)
    told = msgspec.json.decode(push.frame)
    assert (told["relative_funding_rate"], told["funding_rate"]) == (0.5, 4.0)
    assert not script.context(rows, NOW + 999)
    assert script.context(rows, NOW + 1000)


class TestRest:
    def test_executions_come_in_the_order_asked_for_and_by_pages(self) -> None:
        script = KrakenFuturesScript()
        script.offer([row(3), row(1), row(2), row(4, "PF_ETHUSD")])
        script.due(NOW)

        def times(query: str) -> list[int]:
            reply = script.rest(HISTORY, query)
            assert reply is not None
            return [each["timestamp"] - NOW for each in msgspec.json.decode(reply.body)["elements"]]

        assert times("") == [3, 2, 1]
        assert times("sort=asc&count=2") == [1, 2]
        assert times(f"sort=asc&since={NOW + 2}&before={NOW + 2}") == [2]

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/api/history/v3/market/PF_NOUSD/executions", 404),
            ("/api/history/v3/market/PF_XBTUSD/orders", None),
            ("/derivatives/api/v3/tickers", None),
        ],
    )
    def test_other_paths(self, path: str, status: int | None) -> None:
        reply = KrakenFuturesScript().rest(path, "")
        assert (reply.status if reply else None) == status


@given(
    st.lists(
        st.tuples(
            st.sampled_from(LISTED),
            st.sampled_from(list(LiquidatedSide)),
            st.floats(1e-12, 1e12),
            st.floats(1e-12, 1e12),
            st.integers(0, 3000),
        ),
        max_size=40,
    )
)
def test_what_is_offered_is_what_is_decoded(offers: list[tuple[str, LiquidatedSide, float, float, int]]) -> None:
    """Nothing is withheld, and numbers and times survive the wire bit for bit."""
    script = KrakenFuturesScript()
    offered = [
        SimLiquidation(number, contract, side, price, size, NOW + at)
        for number, (contract, side, price, size, at) in enumerate(offers)
    ]
    script.offer(offered)
    pushes = script.due(NOW)
    table = Instruments("krakenfutures", script.listing())
    found = KrakenFuturesDecoder("ticker:PF_XBTUSD", table).feed([push.frame for push in pushes])
    told = [offered[number] for push in pushes for number in push.rows]
    assert sorted(each.row for each in told) == list(range(len(offered)))
    got = found.liquidations
    assert not found.faults
    assert [table.specs[index].raw_symbol for index in got.instrument] == [each.raw_symbol for each in told]
    assert list(got.side) == [each.liquidated_side for each in told]
    assert (got.price, got.size) == ([each.price for each in told], [each.size for each in told])
    assert got.ts_event_ms == [each.ts_event_ms for each in told]
