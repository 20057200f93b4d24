from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_dydx.decoder import DydxDecoder
from foreshock_dydx.messages import iso
from foreshock_dydx.simulation import LISTED, DydxScript
from foreshock_sdk import ContextField, EventFlag, Instruments, LiquidatedSide, SimContext, SimLiquidation, SimSession

NOW = 1_790_000_000_000
HISTORY = "/v4/trades/perpetualMarket/"


def row(number: int, market: str = "BTC-USD") -> SimLiquidation:
    return SimLiquidation(number, market, LiquidatedSide.LONG, 100.0, 2.5, NOW + number)


def opened(script: DydxScript | None = None) -> SimSession:
    session = (script or DydxScript()).session("/v4/ws")
    assert session is not None
    return session


def ask(session: SimSession, kind: str, channel: Any = None, market: Any = None) -> Any:
    request = {"type": kind, "channel": channel, "id": market, "batched": True}
    named = {key: value for key, value in request.items() if value is not None}
    (answer,) = session.receive(msgspec.json.encode(named), NOW)
    return msgspec.json.decode(answer)


def reader(script: DydxScript) -> DydxDecoder:
    return DydxDecoder(Instruments("dydx", script.listing()))


def quote(bid: float, ask: float) -> list[SimContext]:
    fields = (ContextField.BID, ContextField.BID_QUANTITY, ContextField.ASK, ContextField.ASK_QUANTITY)
    values = zip(fields, (bid, 1.0, ask, 1.0), strict=True)
    return [SimContext("BTC-USD", field, value, NOW) for field, value in values]


class TestRequests:
    def test_the_venue_speaks_first(self) -> None:
        session = opened()
        (push,) = session.greeting(NOW)
        assert msgspec.json.decode(push.frame)["type"] == "connected"
        assert session.greeting(NOW) == [], "once"

    def test_subscribe_and_unsubscribe(self) -> None:
        session = opened()
        assert ask(session, "subscribe", "v4_trades", "BTC-USD")["contents"] == {"trades": []}
        assert session.subscribed("v4_trades:BTC-USD")
        again = ask(session, "subscribe", "v4_trades", "BTC-USD")
        assert again["message"] == "Invalid subscribe message: already subscribed (v4_trades-BTC-USD)"
        assert ask(session, "unsubscribe", "v4_trades", "BTC-USD")["type"] == "unsubscribed"
        assert not session.subscribed("v4_trades:BTC-USD")
        assert ask(session, "ping")["type"] == "pong"

    @pytest.mark.parametrize(
        ("kind", "channel", "market", "message"),
        [
            ("dance", "v4_trades", "BTC-USD", "Invalid message type: dance"),
            ("subscribe", "v4_news", "BTC-USD", "Invalid channel: v4_news"),
            ("subscribe", "v4_trades", "NO-USD", "Invalid subscription id for channel: (v4_trades-NO-USD)"),
            ("subscribe", "v4_orderbook", None, "Invalid subscription id for channel: (v4_orderbook-None)"),
            ("subscribe", {}, "BTC-USD", "Invalid channel: {}"),
        ],
    )
    def test_wrong_requests_are_refused(self, kind: str, channel: Any, market: Any, message: str) -> None:
        answer = ask(opened(), kind, channel, market)
        assert (answer["type"], answer["message"]) == ("error", message)

    @pytest.mark.parametrize("frame", ["{", "[]"])
    def test_what_is_no_request_is_refused(self, frame: str) -> None:
        (answer,) = opened().receive(frame, NOW)
        assert msgspec.json.decode(answer)["type"] == "error"

    def test_a_connection_bears_32_markets_of_a_channel(self) -> None:
        script = DydxScript()
        script.specs = {f"C{number}-USD": spec for number, spec in enumerate([script.specs["BTC-USD"]] * 33)}
        session = opened(script)
        answers = [ask(session, "subscribe", "v4_trades", name) for name in script.specs]
        assert [each["type"] for each in answers] == ["subscribed"] * 32 + ["error"]
        assert ask(session, "subscribe", "v4_orderbook", "C32-USD")["type"] == "subscribed"

    def test_other_paths_are_refused(self) -> None:
        assert DydxScript().session("/v3/ws") is None


def test_a_new_subscriber_is_told_the_newest_trades_first() -> None:
    script = DydxScript()
    script.offer([row(1), row(2, "ETH-USD"), row(3)])
    script.due(NOW)
    answer = ask(opened(script), "subscribe", "v4_trades", "BTC-USD")
    found = reader(script).feed([msgspec.json.encode(answer)])
    assert found.liquidations.ts_event_ms == [NOW + 3, NOW + 1]
    assert set(found.liquidations.flags) == {EventFlag.SNAPSHOT}


def test_liquidations_are_told_by_market() -> None:
    script = DydxScript()
    script.offer([row(1), row(2, "ETH-USD"), row(3)])
    assert [(push.channel, push.rows) for push in script.due(NOW)] == [
        ("v4_trades:BTC-USD", (1, 3)),
        ("v4_trades:ETH-USD", (2,)),
    ]
    assert not script.due(NOW)


def test_a_block_comes_every_second_and_first() -> None:
    script = DydxScript()
    rows = [SimContext("BTC-USD", ContextField.MARK, 8.0, NOW), SimContext("BTC-USD", ContextField.FUNDING, 0.5, NOW)]
    assert [push.channel for push in script.context(rows, NOW)] == ["v4_block_height", "v4_markets"]
    assert [push.channel for push in script.context(rows, NOW + 999)] == ["v4_markets"]
    assert [push.channel for push in script.context([], NOW + 1000)] == ["v4_block_height"]


def test_books_and_markets_begin_whole_and_go_on_with_changes() -> None:
    script = DydxScript()
    script.context([*quote(99.0, 101.0), SimContext("BTC-USD", ContextField.MARK, 100.0, NOW)], NOW)
    session, decoder = opened(script), reader(script)
    channels = (("v4_block_height", None), ("v4_markets", None), ("v4_orderbook", "BTC-USD"))
    whole = [msgspec.json.encode(ask(session, "subscribe", *channel)) for channel in channels]
    found = decoder.feed(whole)
    assert (found.context.value, found.books.bids[0][0], len(found.books.asks[0])) == ([100.0], (99.0, 1.0), 20)
    pushes = script.context(quote(99.5, 101.0), NOW + 1000)
    later = decoder.feed([push.frame for push in pushes if session.subscribed(push.channel)])
    (bids,), (asks,) = later.books.bids, later.books.asks
    assert (bids[0], len(bids), asks) == ((99.5, 1.0), 20, found.books.asks[0])
    assert [push.channel for push in script.context(quote(99.5, 101.0), NOW + 1500)] == ["v4_markets"], "no change"


class TestRest:
    def test_trades_come_newest_first_and_by_pages(self) -> None:
        script = DydxScript()
        script.offer([row(3), row(1), row(2), row(4, "ETH-USD")])
        script.due(NOW)

        def times(query: str) -> list[str]:
            reply = script.rest(f"{HISTORY}BTC-USD", query)
            assert reply is not None
            return [each["createdAt"] for each in msgspec.json.decode(reply.body)["trades"]]

        assert times("") == [iso(NOW + 3), iso(NOW + 2), iso(NOW + 1)]
        assert times(f"limit=1&createdBeforeOrAt={iso(NOW + 2)}") == [iso(NOW + 2)]

    @pytest.mark.parametrize(("path", "status"), [(f"{HISTORY}NO-USD", 404), ("/v4/time", None)])
    def test_other_paths(self, path: str, status: int | None) -> None:
        reply = DydxScript().rest(path, "")
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
    script = DydxScript()
    offered = [
        SimLiquidation(number, contract, side, price, size, NOW + at)
        for number, (contract, side, price, size, at) in enumerate(offers)
    ]
    script.offer(offered)
    pushes = script.due(NOW)
    table = Instruments("dydx", script.listing())
    found = DydxDecoder(table).feed([push.frame for push in pushes])
    told = [offered[number] for push in pushes for number in push.rows]
    assert sorted(each.row for each in told) == list(range(len(offered)))
    got = found.liquidations
    assert not found.faults
    assert [table.specs[index].raw_symbol for index in got.instrument] == [each.raw_symbol for each in told]
    assert list(got.side) == [each.liquidated_side for each in told]
    assert (got.price, got.size) == ([each.price for each in told], [each.size for each in told])
    assert got.ts_event_ms == [each.ts_event_ms for each in told]
