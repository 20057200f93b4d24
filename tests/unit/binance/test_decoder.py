from __future__ import annotations

from typing import Any, ClassVar

import msgspec
import pytest

from foreshock_binance.decoder import BinanceDecoder
from foreshock_sdk import ContextField, ControlKind, Decoded, Instruments, LiquidatedSide, PriceKind
from foreshock_sdk.rows import liquidation_events

CANARY = "btcusdt@markPrice@1s"
TS = 1_791_565_602_120
ORDER = {
    "s": "BTCUSDT",
    "S": "SELL",
    "o": "LIMIT",
    "f": "IOC",
    "q": "0.190",
    "p": "82338.30",
    "ap": "82651.90",
    "X": "FILLED",
    "l": "0.155",
    "z": "0.190",
    "T": 1791565602120,
}


def force_order(**changes: Any) -> dict[str, Any]:
    """Return a push; a change to None leaves the field out."""
    order = {key: value for key, value in {**ORDER, **changes}.items() if value is not None}
    return {"e": "forceOrder", "E": 1791565603055, "o": order}


def feed(*values: Any, instruments: Instruments | None = None) -> Decoded:
    decoder = BinanceDecoder(CANARY, Instruments("binance") if instruments is None else instruments)
    return decoder.feed([msgspec.json.encode(value) for value in values])


def combined(value: Any) -> dict[str, Any]:
    return {"stream": "!forceOrder@arr", "data": value}


@pytest.mark.parametrize(
    "value",
    [
        force_order(),
        combined(force_order()),
        combined(force_order(ps="BTCUSDT", st=1)),
        combined({**force_order(), "st": 2, "ps": "BTCUSD"}),
        [force_order()],
        combined([force_order()]),
    ],
    ids=["raw", "combined", "st-inside", "st-on-top-and-wrong", "array", "combined-array"],
)
def test_every_envelope_gives_the_same_row(value: Any) -> None:
    """The field st is not trusted: the name says which margin the contract has."""
    instruments = Instruments("binance")
    (event,) = liquidation_events(feed(value, instruments=instruments), instruments, 1)
    assert (event.instrument, event.price, event.quantity) == ("BTCUSDT-PERP.BINANCE", 82651.90, 0.190)


def test_an_array_gives_a_row_an_element_and_faults_by_place() -> None:
    found = feed([force_order(), force_order(z="0"), force_order(S="BUY")])
    assert list(found.liquidations.side) == [LiquidatedSide.LONG, LiquidatedSide.SHORT]
    assert [(fault.frame, fault.row) for fault in found.faults] == [(0, 1)]


@pytest.mark.parametrize("average", ["0", "0.0", 0])
def test_without_an_average_price_the_limit_serves_and_says_so(average: Any) -> None:
    found = feed(force_order(ap=average))
    assert (found.liquidations.price, list(found.liquidations.price_kind)) == ([82338.30], [PriceKind.LIMIT])


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"ap": "NaN"}, "`$.ap`"),
        ({"ap": "inf"}, "`$.ap`"),
        ({"ap": "-1"}, "`$.ap`"),
        ({"ap": None}, "`ap`"),
        ({"ap": "0", "p": "0"}, "neither `ap` nor `p`"),
        ({"z": "0"}, "`$.z`"),
        ({"z": "nan"}, "`$.z`"),
        ({"z": None}, "`z`"),
        ({"q": "-1"}, "`$.q`"),
        ({"T": 0}, "`$.T`"),
        ({"T": -5}, "`$.T`"),
        ({"T": 4102444800000}, "`$.T`"),
        ({"S": "HOLD"}, "`$.S`"),
        ({"s": "WHAT"}, "'WHAT' is unknown"),
        ({"s": "BTC USDT"}, "not a contract's name"),
        ({"s": ""}, "not a contract's name"),
        ({"s": "X" * 50 + "USDT"}, "not a contract's name"),
        ({"s": "\x00USDT"}, "not a contract's name"),
    ],
)
def test_a_row_that_cannot_be_is_a_fault_with_its_reason(changes: dict[str, Any], word: str) -> None:
    found = feed(combined(force_order()), combined(force_order(**changes)), combined(force_order(S="BUY")))
    (fault,) = found.faults
    assert (fault.frame, fault.row) == (1, 0)
    assert word in fault.reason
    assert list(found.liquidations.frames) == [0, 2]


def test_a_push_without_its_time_keeps_its_row() -> None:
    push = force_order()
    for wrong in (None, "soon", -1):
        found = feed({**push, "E": wrong})
        assert (len(found.liquidations), found.pushed_ms) == (1, 0)


@pytest.mark.parametrize(
    "value",
    [
        *(1, None, "text", {}, [], [[]], {"stream": "x", "data": 5}, {"id": 1}, {"result": None}),
        *({"e": "somethingNew"}, {"e": 7}, {"e": ["forceOrder"]}),
    ],
)
def test_an_unknown_shape_is_a_fault_of_the_frame(value: Any) -> None:
    found = feed(value)
    assert [fault.row for fault in found.faults] == [None]
    assert len(found.liquidations) == 0


def test_an_order_without_its_body_is_a_fault_of_the_row() -> None:
    (fault,) = feed({"e": "forceOrder", "E": 5}).faults
    assert fault.row == 0


def test_errors_are_understood_nested_too() -> None:
    found = feed({"error": {"code": 2, "msg": "Invalid request"}, "id": 3})
    assert [(each.kind, each.code, each.message) for each in found.controls] == [
        (ControlKind.REFUSED, "2", "Invalid request")
    ]


def test_a_list_of_subscriptions_is_silent() -> None:
    found = feed({"result": ["btcusdt@aggTrade"], "id": 3})
    assert (found.ignored, found.faults, found.controls) == (1, [], [])


def test_a_frame_of_several_ignored_events_counts_once() -> None:
    assert feed([{"e": "kline"}, {"e": "kline"}]).ignored == 1


def test_mark_prices_of_other_contracts_are_context_and_no_canary() -> None:
    instruments = Instruments("binance")
    mark = {"e": "markPriceUpdate", "E": 1562305380000, "s": "BTCUSD_PERP", "p": "11794.15", "i": "0", "r": ""}
    found = feed(combined(mark), instruments=instruments)
    assert (found.context.field, found.context.value) == ([ContextField.MARK], [11794.15])
    assert (found.canary, found.pushed_ms) == (0, 1562305380000)


def test_a_mark_price_that_cannot_be_is_a_fault() -> None:
    (fault,) = feed({"e": "markPriceUpdate", "E": 1562305380000, "s": "BTCUSDT", "p": "NaN"}).faults
    assert fault.row == 0


def test_new_listings_join_the_table_once() -> None:
    """Spellings that begin with a digit or are not ASCII are contracts like any other."""
    instruments = Instruments("binance")
    names = ("4USDT", "1INCHUSDT", "币安人生USDT", "1000PEPEUSDT", "4USDT", "BTCUSDT_251226", "ETHUSD_PERP")
    found = feed(*(combined(force_order(s=name)) for name in names), instruments=instruments)
    assert not found.faults
    assert [instruments.specs[index].raw_symbol for index in found.liquidations.instrument] == list(names)
    assert len(instruments) == len(set(names))


def test_the_contract_in_the_table_is_used_before_the_rule() -> None:
    instruments = Instruments("binance")
    feed(force_order(s="1000CATUSDT"), instruments=instruments)
    listed = msgspec.structs.replace(instruments.specs[0], multiplier=1.0)
    instruments.put(listed)
    feed(force_order(s="1000CATUSDT"), instruments=instruments)
    assert instruments.specs == [listed]


class TestMarket:
    BOOK: ClassVar[Any] = {
        "e": "depthUpdate",
        "E": TS + 2,
        "T": TS,
        "s": "BTCUSDT",
        "b": [["10", "1"]],
        "a": [["11", "2"]],
    }

    def streamed(self, stream: str, canary: str = CANARY, **changes: Any) -> Decoded:
        decoder = BinanceDecoder(canary, Instruments("binance"))
        return decoder.feed([msgspec.json.encode({"stream": stream, "data": {**self.BOOK, **changes}})])

    @pytest.mark.parametrize("stream", ["btcusdt@depth20@500ms", "btcusdt@depth5", "btcusdt@depth10@100ms"])
    def test_a_partial_book_is_whole(self, stream: str) -> None:
        found = self.streamed(stream)
        assert (found.books.bids, found.books.asks) == ([[(10.0, 1.0)]], [[(11.0, 2.0)]])
        assert (found.books.ts_event_ms, found.pushed_ms, found.canary) == ([TS], TS + 2, 0)

    @pytest.mark.parametrize("stream", ["btcusdt@depth", "btcusdt@depth@100ms", "btcusdt@rpiDepth@500ms", ""])
    def test_what_changed_in_a_book_is_none(self, stream: str) -> None:
        found = self.streamed(stream)
        assert (len(found.books), found.ignored, found.faults) == (0, 1, [])

    @pytest.mark.parametrize(("symbol", "canary"), [("BTCUSDT", TS + 2), ("ETHUSDT", 0)])
    def test_a_book_may_be_the_canary(self, symbol: str, canary: int) -> None:
        assert self.streamed("x@depth20@500ms", "btcusdt@depth20@500ms", s=symbol).canary == canary

    @pytest.mark.parametrize("changes", [{"T": 0}, {"b": None}, {"a": [["-1", "1"]]}])
    def test_a_book_that_cannot_be_is_a_fault(self, changes: dict[str, Any]) -> None:
        (fault,) = self.streamed("btcusdt@depth20@500ms", **changes).faults
        assert fault.row == 0

    def test_sizes_of_coin_margined_contracts_become_coins(self) -> None:
        """Trap 2: the merged streams hold contracts of 100 USD beside coins."""
        top = {
            "e": "bookTicker",
            "u": 1,
            "E": TS,
            "T": TS,
            "s": "BTCUSD_PERP",
            "b": "50",
            "B": "3",
            "a": "100",
            "A": "4",
        }
        assert feed(combined(top)).context.value == [50.0, 6.0, 100.0, 4.0]

    def test_every_mark_of_the_array_is_context_and_any_is_its_canary(self) -> None:
        marks = [
            {"e": "markPriceUpdate", "E": TS, "s": name, "p": "2", "i": "3", "r": "0.1"}
            for name in ("BTCUSDT", "ETHUSD_PERP", "1000PEPEUSDT")
        ]
        frame = msgspec.json.encode({"stream": "!markPrice@arr@1s", "data": [*marks, {"e": "markPriceUpdate"}]})
        found = BinanceDecoder("!markPrice@arr@1s", Instruments("binance")).feed([frame])
        assert found.context.value == [2.0, 3.0, 0.1] * 3
        assert (found.canary, [(fault.frame, fault.row) for fault in found.faults]) == (TS, [(0, 3)])

    def test_open_interest_comes_from_rest(self) -> None:
        found = feed({"openInterest": "10659.509", "symbol": "BTCUSDT", "time": 1589437530011})
        told = (found.context.field, found.context.value, found.context.ts_event_ms)
        assert told == ([ContextField.OPEN_INTEREST], [10659.509], [1589437530011])
        (fault,) = feed({"openInterest": "-1", "symbol": "BTCUSDT", "time": 1589437530011}).faults
        assert fault.row == 0

    def test_open_interest_in_contracts_is_left_out(self) -> None:
        found = feed({"openInterest": "15004", "symbol": "BTCUSD_PERP", "pair": "BTCUSD", "time": 1589437530011})
        assert (len(found.context), found.ignored, found.faults) == (0, 1, [])

    @pytest.mark.parametrize("event", ["markPriceUpdate", "bookTicker", "depthUpdate", None])
    def test_context_of_a_contract_that_nobody_knows_is_left_out(self, event: str | None) -> None:
        """Else the streams of all contracts would bring the same fault every second."""
        told: dict[str, Any] = {
            "e": event,
            "E": TS,
            "T": TS,
            "s": "WHAT",
            "p": "1",
            "b": "1",
            "B": "1",
            "a": "1",
            "A": "1",
        }
        if event == "depthUpdate":
            told |= {"b": [], "a": []}
        rest = {"symbol": "WHAT", "openInterest": "1", "time": TS}
        found = feed({"stream": "what@depth20@500ms", "data": told if event else rest})
        assert (len(found.context), len(found.books), found.faults, found.ignored) == (0, 0, [], 1)
