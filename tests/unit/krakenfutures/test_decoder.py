from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from foreshock_krakenfutures.decoder import KrakenFuturesDecoder
from foreshock_sdk import ContextField, Decoded, EventFlag, Instruments, LiquidatedSide
from foreshock_sdk.rows import liquidation_events

LONG, SHORT = LiquidatedSide.LONG, LiquidatedSide.SHORT
NOW = 1_790_000_000_000
UID = "e7f3a144-5c04-4ed6-999e-5922cd0b6160"


def decoder(instruments: Instruments | None = None) -> KrakenFuturesDecoder:
    table = Instruments("krakenfutures") if instruments is None else instruments
    return KrakenFuturesDecoder("ticker:PF_XBTUSD", table)


def trade(contract: str = "PF_XBTUSD", **more: Any) -> dict[str, Any]:
    row = {"feed": "trade", "product_id": contract, "uid": UID, "side": "sell", "type": "liquidation", "seq": 1}
    return {**row, "time": NOW, "qty": 0.5, "price": 90_000.5, **more}


def ticker(contract: str = "PF_XBTUSD", **more: Any) -> dict[str, Any]:
    return {"feed": "ticker", "product_id": contract, "time": NOW, "markPrice": 90_000.0, **more}


def feed(*values: Any, into: KrakenFuturesDecoder | None = None) -> Decoded:
    return (into or decoder()).feed([msgspec.json.encode(value) for value in values])


def context(found: Decoded) -> dict[int, float]:
    return dict(zip(found.context.field, found.context.value, strict=True))


@pytest.mark.parametrize("side", ["sell", "buy"])
@pytest.mark.parametrize(
    ("contract", "instrument", "symbol", "inverse"),
    [
        ("PF_XBTUSD", "BTCUSD-PERP", "BTCUSDT", False),
        ("FF_XBTUSD_261225", "BTCUSD-261225", "BTCUSDT", False),
        ("PI_XBTUSD", "PI_XBTUSD-PERP", "BTCUSDT", True),
        ("FI_ETHUSD_261225", "FI_ETHUSD-261225", "ETHUSDT", True),
        ("PF_1INCHUSD", "1INCHUSD-PERP", "1INCHUSDT", False),
        ("PV_XRPXBT", "XRPBTC-PERP", "XRPBTC", False),
    ],
)
def test_sides_and_kinds(side: str, contract: str, instrument: str, symbol: str, inverse: bool) -> None:
    """PF and FF count coins, PI and FI USD; XBT is BTC; the taker is the one who is liquidated."""
    instruments = Instruments("krakenfutures")
    found = feed(trade(contract, side=side, qty="1500.25", price="3.5"), into=decoder(instruments))
    (event,) = liquidation_events(found, instruments, ts_recv=1)
    size, price = Decimal("1500.25"), Decimal("3.5")
    quantity, notional = (size / price, size) if inverse else (size, size * price)
    assert (event.instrument, event.symbol) == (f"{instrument}.KRAKENFUTURES", symbol)
    assert event.liquidated_side == (LONG if side == "sell" else SHORT)
    assert event.price == float(price)
    assert event.quantity == pytest.approx(float(quantity), rel=1e-12)
    assert event.notional_usd == pytest.approx(float(notional), abs=0.005)


class TestTrades:
    @pytest.mark.parametrize("kind", ["fill", "assignment", "termination", "block"])
    def test_only_liquidations_are_liquidations(self, kind: str) -> None:
        found = feed(trade(type=kind))
        assert (len(found.liquidations), found.faults, found.ignored) == (0, [], 1)

    @pytest.mark.parametrize("kind", ["Liquidation", "", None, 7, ["liquidation"]])
    def test_a_type_never_seen_is_a_fault(self, kind: Any) -> None:
        found = feed(trade(type=kind))
        assert len(found.liquidations) == 0
        assert found.faults[0].reason.startswith("unknown type of trade")

    def test_the_snapshot_after_subscribing_is_old(self) -> None:
        """Its rows are flagged, those that are none are passed over, a bad one spoils no other."""
        rows = [trade(), trade(type="fill"), trade(qty=-1), "x", trade(uid="f", side="buy")]
        found = feed({"feed": "trade_snapshot", "product_id": "PF_XBTUSD", "trades": rows})
        assert list(found.liquidations.flags) == [EventFlag.SNAPSHOT] * 2
        assert [fault.row for fault in found.faults] == [2, 3]
        assert found.pushed_ms == 0, "an old time says nothing of the clock"

    def test_a_snapshot_without_a_list_is_a_fault(self) -> None:
        assert feed({"feed": "trade_snapshot", "trades": {}}).faults[0].reason == "`trades` is not a list"

    def test_equal_trades_differ_by_their_uid(self) -> None:
        found = feed(trade(), trade(uid="e7f3a144-5c04-4ed6-999e-5922cd0b6161"), trade())
        keys = list(zip(found.liquidations.identity_a, found.liquidations.identity_b, strict=True))
        assert keys[0] == keys[2] != keys[1]

    @pytest.mark.parametrize(
        "wrong",
        [
            *({"uid": ""}, {"side": "Sell"}, {"qty": 0}, {"price": "NaN"}, {"time": 0}, {"time": 1e18}),
            *({"product_id": "XBTUSD"}, {"product_id": "PF_XBTUSD_261225"}, {"product_id": "FF_XBTUSD"}),
        ],
    )
    def test_nonsense_is_a_fault(self, wrong: dict[str, Any]) -> None:
        found = feed(trade(**wrong), trade())
        assert (len(found.liquidations), [fault.frame for fault in found.faults]) == (1, [0])


class TestTicker:
    def test_only_the_canary_sings(self) -> None:
        assert feed(ticker("PF_ETHUSD")).canary == 0
        assert feed(ticker("PF_ETHUSD"), ticker(), ticker(time=NOW - 1)).canary == NOW

    def test_open_interest_in_coins_is_told_as_it_is(self) -> None:
        assert context(feed(ticker(openInterest=12.5)))[ContextField.OPEN_INTEREST] == 12.5

    def test_what_is_not_there_is_not_told(self) -> None:
        """A dated contract has no funding; 0 stands for no price; a side without orders makes no top of book."""
        found = feed(ticker("FF_XBTUSD_261225", index=0, markPrice=0, openInterest=5, bid=0, bid_size=0, ask=1.0))
        assert context(found) == {}
        assert len(found.books) == 0
        assert not found.faults

    def test_an_absurd_open_interest_is_a_fault(self) -> None:
        found = feed(ticker("PI_XBTUSD", markPrice=1e-17, openInterest=1e17))
        assert [fault.reason for fault in found.faults] == ["`openInterest` is out of range"]
        assert len(found.context) == 0


SNAPSHOT = {
    "feed": "book_snapshot",
    "product_id": "PF_XBTUSD",
    "timestamp": NOW,
    "bids": [{"price": 99.0, "qty": 1.0}],
    "asks": [{"price": 101.0, "qty": 2.0}],
}
CHANGE = {"feed": "book", "product_id": "PF_XBTUSD", "side": "buy", "price": 100.0, "qty": 3.0}


class TestBooks:
    def test_a_change_without_a_snapshot_is_nothing(self) -> None:
        found = feed({**CHANGE, "timestamp": NOW})
        assert (len(found.books), found.faults) == (0, [])

    def test_changes_are_told_at_most_once_in_100_ms(self) -> None:
        one = decoder()
        assert feed(SNAPSHOT, into=one).books.bids == [[(99.0, 1.0)]]
        assert len(feed({**CHANGE, "timestamp": NOW + 99}, into=one).books) == 0
        later = feed({**CHANGE, "price": 98.5, "timestamp": NOW + 100}, into=one)
        assert later.books.bids == [[(100.0, 3.0), (99.0, 1.0), (98.5, 3.0)]]

    def test_where_there_is_a_book_the_tickers_top_is_not_told(self) -> None:
        top: dict[str, Any] = {"bid": 1.0, "bid_size": 1.0, "ask": 2.0, "ask_size": 1.0}
        found = feed(SNAPSHOT, ticker(**top), ticker("PF_ETHUSD", **top))
        assert found.books.bids == [[(1.0, 1.0)], [(99.0, 1.0)]]


class TestControls:
    @pytest.mark.parametrize("event", ["error", "alert", "subscribed_failed", "unsubscribed_failed"])
    def test_refusals(self, event: str) -> None:
        (control,) = feed({"event": event, "message": "Bad"}).controls
        assert (control.kind.name, control.code, control.message) == ("REFUSED", event, "Bad")

    @pytest.mark.parametrize("event", ["info", "unsubscribed", "subscribe", "unsubscribe", "challenge"])
    def test_other_events_are_silent(self, event: str) -> None:
        found = feed({"event": event, "feed": "trade"})
        assert (found.controls, found.faults, found.ignored) == ([], [], 1)

    @pytest.mark.parametrize("value", [[], 1, {}, {"feed": "news"}, {"feed": ["trade"]}, {"event": "dance"}])
    def test_what_is_unknown_is_a_fault(self, value: Any) -> None:
        found = feed(value)
        assert (len(found.faults), found.ignored) == (1, 0)
