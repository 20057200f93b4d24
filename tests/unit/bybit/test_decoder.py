from __future__ import annotations

from typing import Any

import msgspec
import pytest

from foreshock_bybit.decoder import BybitDecoder
from foreshock_sdk import ContextField, ControlKind, Decoded, Instruments, LiquidatedSide
from foreshock_sdk.rows import liquidation_events

ROW = {"T": 1791565600992, "s": "BTCUSDT", "S": "Buy", "v": "0.006", "p": "82396.90"}


def push(*rows: Any, **changes: Any) -> dict[str, Any]:
    topic = "allLiquidation.BTCUSDT"
    return {"topic": topic, "type": "snapshot", "ts": 1791565601482, "data": list(rows), **changes}


def changed(**changes: Any) -> dict[str, Any]:
    """Return a row; a change to None leaves the field out."""
    return {key: value for key, value in {**ROW, **changes}.items() if value is not None}


def feed(*values: Any, instruments: Instruments | None = None) -> Decoded:
    decoder = BybitDecoder("tickers.BTCUSDT", Instruments("bybit") if instruments is None else instruments)
    return decoder.feed([msgspec.json.encode(value) for value in values])


def test_the_side_is_the_positions() -> None:
    """Trap 4: Buy is a long that died, the opposite of an order's side."""
    found = feed(push(changed(S="Buy"), changed(S="Sell")))
    assert list(found.liquidations.side) == [LiquidatedSide.LONG, LiquidatedSide.SHORT]


def test_inverse_sizes_are_usd() -> None:
    instruments = Instruments("bybit")
    found = feed(push(changed(s="BTCUSD", v="5000", p="50000")), instruments=instruments)
    (event,) = liquidation_events(found, instruments, 1)
    assert (event.quantity, event.notional_usd, event.symbol) == (0.1, 5000.0, "BTCUSDT")


def test_multipliers_are_taken_out() -> None:
    instruments = Instruments("bybit")
    found = feed(push(changed(s="SHIB1000USDT", v="200", p="0.02")), instruments=instruments)
    (event,) = liquidation_events(found, instruments, 1)
    assert (event.symbol, event.quantity, event.notional_usd) == ("SHIBUSDT", 200_000.0, 4.0)
    assert event.price == pytest.approx(0.00002)


def test_twins_of_one_frame_are_two_events() -> None:
    instruments = Instruments("bybit")
    events = liquidation_events(feed(push(ROW, ROW), instruments=instruments), instruments, 1)
    assert len({event.event_id for event in events}) == 2


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (changed(p="0"), "`$.p`"),
        (changed(p="NaN"), "`$.p`"),
        (changed(p=None), "`p`"),
        (changed(v="-1"), "`$.v`"),
        (changed(v="inf"), "`$.v`"),
        (changed(T=0), "`$.T`"),
        (changed(T=4102444800000), "`$.T`"),
        (changed(S="Long"), "`$.S`"),
        (changed(s="NOQUOTE"), "'NOQUOTE' is unknown"),
        (7, "Expected `object`"),
    ],
)
def test_a_row_that_cannot_be_is_a_fault_and_its_neighbours_stay(row: Any, word: str) -> None:
    found = feed(push(ROW), push(ROW, row, ROW))
    (fault,) = found.faults
    assert (fault.frame, fault.row) == (1, 1)
    assert word in fault.reason
    assert list(found.liquidations.frames) == [0, 1, 1]


def test_a_push_without_its_time_keeps_its_rows() -> None:
    for wrong in (None, "soon", 0):
        found = feed(push(ROW, ts=wrong))
        assert (len(found.liquidations), found.pushed_ms) == (1, 0)


@pytest.mark.parametrize(
    "value",
    [*(1, None, "text", {}, [], {"topic": 7}, {"topic": "news.BTCUSDT"}), push(data={}), push(data=None)],
)
def test_an_unknown_shape_is_a_fault_of_the_frame(value: Any) -> None:
    found = feed(value)
    assert [fault.row for fault in found.faults] == [None]


@pytest.mark.parametrize("topic", ["kline.1.BTCUSDT", "adlAlert.USDT", "insurance.USDT", "order", "execution"])
def test_other_topics_are_silent(topic: str) -> None:
    found = feed({"topic": topic, "data": []})
    assert (found.ignored, found.faults) == (1, [])


class TestTickers:
    def test_a_delta_tells_what_changed(self) -> None:
        delta = {"symbol": "ETHUSDT", "openInterest": "10", "singleOpenInterest": "6", "markPrice": ""}
        found = feed({"topic": "tickers.ETHUSDT", "type": "delta", "ts": 1673272861686, "data": delta})
        assert (found.context.field, found.context.value) == ([ContextField.OPEN_INTEREST], [6.0])
        assert found.canary == 0, "another socket's canary"

    def test_amounts_of_inverse_contracts_are_usd_and_become_coins(self) -> None:
        """In the venue's answer of 2025-10 openInterest / openInterestValue is the mark price. It counts both sides."""
        whole = {"symbol": "BTCUSD", "markPrice": "114898.43", "openInterest": "240113967", "bid1Size": "8"}
        delta = {"symbol": "BTCUSD", "singleOpenInterest": "57449.215", "bid1Price": "4", "bid1Size": "8"}
        found = feed(
            {"topic": "tickers.BTCUSD", "type": "snapshot", "ts": 1673272861686, "data": whole},
            {"topic": "tickers.BTCUSD", "type": "delta", "ts": 1673272861786, "data": delta},
        )
        assert found.context.field == [
            *(ContextField.MARK, ContextField.OPEN_INTEREST),
            *(ContextField.OPEN_INTEREST, ContextField.BID, ContextField.BID_QUANTITY),
        ]
        assert found.context.value == [114898.43, pytest.approx(2089.79 / 2, abs=0.005), pytest.approx(0.5), 4.0, 2.0]

    def test_a_delta_without_news_still_sings(self) -> None:
        found = feed({"topic": "tickers.BTCUSDT", "ts": 1673272861686, "data": {"symbol": "BTCUSDT"}})
        assert (len(found.context), found.canary) == (0, 1673272861686)

    @pytest.mark.parametrize(
        "changes",
        [{"ts": 0}, {"data": None}, {"data": {"symbol": "BTCUSDT", "markPrice": "NaN"}}, {"data": {"symbol": "?"}}],
    )
    def test_one_that_cannot_be_is_a_fault(self, changes: dict[str, Any]) -> None:
        ticker = {"topic": "tickers.BTCUSDT", "ts": 1673272861686, "data": {"symbol": "BTCUSDT"}}
        (fault,) = feed({**ticker, **changes}).faults
        assert fault.row == 0


def book(kind: str, ts: int, update: int = 7, **sides: Any) -> dict[str, Any]:
    data = {"s": "BTCUSDT", "b": [], "a": [], **sides, "u": update, "seq": 1}
    return {"topic": "orderbook.200.BTCUSDT", "type": kind, "ts": ts, "data": data}


class TestBooks:
    TS = 1673272861686
    BIDS = (["10", "1"], ["9", "2"])
    ASKS = (["11", "3"],)

    def test_changes_make_the_book_and_size_0_takes_a_level_away(self) -> None:
        found = feed(
            book("snapshot", self.TS, b=self.BIDS, a=self.ASKS),
            book("delta", self.TS + 50, b=[["10", "0"], ["8", "4"]], a=[["10.5", "1"]]),
        )
        assert found.books.bids == [[(9.0, 2.0), (8.0, 4.0)]]
        assert found.books.asks == [[(10.5, 1.0), (11.0, 3.0)]]
        assert (found.books.frame, found.books.ts_event_ms, found.pushed_ms) == ([1], [self.TS + 50], self.TS + 50)

    @pytest.mark.parametrize(("kind", "update"), [("snapshot", 9), ("delta", 1)])
    def test_a_snapshot_and_a_restart_begin_anew(self, kind: str, update: int) -> None:
        """A delta whose update id is 1 is a snapshot: the service restarted."""
        found = feed(
            book("snapshot", self.TS, b=self.BIDS, a=self.ASKS),
            book(kind, self.TS + 100, update, b=[["5", "1"]], a=[["6", "1"]]),
        )
        assert (found.books.bids[-1], found.books.asks[-1]) == ([(5.0, 1.0)], [(6.0, 1.0)])

    def test_a_change_of_nothing_is_left_out(self) -> None:
        """A recording may begin in the middle."""
        found = feed(book("delta", self.TS, b=self.BIDS))
        assert (len(found.books), found.ignored, found.faults) == (0, 1, [])

    def test_a_book_is_told_ten_times_a_second_at_most(self) -> None:
        one = BybitDecoder("tickers.BTCUSDT", Instruments("bybit"))
        frames = [book("snapshot", self.TS, b=self.BIDS, a=self.ASKS)]
        frames += [book("delta", self.TS + at, b=[["9", str(at)]]) for at in range(10, 1000, 10)]
        told = [len(one.feed([msgspec.json.encode(frame)]).books) for frame in frames]
        assert sum(told) == 10

    @pytest.mark.parametrize(
        "changes", [{"ts": 0}, {"data": None}, {"type": "x"}, {"data": {"s": "BTCUSDT", "b": [["-1", "1"]], "a": []}}]
    )
    def test_one_that_cannot_be_is_a_fault(self, changes: dict[str, Any]) -> None:
        (fault,) = feed({**book("snapshot", self.TS), **changes}).faults
        assert fault.row == 0


@pytest.mark.parametrize(
    ("value", "kinds", "ignored"),
    [
        ({"op": "pong", "args": ["1"]}, [ControlKind.PONG], 0),
        ({"op": "subscribe", "args": ["a"]}, [], 1),
        ({"op": "auth", "success": True}, [], 1),
        ({"op": "unsubscribe", "success": True}, [], 1),
        ({"op": "auth", "success": False, "ret_msg": "no"}, [ControlKind.REFUSED], 0),
    ],
)
def test_answers(value: Any, kinds: list[ControlKind], ignored: int) -> None:
    found = feed(value)
    assert ([each.kind for each in found.controls], found.ignored, found.faults) == (kinds, ignored, [])
