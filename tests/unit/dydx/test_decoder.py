from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_dydx.decoder import DydxDecoder
from foreshock_dydx.messages import iso, millis
from foreshock_sdk import ContextField, ControlKind, Decoded, EventFlag, FrameError, Instruments, LiquidatedSide
from foreshock_sdk.reading import YEAR_2100_MS
from foreshock_sdk.rows import liquidation_events

LONG, SHORT = LiquidatedSide.LONG, LiquidatedSide.SHORT
NOW = 1_790_000_000_000


def decoder(instruments: Instruments | None = None) -> DydxDecoder:
    return DydxDecoder(Instruments("dydx") if instruments is None else instruments)


def trade(**more: Any) -> dict[str, Any]:
    row = {"id": "014f495a0000000200000005", "side": "SELL", "size": "3.9", "price": "22.87", "type": "LIQUIDATED"}
    return {**row, "createdAt": iso(NOW), **more}


def message(kind: str, channel: str, contents: Any, market: Any = "BTC-USD") -> dict[str, Any]:
    return {"type": kind, "connection_id": "x", "message_id": 1, "channel": channel, "id": market, "contents": contents}


def trades(*rows: Any, kind: str = "channel_data", market: Any = "BTC-USD") -> dict[str, Any]:
    contents = {"trades": rows}
    return message(kind, "v4_trades", [contents] if kind == "channel_batch_data" else contents, market)


def block(at_ms: int) -> dict[str, Any]:
    return message("channel_data", "v4_block_height", {"blockHeight": "1", "time": iso(at_ms)}, "v4_block_height")


def book(kind: str, bids: Any = (), asks: Any = ()) -> dict[str, Any]:
    return message(kind, "v4_orderbook", {"bids": bids, "asks": asks})


def levels(*prices: float) -> list[dict[str, str]]:
    return [{"price": str(price), "size": "1"} for price in prices]


def feed(*values: Any, into: DydxDecoder | None = None) -> Decoded:
    return (into or decoder()).feed([msgspec.json.encode(value) for value in values])


@pytest.mark.parametrize("kind", ["channel_data", "channel_batch_data"])
@pytest.mark.parametrize(("side", "died"), [("SELL", LONG), ("BUY", SHORT)])
@pytest.mark.parametrize(
    ("market", "instrument", "symbol"),
    [
        ("BTC-USD", "BTCUSD-PERP", "BTCUSDT"),
        ("1INCH-USD", "1INCHUSD-PERP", "1INCHUSDT"),
        ("BUFFICORN,UNI,0X4C-USD", "BUFFICORN,UNI,0X4CUSD-PERP", "BUFFICORNUSDT"),
    ],
)
def test_sides_and_kinds(kind: str, side: str, died: LiquidatedSide, market: str, instrument: str, symbol: str) -> None:
    """Sizes are coins of what is named before the first comma; the taker is the one who is liquidated."""
    instruments = Instruments("dydx")
    found = feed(trades(trade(side=side), kind=kind, market=market), into=decoder(instruments))
    (event,) = liquidation_events(found, instruments, ts_recv=1)
    assert (event.instrument, event.symbol) == (f"{instrument}.DYDX", symbol)
    assert (event.liquidated_side, event.price, event.quantity) == (died, 22.87, 3.9)
    assert event.notional_usd == pytest.approx(float(Decimal("22.87") * Decimal("3.9")), abs=0.005)


class TestTrades:
    @pytest.mark.parametrize("kind", ["LIMIT", "MARKET", "DELEVERAGED", "TWAP_SUBORDER", None])
    def test_only_liquidations_are_liquidations(self, kind: Any) -> None:
        """A deleveraging closes who was on the other side of one that failed."""
        found = feed(trades(trade(type=kind)))
        assert (len(found.liquidations), found.faults) == (0, [])

    @pytest.mark.parametrize("kind", ["liquidated", "", 7, ["LIQUIDATED"]])
    def test_a_type_never_seen_is_a_fault(self, kind: Any) -> None:
        found = feed(trades(trade(type=kind)))
        assert found.faults[0].reason.startswith("unknown type of trade")

    def test_what_comes_on_subscribing_is_old(self) -> None:
        found = feed(trades(trade(), trade(id="x"), kind="subscribed"))
        assert list(found.liquidations.flags) == [EventFlag.SNAPSHOT] * 2
        assert found.pushed_ms == 0, "an old time says nothing of the clock"
        assert [control.kind for control in found.controls] == [ControlKind.ACK]

    def test_equal_trades_differ_by_their_id(self) -> None:
        found = feed(trades(trade(), trade(id="014f495a0000000200000006"), trade()))
        keys = list(zip(found.liquidations.identity_a, found.liquidations.identity_b, strict=True))
        assert keys[0] == keys[2] != keys[1]

    @pytest.mark.parametrize(
        "wrong",
        [
            *({"id": ""}, {"id": None}, {"side": "sell"}, {"size": "0"}, {"price": "NaN"}, {"createdAt": None}),
            *({"createdAt": "2024-08-04T07:34:50.628"}, {"createdAt": "soon"}, {"createdAt": "1970-01-01T00:00:00Z"}),
        ],
    )
    def test_nonsense_is_a_fault_of_its_row(self, wrong: dict[str, Any]) -> None:
        found = feed(trades(trade(**wrong), trade(), 7))
        assert (len(found.liquidations), [fault.row for fault in found.faults]) == (1, [0, 2])

    @pytest.mark.parametrize("market", [None, 7, "", "BTC", "-USD", "BTC-EUR", "X" * 40 + "-USD"])
    def test_trades_of_no_market_are_a_fault(self, market: Any) -> None:
        found = feed(trades(trade(), market=market))
        assert (len(found.liquidations), len(found.faults)) == (0, 1)


class TestTimes:
    @given(st.integers(1, YEAR_2100_MS - 1))
    def test_a_time_is_read_as_it_was_written(self, at_ms: int) -> None:
        assert millis(iso(at_ms)) == at_ms

    @pytest.mark.parametrize("text", ["", "2024", "2024-08-04", "2024-08-04T07:34:50", "3024-08-04T07:34:50Z"])
    def test_other_texts_are_refused(self, text: str) -> None:
        with pytest.raises(FrameError, match="is not a time"):
            millis(text)

    @pytest.mark.parametrize(
        ("text", "at_ms"),
        [("2024-08-22T23:59:59.851Z", 1724371199851), ("2024-08-23T01:59:59.851+02:00", 1724371199851)],
    )
    def test_zones_count(self, text: str, at_ms: int) -> None:
        assert millis(text) == at_ms


class TestMarkets:
    def test_without_a_block_only_what_has_a_time_is_told(self) -> None:
        contents = {
            "trading": {"BTC-USD": {"openInterest": "5"}},
            "oraclePrices": {"BTC-USD": {"oraclePrice": "7", "effectiveAt": iso(NOW)}},
        }
        found = feed(message("channel_data", "v4_markets", contents))
        assert list(zip(found.context.field, found.context.value, strict=True)) == [(ContextField.MARK, 7.0)]

    def test_a_bad_market_spoils_no_other(self) -> None:
        contents = {"markets": {"BTC": {}, "ETH-USD": {"openInterest": "-1"}, "SOL-USD": {"oraclePrice": "7"}}}
        found = feed(block(NOW), message("subscribed", "v4_markets", contents))
        assert (found.context.value, [fault.row for fault in found.faults]) == ([7.0], [0, 1])

    def test_a_price_of_nothing_is_none(self) -> None:
        contents = {"markets": {"BTC-USD": {"oraclePrice": "0", "nextFundingRate": None}}}
        assert len(feed(block(NOW), message("subscribed", "v4_markets", contents)).context) == 0

    @pytest.mark.parametrize("contents", [None, [], {"markets": []}, {"oraclePrices": "x"}])
    def test_other_shapes_are_faults(self, contents: Any) -> None:
        assert len(feed(message("channel_data", "v4_markets", contents)).faults) == 1


class TestBooks:
    def test_books_are_told_once_a_block(self) -> None:
        """Their messages have no time but the newest block's."""
        one = decoder()
        assert len(feed(block(NOW), book("subscribed", levels(99), levels(101)), into=one).books) == 1
        assert len(feed(book("channel_data", [["98", "2"]]), into=one).books) == 0
        found = feed(block(NOW + 1100), book("channel_data", [["97", "2"]]), into=one)
        assert (found.books.bids, found.books.ts_event_ms) == ([[(99.0, 1.0), (98.0, 2.0), (97.0, 2.0)]], [NOW + 1100])

    def test_a_book_that_came_before_a_block_waits_for_one(self) -> None:
        one = decoder()
        assert len(feed(book("subscribed", levels(99), levels(101)), into=one).books) == 0
        found = feed(block(NOW), into=one)
        assert (found.books.bids, found.books.ts_event_ms) == ([[(99.0, 1.0)]], [NOW])

    def test_one_side_alone_is_told(self) -> None:
        assert feed(block(NOW), book("subscribed", levels(99))).books.asks == [[]]

    def test_a_change_without_a_snapshot_is_nothing(self) -> None:
        found = feed(block(NOW), book("channel_data", [["98", "2"]]))
        assert (len(found.books), found.faults) == (0, [])

    def test_batches_are_taken_in_order(self) -> None:
        changes = [{"bids": [["98", "2"]]}, {"bids": [["98", "0"]], "asks": [["100", "1"]]}]
        batch = message("channel_batch_data", "v4_orderbook", changes)
        found = feed(block(NOW), book("subscribed", levels(99), levels(101)), batch)
        assert (found.books.bids, found.books.asks) == ([[(99.0, 1.0)]], [[(100.0, 1.0), (101.0, 1.0)]])


class TestMessages:
    @pytest.mark.parametrize("kind", ["connected", "unsubscribed", "pong", "subscribe", "unsubscribe", "ping"])
    def test_other_types_are_silent(self, kind: str) -> None:
        found = feed({"type": kind, "channel": "v4_trades"})
        assert (found.controls, found.faults, found.ignored) == ([], [], 1)

    @pytest.mark.parametrize("channel", ["v4_candles", "v4_subaccounts", "v4_parent_subaccounts", "v4_accounts"])
    def test_other_channels_are_silent(self, channel: str) -> None:
        found = feed(message("channel_data", channel, {}))
        assert (found.faults, found.ignored) == ([], 1)

    @pytest.mark.parametrize(
        "value",
        [
            *([], 1, {}, {"type": "dance"}, {"type": ["connected"]}, {"type": "channel_data"}),
            *(message("channel_data", "news", {}), message("channel_data", "v4_trades", None)),
            *(message("channel_batch_data", "v4_trades", {}), message("channel_data", "v4_block_height", {})),
            *(message("channel_data", "v4_orderbook", {"bids": 1}), message("channel_data", "v4_orderbook", {}, None)),
        ],
    )
    def test_what_is_unknown_or_misshapen_is_a_fault(self, value: Any) -> None:
        found = feed(value)
        assert (len(found.faults), found.ignored) == (1, 0)
