from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_okx.connector import OkxConnector
from foreshock_okx.decoder import OkxDecoder
from foreshock_okx.session import OkxSession
from foreshock_okx.simulation import OkxScript
from foreshock_sdk import ContextField, EventFlag, Instruments, LiquidatedSide, SimContext, SimLiquidation

NOW = 1_790_000_000_000
SWAPS = "liquidation-orders:SWAP"
CONTRACTS = [spec.raw_symbol for spec in OkxScript().listing()]
ALL = {"channel": "liquidation-orders", "instType": "SWAP"}
MARK = {"channel": "mark-price", "instId": "BTC-USDT-SWAP"}


def row(number: int, *, contract: str = "BTC-USDT-SWAP") -> SimLiquidation:
    return SimLiquidation(number, contract, LiquidatedSide.LONG, 100.0, 8.55, NOW)


def opened(script: OkxScript | None = None) -> OkxSession:
    session = (script or OkxScript()).session("/ws/v5/public")
    assert session is not None
    return session


def ask(session: OkxSession, op: str, *args: Any) -> list[Any]:
    answers = session.receive(msgspec.json.encode({"id": "1512", "op": op, "args": args}), NOW)
    return [msgspec.json.decode(answer) for answer in answers]


def decoder() -> OkxDecoder:
    return OkxDecoder("mark-price:BTC-USDT-SWAP", Instruments("okx", OkxScript().listing()))


def test_rows_come_at_once_a_frame_a_contract() -> None:
    script = OkxScript()
    script.offer([row(1), row(2, contract="BTC-USD-261225"), row(3)])
    pushes = script.due(NOW)
    assert [(push.channel, push.rows) for push in pushes] == [
        (SWAPS, (1, 3)),
        ("liquidation-orders:FUTURES", (2,)),
    ]
    assert not script.due(NOW)
    assert not script.withheld()


def test_a_frame_holds_at_most_twenty_details() -> None:
    script = OkxScript()
    script.offer([row(number) for number in range(45)])
    assert [len(push.rows) for push in script.due(NOW)] == [20, 20, 5]


def test_some_accounts_trade_one_way() -> None:
    script = OkxScript()
    script.offer([row(number) for number in range(8)])
    (push,) = script.due(NOW)
    details = msgspec.json.decode(push.frame)["data"][0]["details"]
    assert {each["posSide"] for each in details} == {"net", "long"}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(CONTRACTS),
            st.sampled_from(list(LiquidatedSide)),
            st.floats(1e-12, 1e12),
            st.floats(1e-12, 1e12),
            st.integers(0, 3000),
        ),
        max_size=60,
    )
)
def test_what_is_offered_is_what_is_decoded(offers: list[tuple[str, LiquidatedSide, float, float, int]]) -> None:
    """Nothing is withheld, and numbers survive the wire bit for bit."""
    script = OkxScript()
    offered = [
        SimLiquidation(number, contract, side, price, size, NOW + at)
        for number, (contract, side, price, size, at) in enumerate(offers)
    ]
    script.offer(offered)
    pushes = script.due(NOW)
    instruments = Instruments("okx", script.listing())
    found = OkxDecoder("mark-price:BTC-USDT-SWAP", instruments).feed([push.frame for push in pushes])

    assert not found.faults
    told = [offered[number] for push in pushes for number in push.rows]
    assert sorted(each.row for each in told) == list(range(len(offered)))
    got = found.liquidations
    assert [instruments.specs[index].raw_symbol for index in got.instrument] == [each.raw_symbol for each in told]
    assert list(got.side) == [each.liquidated_side for each in told]
    assert (got.price, got.size) == ([each.price for each in told], [each.size for each in told])
    assert got.ts_event_ms == [each.ts_event_ms for each in told]


class TestGreeting:
    def test_a_new_subscriber_gets_one_old_liquidation(self) -> None:
        session = opened()
        ask(session, "subscribe", ALL)
        (push,) = session.greeting(NOW)
        assert push.rows == ()
        found = decoder().feed([push.frame])
        assert found.liquidations.ts_event_ms == [NOW - 600_000]
        assert not session.greeting(NOW), "once"

    def test_or_the_last_one_told(self) -> None:
        script = OkxScript()
        script.offer([row(7)])
        (told,) = script.due(NOW)
        session = opened(script)
        ask(session, "subscribe", ALL)
        assert session.greeting(NOW + 5000) == [told]

    def test_the_mark_price_comes_before_it_so_that_its_age_shows(self) -> None:
        script = OkxScript()
        script.context([SimContext("BTC-USDT-SWAP", ContextField.MARK, 100.0, NOW)], NOW)
        session, instruments = opened(script), Instruments("okx", script.listing())
        connector = OkxConnector()
        route = connector.routes(instruments, (), connector.endpoints)[0]
        session.receive(route.subscribe[0], NOW)
        pushes = session.greeting(NOW)
        assert [push.channel for push in pushes] == ["mark-price:BTC-USDT-SWAP", SWAPS]
        found = connector.decoder(route, instruments).feed([push.frame for push in pushes])
        assert list(found.liquidations.flags) == [EventFlag.REPLAYED]


class TestRequests:
    def test_subscribe_and_unsubscribe(self) -> None:
        session = opened()
        assert ask(session, "subscribe", ALL, MARK) == [
            {"id": "1512", "event": "subscribe", "arg": ALL, "connId": "a4d3ae55"},
            {"id": "1512", "event": "subscribe", "arg": MARK, "connId": "a4d3ae55"},
        ]
        assert session.subscribed(SWAPS)
        assert session.subscribed("mark-price:BTC-USDT-SWAP")
        assert ask(session, "subscribe", ALL)[0]["event"] == "subscribe"
        ask(session, "unsubscribe", ALL)
        assert not session.subscribed(SWAPS)

    @pytest.mark.parametrize(
        "arg",
        [
            {"channel": "liquidations", "instType": "SWAP"},
            {"channel": "liquidation-orders"},
            {"channel": "mark-price", "instId": "NO-SUCH-SWAP"},
            {"channel": "news"},
            "liquidation-orders",
        ],
    )
    def test_a_wrong_channel_is_60018(self, arg: Any) -> None:
        (answer,) = ask(opened(), "subscribe", arg)
        assert (answer["event"], answer["code"]) == ("error", "60018")

    def test_channels_we_do_not_use_exist(self) -> None:
        session = opened()
        ask(session, "subscribe", {"channel": "trades", "instId": "BTC-USDT-SWAP"})
        ask(session, "subscribe", {"channel": "liquidation-orders", "instType": "MARGIN"})
        assert session.subscribed("trades:BTC-USDT-SWAP")

    @pytest.mark.parametrize("frame", ["{", "[]", '{"op":"dance","args":[]}', '{"op":"subscribe"}', b"\xff"])
    def test_a_bad_request_is_60012(self, frame: str | bytes) -> None:
        (answer,) = opened().receive(frame, NOW)
        assert msgspec.json.decode(answer)["code"] == "60012"

    def test_a_request_without_id_is_answered_without(self) -> None:
        (answer,) = opened().receive(msgspec.json.encode({"op": "subscribe", "args": [ALL]}), NOW)
        assert "id" not in msgspec.json.decode(answer)

    def test_thirty_silent_seconds_end_the_socket(self) -> None:
        session = opened()
        assert not session.overdue(NOW)
        assert session.receive("ping", NOW + 20_000) == ["pong"]
        assert not session.overdue(NOW + 49_999)
        assert session.overdue(NOW + 50_000)

    def test_480_requests_an_hour_are_the_limit(self) -> None:
        session = opened()
        for _ in range(480):
            ask(session, "subscribe", ALL)
        assert not session.overdue(NOW)
        ask(session, "subscribe", ALL)
        assert session.overdue(NOW)

    @pytest.mark.parametrize("path", ["/ws/v5/private", "/ws/v5/business", "/", "/ws/v5/publicx"])
    def test_other_paths_are_refused(self, path: str) -> None:
        assert OkxScript().session(path) is None


def told(script: OkxScript, now: int, contract: str = "BTC-USDT-SWAP", **values: float) -> list[str]:
    rows = [SimContext(contract, ContextField[name.upper()], value, now) for name, value in values.items()]
    return [push.channel.removesuffix(f":{contract}") for push in script.context(rows, now)]


class TestContext:
    def test_each_channel_has_its_pace(self) -> None:
        script = OkxScript()
        first = told(script, NOW, mark=2.0, index=2.0, funding=0.1, open_interest=4.0, bid=1.0, ask=3.0)
        assert first == ["mark-price", "index-tickers:BTC-USDT", "funding-rate", "open-interest", "tickers", "books"]
        paces = {after: told(script, NOW + after, mark=2.0) for after in (99, 100, 199, 200, 3000, 30_000)}
        assert paces == {
            99: [],
            100: ["index-tickers:BTC-USDT", "tickers", "books"],
            199: [],
            200: ["mark-price", "index-tickers:BTC-USDT", "tickers", "books"],
            3000: ["mark-price", "index-tickers:BTC-USDT", "open-interest", "tickers", "books"],
            30_000: first,
        }

    def test_dated_contracts_have_no_funding_and_no_index_of_their_own(self) -> None:
        assert told(OkxScript(), NOW, "BTC-USDT-261225", mark=2.0, index=2.0, funding=0.1) == ["mark-price", "books"]

    def test_what_is_told_in_contracts_is_read_in_coins(self) -> None:
        script = OkxScript()
        rows = [
            SimContext("BTC-USD-SWAP", field, value, NOW)
            for field, value in (
                (ContextField.MARK, 50.0),
                (ContextField.OPEN_INTEREST, 3.0),
                (ContextField.BID, 40.0),
                (ContextField.ASK, 80.0),
                (ContextField.BID_QUANTITY, 2.0),
                (ContextField.ASK_QUANTITY, 4.0),
            )
        ]
        found = decoder().feed([push.frame for push in script.context(rows, NOW)])
        values = dict(zip(found.context.field, found.context.value, strict=True))
        assert values == {
            ContextField.MARK: 50.0,
            ContextField.OPEN_INTEREST: 6.0,
            ContextField.BID: 40.0,
            ContextField.BID_QUANTITY: 5.0,
            ContextField.ASK: 80.0,
            ContextField.ASK_QUANTITY: 5.0,
        }
        assert found.books.bids[0][0] == (40.0, 2.0), "books stay in contracts"

    def test_a_new_subscriber_is_greeted_with_the_newest_price_and_the_whole_book(self) -> None:
        script = OkxScript()
        told(script, NOW, mark=100.0)
        told(script, NOW + 200, mark=101.0)
        session = opened(script)
        book = {"channel": "books", "instId": "BTC-USDT-SWAP"}
        ask(session, "subscribe", MARK, book, {"channel": "books", "instId": "ETH-USDT-SWAP"})
        greeting = [push.frame for push in session.greeting(NOW + 300)]
        script.context([SimContext("BTC-USDT-SWAP", ContextField.MARK, 102.0, NOW)], NOW + 250)
        later = script.context([SimContext("BTC-USDT-SWAP", ContextField.MARK, 102.0, NOW)], NOW + 400)
        frames = [msgspec.json.decode(frame) for frame in greeting]
        assert [frame["arg"]["channel"] for frame in frames] == ["mark-price", "books"]
        found = decoder().feed([*greeting, *(push.frame for push in later)])
        assert found.context.value[0] == 101.0
        assert found.books.bids[-1][0][0] == pytest.approx(101.9898)
        assert not found.faults

    def test_index_prices_go_by_pair(self) -> None:
        (answer,) = ask(opened(), "subscribe", {"channel": "index-tickers", "instId": "BTC-USDT"})
        assert answer["event"] == "subscribe"
        (answer,) = ask(opened(), "subscribe", {"channel": "index-tickers", "instId": "BTC-USDT-SWAP"})
        assert answer["code"] == "60018"


class TestRest:
    @pytest.mark.parametrize("kind", ["SWAP", "FUTURES"])
    def test_instruments_by_kind(self, kind: str) -> None:
        reply = OkxScript().rest("/api/v5/public/instruments", f"instType={kind}")
        assert reply is not None
        assert {each["instType"] for each in msgspec.json.decode(reply.body)["data"]} == {kind}

    def test_a_wrong_kind_is_an_error_of_the_venue(self) -> None:
        reply = OkxScript().rest("/api/v5/public/instruments", "instType=DREAMS")
        assert reply is not None
        assert (reply.status, msgspec.json.decode(reply.body)["code"]) == (400, "51000")

    def test_other_paths_are_unknown(self) -> None:
        assert OkxScript().rest("/api/v5/public/time", "") is None
