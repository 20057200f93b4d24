from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_binance.decoder import BinanceDecoder
from foreshock_binance.session import BinanceSession
from foreshock_binance.simulation import BinanceScript
from foreshock_sdk import ContextField, Instruments, LiquidatedSide, Push, SimContext, SimLiquidation

NOW = 1_790_000_000_000
CHANNEL = "!forceOrder@arr"
SYMBOLS = [spec.raw_symbol for spec in BinanceScript().listing()]


def row(number: int, *, symbol: str = "BTCUSDT", size: float = 1.0, at: int = 0) -> SimLiquidation:
    return SimLiquidation(number, symbol, LiquidatedSide.LONG, 100.0, size, NOW + at)


def ask(session: BinanceSession, now_ms: int = NOW, **request: Any) -> Any:
    (answer,) = session.receive(msgspec.json.encode(request), now_ms)
    return msgspec.json.decode(answer)


def opened(path: str) -> BinanceSession:
    session = BinanceScript().session(path)
    assert session is not None
    return session


def rows(pushes: list[Push]) -> list[int]:
    return [number for push in pushes for number in push.rows]


class TestThrottle:
    def test_the_largest_of_a_second_is_told_when_it_ends(self) -> None:
        script = BinanceScript()
        script.offer([row(1, at=100), row(2, size=3.0, at=200), row(3, size=2.0, at=900)])
        assert not script.due(NOW + 999)
        assert rows(list(script.due(NOW + 1000))) == [2]
        assert sorted(script.withheld()) == [1, 3]
        assert not script.withheld()

    def test_symbols_do_not_share_a_second(self) -> None:
        script = BinanceScript()
        script.offer([row(1), row(2, symbol="ETHUSDT")])
        assert rows(list(script.due(NOW + 1000))) == [1, 2]

    def test_every_second_is_told_in_order_even_when_asked_late(self) -> None:
        script = BinanceScript()
        script.offer([row(2, at=1500), row(1), row(3, at=2500)])
        assert rows(list(script.due(NOW + 2999))) == [1, 2]
        assert rows(list(script.due(NOW + 3000))) == [3]

    def test_a_late_row_joins_the_second_that_is_open(self) -> None:
        script = BinanceScript()
        assert not script.due(NOW + 5000)
        script.offer([row(1), row(2, at=5100)])
        assert not script.due(NOW + 5500)
        assert rows(list(script.due(NOW + 6000))) == [1]
        assert script.withheld() == [2]

    def test_a_time_to_come_does_not_delay(self) -> None:
        script = BinanceScript()
        script.offer([row(1, at=10**9)])
        assert not script.due(NOW)
        assert rows(list(script.due(NOW + 1000))) == [1]

    def test_the_push_tells_its_own_time(self) -> None:
        script = BinanceScript()
        script.offer([row(1)])
        (push,) = script.due(NOW + 1234)
        assert msgspec.json.decode(push.frame)["data"]["E"] == NOW + 1234


@given(
    st.lists(
        st.tuples(
            st.sampled_from(SYMBOLS),
            st.sampled_from(list(LiquidatedSide)),
            st.floats(1e-12, 1e12),
            st.floats(1e-12, 1e12),
            st.integers(0, 5000),
        ),
        max_size=30,
    )
)
def test_what_the_throttle_lets_through_decodes_to_what_was_offered(
    offers: list[tuple[str, LiquidatedSide, float, float, int]],
) -> None:
    """Numbers survive the wire bit for bit; told and withheld together are all rows."""
    script = BinanceScript()
    offered = {
        number: SimLiquidation(number, symbol, side, price, size, NOW + at)
        for number, (symbol, side, price, size, at) in enumerate(offers)
    }
    script.offer(list(offered.values()))
    pushes = [push for now in range(NOW, NOW + 8000, 500) for push in script.due(now)]
    instruments = Instruments("binance", script.listing())
    found = BinanceDecoder("btcusdt@markPrice@1s", instruments).feed([push.frame for push in pushes])

    told = [number for push in pushes for number in push.rows]
    assert sorted([*told, *script.withheld()]) == sorted(offered)
    assert not found.faults
    got = found.liquidations
    assert [instruments.specs[index].raw_symbol for index in got.instrument] == [
        offered[each].raw_symbol for each in told
    ]
    assert list(got.side) == [offered[each].liquidated_side for each in told]
    assert got.price == [offered[each].price for each in told]
    assert got.size == [offered[each].size for each in told]
    assert got.ts_event_ms == [offered[each].ts_event_ms for each in told]


class TestPaths:
    @pytest.mark.parametrize("path", ["/ws", "/stream", "/stream?streams=!forceOrder@arr", "/public/stream"])
    def test_the_old_and_the_wrong_path_acknowledge_and_deliver_nothing(self, path: str) -> None:
        session = opened(path)
        assert ask(session, method="SUBSCRIBE", params=[CHANNEL], id=1) == {"result": None, "id": 1}
        assert not session.subscribed(CHANNEL)
        assert not session.subscribed("raw:" + CHANNEL)

    @pytest.mark.parametrize("path", ["/", "/market", "/market/foo", "/private/ws", "/v5/public/linear", "/wsx"])
    def test_unknown_paths_are_refused(self, path: str) -> None:
        assert BinanceScript().session(path) is None

    def test_streams_may_be_named_in_the_address(self) -> None:
        session = opened("/market/stream?streams=!forceOrder@arr/btcusdt@markPrice@1s")
        assert session.subscribed(CHANNEL)
        assert session.subscribed("btcusdt@markPrice@1s")

    def test_raw_sockets_get_naked_payloads(self) -> None:
        script = BinanceScript()
        session = script.session("/market/ws/!forceOrder@arr")
        assert session is not None
        script.offer([row(1)])
        pushes = [push for push in script.due(NOW + 1000) if session.subscribed(push.channel)]
        (frame,) = [msgspec.json.decode(push.frame) for push in pushes]
        assert frame["e"] == "forceOrder"
        assert not session.subscribed(CHANNEL)


class TestRequests:
    def test_subscribe_list_and_unsubscribe(self) -> None:
        session = opened("/market/stream")
        ask(session, method="SUBSCRIBE", params=[CHANNEL, "nothing@ofTheSort"], id=1)
        assert ask(session, method="LIST_SUBSCRIPTIONS", id=3)["result"] == [CHANNEL, "nothing@ofTheSort"]
        assert ask(session, method="UNSUBSCRIBE", params=[CHANNEL], id=4) == {"result": None, "id": 4}
        assert not session.subscribed(CHANNEL)

    def test_the_envelope_is_a_property(self) -> None:
        session = opened("/market/stream?streams=!forceOrder@arr")
        assert ask(session, method="GET_PROPERTY", params=["combined"], id=1)["result"] is True
        ask(session, method="SET_PROPERTY", params=["combined", False], id=2)
        assert not session.subscribed(CHANNEL)
        assert session.subscribed("raw:" + CHANNEL)

    @pytest.mark.parametrize(
        ("frame", "code", "word"),
        [
            ("{", 3, "Invalid JSON"),
            ("[]", 2, "request ID"),
            ('{"method":"SUBSCRIBE","params":[]}', 2, "request ID"),
            ('{"method":"SUBSCRIBE","params":[],"id":-1}', 2, "request ID"),
            ('{"method":"HELLO","id":1}', 2, "unknown variant `HELLO`"),
            ('{"method":"SUBSCRIBE","params":7,"id":1}', 2, "sequence"),
            ('{"method":"SUBSCRIBE","params":[7],"id":1}', 2, "stream name"),
        ],
    )
    def test_bad_requests_are_refused_by_code(self, frame: str, code: int, word: str) -> None:
        (answer,) = opened("/market/stream").receive(frame, NOW)
        refusal = msgspec.json.decode(answer)
        assert refusal["code"] == code
        assert word in refusal["msg"]

    def test_a_socket_holds_1024_streams(self) -> None:
        session = opened("/market/stream")
        names = [f"s{number}@aggTrade" for number in range(1025)]
        assert "too many" in ask(session, method="SUBSCRIBE", params=names, id=1)["msg"]
        assert ask(session, method="SUBSCRIBE", params=names[:1024], id=2)["result"] is None

    def test_more_than_ten_messages_a_second_end_the_socket(self) -> None:
        session = opened("/market/stream")
        for number in range(10):
            ask(session, NOW + number, method="LIST_SUBSCRIPTIONS", id=number)
        assert not session.overdue(NOW + 10)
        ask(session, NOW + 11, method="LIST_SUBSCRIPTIONS", id=11)
        assert session.overdue(NOW + 12)

    def test_a_socket_lives_a_day(self) -> None:
        session = opened("/market/stream")
        assert not session.overdue(NOW)
        assert not session.overdue(NOW + 86_399_999)
        assert session.overdue(NOW + 86_400_000)

    def test_there_is_no_greeting(self) -> None:
        assert not opened("/market/stream?streams=!forceOrder@arr").greeting(NOW)


class TestContext:
    def told(self, script: BinanceScript, now: int, *symbols: str) -> list[str]:
        rows = [SimContext(symbol, ContextField.MARK, 100.0, now) for symbol in symbols or ("BTCUSDT",)]
        return [push.channel for push in script.context(rows, now)]

    def test_mark_prices_come_once_a_second_with_the_newest_of_all_fields(self) -> None:
        script = BinanceScript()
        funding = SimContext("BTCUSDT", ContextField.FUNDING, 0.0001, NOW)
        assert not script.context([funding], NOW), "nothing without a mark price"
        index = SimContext("BTCUSDT", ContextField.INDEX, 99.0, NOW)
        pushes = script.context([SimContext("BTCUSDT", ContextField.MARK, 100.0, NOW), index], NOW)
        assert [push.channel for push in pushes] == [
            *("btcusdt@markPrice@1s", "!markPrice@arr@1s"),
            *("btcusdt@depth20@500ms", "!bookTicker"),
        ]
        found = BinanceDecoder("btcusdt@markPrice@1s", Instruments("binance")).feed([pushes[0].frame])
        assert found.context.value == [100.0, 99.0, 0.0001]

    def test_each_stream_has_its_pace(self) -> None:
        script = BinanceScript()
        paces = [self.told(script, NOW + after) for after in (0, 400, 500, 1000, 5000)]
        marks, book = ["btcusdt@markPrice@1s", "!markPrice@arr@1s"], ["btcusdt@depth20@500ms"]
        assert paces == [[*marks, *book, "!bookTicker"], [], book, [*marks, *book], [*marks, *book, "!bookTicker"]]

    def test_the_array_holds_all_contracts_of_both_margins(self) -> None:
        """And a contract with COIN-M margin has no book on this host."""
        script = BinanceScript()
        assert "btcusd_perp@depth20@500ms" not in self.told(script, NOW, "BTCUSDT", "BTCUSD_PERP")
        rows = [SimContext(symbol, ContextField.MARK, 1.0, NOW) for symbol in ("BTCUSDT", "BTCUSD_PERP")]
        (push,) = [each for each in script.context(rows, NOW + 1000) if each.channel == "!markPrice@arr@1s"]
        instruments = Instruments("binance")
        found = BinanceDecoder("!markPrice@arr@1s", instruments).feed([push.frame])
        assert [spec.raw_symbol for spec in instruments.specs] == ["BTCUSDT", "BTCUSD_PERP"]
        assert found.canary == NOW + 1000

    @pytest.mark.parametrize(
        ("path", "channel", "delivered"),
        [
            ("/public/stream", "!bookTicker", True),
            ("/public/stream", "btcusdt@depth20@500ms", True),
            ("/public/stream", "!markPrice@arr@1s", False),
            ("/market/stream", "!markPrice@arr@1s", True),
            ("/market/stream", "btcusdt@bookTicker", False),
            ("/stream", "btcusdt@bookTicker", True),
            ("/stream", "btcusdt@markPrice@1s", False),
        ],
    )
    def test_each_path_delivers_its_own_streams(self, path: str, channel: str, *, delivered: bool) -> None:
        """Trap 1: the old path acknowledges all and goes on with what is public, so it looks alive."""
        session = opened(path)
        assert ask(session, method="SUBSCRIBE", params=[channel], id=1) == {"result": None, "id": 1}
        assert session.subscribed(channel) is delivered


def test_open_interest_is_told_by_rest() -> None:
    script = BinanceScript()
    unknown = script.rest("/fapi/v1/openInterest", "symbol=BTCUSDT")
    assert unknown is not None
    assert (unknown.status, msgspec.json.decode(unknown.body)["code"]) == (400, -1121)
    script.context([SimContext("BTCUSDT", ContextField.OPEN_INTEREST, 5.5, NOW)], NOW)
    reply = script.rest("/fapi/v1/openInterest", "symbol=BTCUSDT")
    assert reply is not None
    assert msgspec.json.decode(reply.body) == {"openInterest": "5.5", "symbol": "BTCUSDT", "time": NOW}


def test_rest_knows_its_paths() -> None:
    script = BinanceScript()
    assert script.rest("/fapi/v1/time", "") is None
    reply = script.rest("/dapi/v1/exchangeInfo", "")
    assert reply is not None
    sizes = {each["symbol"]: each["contractSize"] for each in msgspec.json.decode(reply.body)["symbols"]}
    assert (sizes["BTCUSD_PERP"], sizes["ETHUSD_PERP"]) == (100, 10)


@pytest.mark.parametrize("symbol", ["1000PEPEUSDT", "币安人生USDT", "4USDT", "BTCUSD_PERP", "BTCUSDC"])
def test_the_listing_has_the_odd_ones(symbol: str) -> None:
    assert symbol in SYMBOLS
