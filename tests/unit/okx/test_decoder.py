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
    """The first liquidation told after subscribing may be old."""

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

    @pytest.mark.parametrize("data", [None, [7], [{"instId": "BTC-USDT-SWAP", "markPx": "NaN", "ts": "1"}]])
    def test_one_that_cannot_be_is_a_fault(self, data: Any) -> None:
        (fault,) = feed({**mark(TS), "data": data}).faults
        assert fault.row == 0


def test_a_liquidation_was_pushed_no_earlier_than_its_newest_row() -> None:
    """The venue does not say when it pushed: a replay's clock goes by the rows."""
    found = feed(push(item(detail(), detail(ts=str(TS + 7)))), push(item(detail(ts=str(TS + 3)))))
    assert found.pushed_ms == TS + 7
