from __future__ import annotations

from typing import Any

import msgspec
import pytest

from foreshock_okx.decoder import OkxDecoder
from foreshock_sdk import ContextField, ControlKind, Decoded, EventFlag, Instruments, InstrumentSpec, LiquidatedSide
from foreshock_sdk.rows import liquidation_events

TS = 1_791_565_600_771
DETAIL = {
    "bkLoss": "0",
    "bkPx": "82655.7",
    "ccy": "",
    "posSide": "long",
    "side": "sell",
    "sz": "8.55",
    "ts": str(TS),
}


def detail(**changes: Any) -> dict[str, Any]:
    """Return a detail; a change to None leaves the field out."""
    return {key: value for key, value in {**DETAIL, **changes}.items() if value is not None}


def item(*details: Any, contract: str = "BTC-USDT-SWAP") -> dict[str, Any]:
    return {"details": list(details), "instId": contract, "instType": "SWAP"}


def push(*items: Any, kind: str = "SWAP") -> dict[str, Any]:
    return {"arg": {"channel": "liquidation-orders", "instType": kind}, "data": list(items)}


def mark(ts: int, contract: str = "BTC-USDT-SWAP") -> dict[str, Any]:
    data = {"instId": contract, "instType": "SWAP", "markPx": "82000", "ts": str(ts)}
    return {"arg": {"channel": "mark-price", "instId": contract}, "data": [data]}


def decoder(instruments: Instruments | None = None) -> OkxDecoder:
    return OkxDecoder("mark-price:BTC-USDT-SWAP", Instruments("okx") if instruments is None else instruments)


def feed(*values: Any, instruments: Instruments | None = None) -> Decoded:
    return decoder(instruments).feed([msgspec.json.encode(value) for value in values])


def test_every_detail_of_every_contract_is_a_row() -> None:
    """Trap 6: a library that reads the first detail loses the others."""
    instruments = Instruments("okx")
    values = (
        push(item(detail(), detail(sz="1")), item(detail(side="buy", posSide="short"), contract="ETH-USDT-SWAP")),
        push(item(detail(), detail()), item(detail(), contract="BTC-USD-SWAP")),
    )
    found = feed(*values, instruments=instruments)
    names = [instruments.specs[index].raw_symbol for index in found.liquidations.instrument]
    assert names == ["BTC-USDT-SWAP"] * 2 + ["ETH-USDT-SWAP"] + ["BTC-USDT-SWAP"] * 2 + ["BTC-USD-SWAP"]
    assert list(found.liquidations.frames) == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("side", "position", "died", "code"),
    [
        ("sell", "long", LiquidatedSide.LONG, 1.0),
        ("sell", "net", LiquidatedSide.LONG, 0.0),
        ("sell", None, LiquidatedSide.LONG, 0.0),
        ("buy", "short", LiquidatedSide.SHORT, 2.0),
        ("buy", "net", LiquidatedSide.SHORT, 0.0),
    ],
)
def test_the_order_side_tells_who_died(side: str, position: str | None, died: LiquidatedSide, code: float) -> None:
    found = feed(push(item(detail(side=side, posSide=position))))
    assert (list(found.liquidations.side), found.liquidations.identity_b) == ([died], [code])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"side": "sell", "posSide": "short"}, "side sell contradicts posSide short"),
        ({"side": "buy", "posSide": "long"}, "side buy contradicts posSide long"),
        ({"side": "hold"}, "`$.side`"),
        ({"posSide": ""}, "`$.posSide`"),
        ({"bkPx": "0"}, "`$.bkPx`"),
        ({"bkPx": "NaN"}, "`$.bkPx`"),
        ({"bkPx": None}, "`bkPx`"),
        ({"sz": "-1"}, "`$.sz`"),
        ({"sz": "inf"}, "`$.sz`"),
        ({"ts": "0"}, "`$.ts`"),
        ({"ts": "4102444800000"}, "`$.ts`"),
        ({"ts": ""}, "`$.ts`"),
    ],
)
def test_a_row_that_cannot_be_is_a_fault_and_its_neighbours_stay(changes: dict[str, Any], reason: str) -> None:
    """Rows are counted over all contracts of a frame."""
    good = push(item(detail()))
    found = feed(good, good, push(item(detail()), item(detail(), detail(**changes), detail())))
    (fault,) = found.faults
    assert (fault.frame, fault.row) == (2, 2)
    assert reason in fault.reason
    assert list(found.liquidations.frames) == [0, 1, 2, 2, 2]


@pytest.mark.parametrize(
    "contract",
    ["NEWCOIN-USDT-SWAP", "BTC-USD_UM_XPERP-310404", "NEWCOIN-USD-261225", "BTC-USDT", "WHAT", "BTC-EUR-SWAP"],
)
def test_a_contract_value_is_never_guessed(contract: str) -> None:
    found = feed(push(item(detail(), contract=contract), item(detail())))
    assert [fault.reason for fault in found.faults] == [f"contract value of {contract} is unknown"]
    assert len(found.liquidations) == 1


def test_the_contract_value_of_the_venue_is_used_when_it_is_known() -> None:
    """X-Perps are futures with a date five years away and a family of their own."""
    xperp = InstrumentSpec(
        venue="okx",
        raw_symbol="BTC-USD_UM_XPERP-310404",
        base="BTC",
        quote="USD",
        contract_value=0.0001,
        expiry="310404",
    )
    instruments = Instruments("okx", [xperp])
    values = push(item(detail(sz="10"), contract=xperp.raw_symbol), kind="FUTURES")
    (event,) = liquidation_events(feed(values, instruments=instruments), instruments, 1)
    assert event.quantity == pytest.approx(0.001)
    assert (event.flags, event.symbol) == (EventFlag.NONE, "BTCUSDT")


def test_a_contract_that_becomes_known_is_understood() -> None:
    instruments = Instruments("okx")
    one = decoder(instruments)
    frame = msgspec.json.encode(push(item(detail(), contract="NEWCOIN-USDT-SWAP")))
    assert one.feed([frame]).faults
    spec = InstrumentSpec(venue="okx", raw_symbol="NEWCOIN-USDT-SWAP", base="NEWCOIN", quote="USDT")
    instruments.put(spec)
    assert len(one.feed([frame]).liquidations) == 1


class TestFirstFrame:
    """Trap 6: the first liquidation told after subscribing may be old."""

    def test_an_old_first_row_is_flagged(self) -> None:
        found = feed(mark(TS + 60_001), push(item(detail())), push(item(detail())))
        assert list(found.liquidations.flags) == [EventFlag.REPLAYED, EventFlag.NONE]

    def test_a_minute_is_not_old(self) -> None:
        assert list(feed(mark(TS + 60_000), push(item(detail()))).liquidations.flags) == [EventFlag.NONE]

    def test_each_kind_of_contract_has_its_first_frame(self) -> None:
        found = feed(push(item(detail(ts=str(TS + 70_000)))), push(item(detail()), kind="FUTURES"))
        assert list(found.liquidations.flags) == [EventFlag.NONE, EventFlag.REPLAYED]

    def test_rows_of_one_frame_are_judged_by_the_newest(self) -> None:
        found = feed(push(item(detail(), detail(ts=str(TS + 70_000)))))
        assert list(found.liquidations.flags) == [EventFlag.REPLAYED, EventFlag.NONE]

    def test_without_any_time_to_compare_nothing_is_flagged(self) -> None:
        assert list(feed(push(item(detail()))).liquidations.flags) == [EventFlag.NONE]

    def test_calls_do_not_matter(self) -> None:
        one = decoder()
        one.feed([msgspec.json.encode(mark(TS + 70_000))])
        found = [one.feed([msgspec.json.encode(push(item(detail())))]) for _ in range(2)]
        assert [list(each.liquidations.flags) for each in found] == [[EventFlag.REPLAYED], [EventFlag.NONE]]


@pytest.mark.parametrize(
    "value",
    [
        *(1, None, "text", {}, [], {"arg": {}}, {"arg": {"channel": 7}}, {"arg": {"channel": "news"}}),
        {"arg": {"channel": "liquidation-orders", "instType": "SWAP"}, "data": {}},
    ],
)
def test_an_unknown_shape_is_a_fault_of_the_frame(value: Any) -> None:
    assert [fault.row for fault in feed(value).faults] == [None]


@pytest.mark.parametrize("broken", [7, {}, {"details": 5, "instId": "BTC-USDT-SWAP"}, {"details": [DETAIL]}])
def test_an_item_without_details_or_contract_is_a_bad_row(broken: Any) -> None:
    found = feed(push(broken, item(detail())))
    assert [fault.row for fault in found.faults] == [0]
    assert len(found.liquidations) == 1


@pytest.mark.parametrize(
    ("channel", "kind"),
    [("liquidation-orders", "MARGIN"), ("liquidation-orders", "OPTION"), ("candle1m", "SWAP"), ("account", "ANY")],
)
def test_other_channels_are_silent(channel: str, kind: str) -> None:
    found = feed({"arg": {"channel": channel, "instType": kind}, "data": [{"details": [DETAIL]}]})
    assert (found.ignored, found.faults, len(found.liquidations)) == (1, [], 0)


@pytest.mark.parametrize(
    ("value", "kinds", "ignored"),
    [
        ({"event": "subscribe", "arg": {}}, [ControlKind.ACK], 0),
        ({"event": "error", "code": "60018", "msg": "no"}, [ControlKind.REFUSED], 0),
        ({"event": "notice", "code": "64008", "msg": "soon"}, [ControlKind.CLOSING], 0),
        ({"event": "notice", "code": "1", "msg": "hello"}, [], 1),
        ({"event": "unsubscribe", "arg": {}}, [], 1),
        ({"event": "channel-conn-count", "connCount": "1"}, [], 1),
    ],
)
def test_answers(value: Any, kinds: list[ControlKind], ignored: int) -> None:
    found = feed(value)
    assert ([each.kind for each in found.controls], found.ignored, found.faults) == (kinds, ignored, [])


@pytest.mark.parametrize("frame", ["pong", b"pong"])
def test_the_pong_is_bare_text(frame: str | bytes) -> None:
    found = decoder().feed([frame])
    assert ([each.kind for each in found.controls], found.faults) == ([ControlKind.PONG], [])


class TestMarks:
    def test_the_canary_sings_with_its_newest_time(self) -> None:
        found = feed(mark(TS + 5), mark(TS), mark(TS + 9, "ETH-USDT-SWAP"))
        assert found.context.field == [ContextField.MARK] * 3
        assert (found.canary, found.pushed_ms) == (TS + 5, TS + 9)

    def test_of_a_contract_that_nobody_knows_it_is_silent(self) -> None:
        found = feed(mark(TS, "BTC-USDT"))
        assert (found.ignored, found.faults, len(found.context), found.pushed_ms) == (1, [], 0, TS)

    @pytest.mark.parametrize("data", [None, [7], [{"instId": "BTC-USDT-SWAP", "markPx": "NaN", "ts": "1"}]])
    def test_one_that_cannot_be_is_a_fault(self, data: Any) -> None:
        (fault,) = feed({**mark(TS), "data": data}).faults
        assert fault.row == 0


def test_a_liquidation_was_pushed_no_earlier_than_its_newest_row() -> None:
    """The venue does not say when it pushed: a replay's clock goes by the rows."""
    found = feed(push(item(detail(), detail(ts=str(TS + 7)))), push(item(detail(ts=str(TS + 3)))))
    assert found.pushed_ms == TS + 7


def row(channel: str, contract: str = "BTC-USDT-SWAP", **fields: Any) -> dict[str, Any]:
    arg = {"channel": channel, "instId": contract}
    return {"arg": arg, "data": [{"instId": contract, "ts": str(TS), **fields}]}


class TestContext:
    def test_sizes_of_tickers_are_contracts_and_become_coins(self) -> None:
        found = feed(row("tickers", bidPx="50", bidSz="200", askPx="60", askSz="300"))
        assert list(zip(found.context.field, found.context.value, strict=True)) == [
            (ContextField.BID, 50.0),
            (ContextField.BID_QUANTITY, 2.0),
            (ContextField.ASK, 60.0),
            (ContextField.ASK_QUANTITY, 3.0),
        ]
        assert found.canary == 0, "another channel of the canary's contract"

    def test_an_empty_side_is_left_out(self) -> None:
        found = feed(row("tickers", bidPx="", bidSz="", askPx="60", askSz="300"))
        assert found.context.field == [ContextField.ASK, ContextField.ASK_QUANTITY]

    def test_the_index_of_a_pair_is_its_perpetuals(self) -> None:
        instruments = Instruments("okx")
        found = feed(row("index-tickers", "BTC-USD", idxPx="84631.5"), instruments=instruments)
        assert (found.context.field, found.context.value) == ([ContextField.INDEX], [84631.5])
        assert instruments.specs[found.context.instrument[0]].raw_symbol == "BTC-USD-SWAP"

    def test_context_shows_that_a_first_liquidation_is_old(self) -> None:
        found = feed(row("funding-rate", fundingRate="0.1"), push(item(detail(ts=str(TS - 60_001)))))
        assert list(found.liquidations.flags) == [EventFlag.REPLAYED]

    @pytest.mark.parametrize(
        ("channel", "fields"),
        [
            ("funding-rate", {"fundingRate": ""}),
            ("open-interest", {"oiCcy": "-1"}),
            ("index-tickers", {"idxPx": "0"}),
            ("tickers", {"bidPx": "x"}),
        ],
    )
    def test_one_that_cannot_be_is_a_fault(self, channel: str, fields: dict[str, Any]) -> None:
        (fault,) = feed(row(channel, **fields)).faults
        assert fault.row == 0


def book(sequence: int, before: int, *, at: int = 0, bids: Any = (), asks: Any = ()) -> dict[str, Any]:
    sides = {name: [[*level, "0", "1"] for level in levels] for name, levels in (("bids", bids), ("asks", asks))}
    data = {**sides, "ts": str(TS + at), "seqId": sequence, "prevSeqId": before, "checksum": 1}
    arg = {"channel": "books", "instId": "BTC-USDT-SWAP"}
    return {"arg": arg, "action": "snapshot" if before < 0 else "update", "data": [data]}


class TestBooks:
    BEGIN = book(10, -1, bids=[["50", "1"], ["49", "2"]], asks=[["51", "3"]])

    def test_changes_make_the_book(self) -> None:
        found = feed(self.BEGIN, book(15, 10, at=100, bids=[["50", "0"]], asks=[["50.5", "4"]]))
        assert (found.books.bids, found.books.asks) == ([[(49.0, 2.0)]], [[(50.5, 4.0), (51.0, 3.0)]])
        assert (found.books.ts_event_ms, found.faults, found.replies) == ([TS + 100], [], [])

    def test_an_idle_book_repeats_its_number(self) -> None:
        assert not feed(self.BEGIN, book(10, 10, at=60_000), book(3, 10, at=61_000), book(4, 3, at=62_000)).faults

    def test_a_hole_forgets_the_book_and_asks_for_it_anew(self) -> None:
        one = decoder()
        found = one.feed([msgspec.json.encode(each) for each in (self.BEGIN, book(20, 15, at=100))])
        (fault,) = found.faults
        assert fault.reason == "a hole in the book: 15 follows 10"
        arg = {"channel": "books", "instId": "BTC-USDT-SWAP"}
        assert [msgspec.json.decode(reply) for reply in found.replies] == [
            {"op": "unsubscribe", "args": [arg]},
            {"op": "subscribe", "args": [arg]},
        ]
        assert len(found.books) == 0
        after = one.feed([msgspec.json.encode(book(25, 20, at=200))])
        assert (after.ignored, after.replies, len(after.books)) == (1, [], 0), "asked once"
        assert len(one.feed([msgspec.json.encode(self.BEGIN)]).books) == 1

    def test_a_change_of_nothing_is_left_out(self) -> None:
        found = feed(book(15, 10))
        assert (found.ignored, found.faults) == (1, [])

    @pytest.mark.parametrize("data", [None, [7], [{"asks": [], "bids": [], "ts": "1"}]])
    def test_one_that_cannot_be_is_a_fault(self, data: Any) -> None:
        (fault,) = feed({**self.BEGIN, "data": data}).faults
        assert fault.row == 0
