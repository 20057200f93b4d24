from __future__ import annotations

from typing import Any, ClassVar

import msgspec
import pytest

from foreshock_hyperliquid.decoder import HyperliquidDecoder
from foreshock_sdk import ContextField, ControlKind, Decoded, EventFlag, Instruments, LiquidatedSide
from foreshock_sdk.rows import liquidation_events

LONG, SHORT = LiquidatedSide.LONG, LiquidatedSide.SHORT
OURS, THEIRS = "0x" + "1" * 40, "0x" + "A" * 40
TS = 1_781_528_065_899
FILL: dict[str, Any] = {
    "coin": "BTC",
    "px": "66653.0",
    "sz": "0.001",
    "side": "A",
    "time": TS,
    "dir": "Close Long",
    "crossed": True,
    "tid": 745210434703679,
}


def fill(of: str = OURS, method: str = "market", **changes: Any) -> dict[str, Any]:
    """Return a fill of a liquidation; a change to None leaves the field out."""
    liquidation = {"liquidatedUser": of, "markPx": "66607.0", "method": method}
    return {key: value for key, value in {**FILL, "liquidation": liquidation, **changes}.items() if value is not None}


def user_fills(*fills: Any, user: str = OURS, **more: Any) -> dict[str, Any]:
    return {"channel": "userFills", "data": {"user": user, "fills": list(fills), **more}}


def block(*events: Any) -> dict[str, Any]:
    return {"block_number": 1, "block_time": "2026-06-15T13:34:25.9", "events": list(events)}


def feed(*values: Any, instruments: Instruments | None = None) -> Decoded:
    decoder = HyperliquidDecoder("l2Book:BTC", Instruments("hyperliquid") if instruments is None else instruments)
    return decoder.feed([msgspec.json.encode(value) for value in values])


def sides(*values: Any) -> list[int]:
    found = feed(*values)
    assert not found.faults
    return list(found.liquidations.side)


class TestSides:
    """The rules of who died, one a test."""

    @pytest.mark.parametrize(("side", "died"), [("A", LONG), ("B", SHORT)])
    def test_the_liquidated_accounts_order_closes_its_position(self, side: str, died: LiquidatedSide) -> None:
        assert sides(user_fills(fill(of=OURS.upper().replace("X", "x"), side=side))) == [died]

    @pytest.mark.parametrize(("side", "died"), [("A", SHORT), ("B", LONG)])
    def test_the_counterparty_does_the_opposite(self, side: str, died: LiquidatedSide) -> None:
        assert sides(user_fills(fill(of=THEIRS, side=side, crossed=False, dir="Open Short"))) == [died]

    @pytest.mark.parametrize("margin", ["Cross", "Isolated"])
    @pytest.mark.parametrize(("position", "died"), [("Long", LONG), ("Short", SHORT)])
    @pytest.mark.parametrize("side", ["A", "B"])
    def test_of_a_backstop_the_position_is_named(
        self, margin: str, position: str, died: LiquidatedSide, side: str
    ) -> None:
        row = fill(of=THEIRS, method="backstop", side=side, dir=f"Liquidated {margin} {position}")
        assert sides(user_fills(row)) == [died]

    def test_of_ones_own_backstop_the_order_tells_as_well(self) -> None:
        assert sides(user_fills(fill(method="backstop"))) == [LONG]

    def test_a_vaults_row_that_names_nothing_is_a_fault(self) -> None:
        (fault,) = feed(user_fills(fill(of=THEIRS, method="backstop", dir="Open Long"))).faults
        assert "names no position" in fault.reason

    @pytest.mark.parametrize("of", [OURS, THEIRS])
    def test_auto_deleveraging_is_no_liquidation(self, of: str) -> None:
        assert sides(user_fills(fill(of=of, method="backstop", dir="Auto-Deleveraging"))) == []

    @pytest.mark.parametrize(("crossed", "died"), [(True, LONG), (False, SHORT)])
    def test_where_nobody_says_whose_fill_it_is_the_taker_died(self, crossed: bool, died: LiquidatedSide) -> None:
        bare = fill(crossed=crossed)
        assert sides({"channel": "user", "data": {"fills": [bare]}}, bare, [bare]) == [died] * 3

    def test_and_without_that_it_is_a_fault(self) -> None:
        (fault,) = feed(fill(crossed=None)).faults
        assert "whose fill" in fault.reason

    def test_of_the_two_rows_of_a_trade_the_liquidated_accounts_counts(self) -> None:
        """Rule 6: a node writes both parties, by line, by block or as a list."""
        rows = ([OURS, fill()], [THEIRS, fill(side="B", crossed=False, dir="Open Long")])
        assert sides(block(*rows), *rows, rows) == [LONG] * 3

    def test_a_trade_seen_by_both_parties_is_one_event(self) -> None:
        instruments = Instruments("hyperliquid")
        other = fill(side="B", crossed=False, dir="Open Long")
        found = feed(user_fills(fill()), user_fills(other, user=THEIRS), instruments=instruments)
        first, second = liquidation_events(found, instruments, 1)
        assert first.event_id == second.event_id

    def test_the_fills_of_one_order_are_events_of_their_own(self) -> None:
        instruments = Instruments("hyperliquid")
        found = feed(user_fills(fill(), fill(tid=7), fill(tid=8)), instruments=instruments)
        assert len({event.event_id for event in liquidation_events(found, instruments, 1)}) == 3


def test_a_snapshot_is_not_live() -> None:
    """It comes on subscribing and holds old fills."""
    found = feed(user_fills(fill(), isSnapshot=True), user_fills(fill()))
    assert list(found.liquidations.flags) == [EventFlag.SNAPSHOT, EventFlag.NONE]
    assert found.pushed_ms == TS


@pytest.mark.parametrize(
    "value",
    [
        user_fills({**FILL, "liquidation": None}, FILL),
        block(),
        {"channel": "user", "data": {"liquidation": {"lid": 1, "liquidated_user": OURS}}},
        {"channel": "trades", "data": [{"coin": "BTC", "hash": "0x" + "0" * 64}]},
        {"channel": "subscriptionResponse", "data": {"method": "unsubscribe"}},
        [THEIRS, FILL],
    ],
)
def test_what_is_no_liquidation_is_silent(value: Any) -> None:
    found = feed(value)
    assert (len(found.liquidations), found.faults, found.ignored) == (0, [], 1)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"px": "0"}, "`$.px`"),
        ({"px": "NaN"}, "`$.px`"),
        ({"sz": "-1"}, "`$.sz`"),
        ({"sz": None}, "`sz`"),
        ({"time": 0}, "`$.time`"),
        ({"time": 4102444800000}, "`$.time`"),
        ({"side": "S"}, "`$.side`"),
        ({"method": "dream"}, "`$.liquidation.method`"),
        ({"coin": "@107"}, "not a perpetual's name"),
        ({"coin": "PURR/USDC"}, "not a perpetual's name"),
        ({"coin": "btc"}, "not a perpetual's name"),
        ({"liquidation": {}}, "`liquidatedUser`"),
        ({"liquidation": 7}, "`$.liquidation`"),
    ],
)
def test_a_row_that_cannot_be_is_a_fault_and_its_neighbours_stay(changes: dict[str, Any], reason: str) -> None:
    found = feed(user_fills(fill()), user_fills(fill(), fill(**changes), fill()))
    (fault,) = found.faults
    assert (fault.frame, fault.row) == (1, 1)
    assert reason in fault.reason
    assert list(found.liquidations.frames) == [0, 1, 1]


@pytest.mark.parametrize("row", [7, [], [OURS], [OURS, fill(), 1], [7, fill()], [OURS, 7]])
def test_a_row_of_a_block_is_an_account_and_its_fill(row: Any) -> None:
    found = feed(block(row, [OURS, fill()]))
    assert [(fault.frame, fault.row) for fault in found.faults] == [(0, 0)]
    assert len(found.liquidations) == 1


@pytest.mark.parametrize(
    "value", [1, None, "text", {}, [], {"channel": 7}, {"channel": "news", "data": {}}, {"data": {}}]
)
def test_an_unknown_shape_is_a_fault_of_the_frame(value: Any) -> None:
    assert [fault.row for fault in feed(value).faults] == [None]


@pytest.mark.parametrize("channel", ["userFills", "l2Book", "bbo", "activeAssetCtx"])
@pytest.mark.parametrize("data", [None, 7, {}, {"coin": "BTC"}])
def test_a_channel_without_its_data_is_a_fault(channel: str, data: Any) -> None:
    assert [fault.row for fault in feed({"channel": channel, "data": data}).faults] == [0]


class TestMarket:
    BOOK: ClassVar[Any] = {
        "coin": "BTC",
        "time": TS,
        "levels": [[{"px": "2", "sz": "1", "n": 3}], [{"px": "3", "sz": "4", "n": 1}]],
    }

    def test_a_book_is_told_whole_and_is_the_canary(self) -> None:
        found = feed({"channel": "l2Book", "data": self.BOOK})
        assert (found.books.bids, found.books.asks) == ([[(2.0, 1.0)]], [[(3.0, 4.0)]])
        assert (found.canary, found.pushed_ms) == (TS, TS)

    def test_of_another_coin_it_is_no_canary(self) -> None:
        assert feed({"channel": "l2Book", "data": {**self.BOOK, "coin": "ETH"}}).canary == 0

    def test_a_side_may_be_empty(self) -> None:
        found = feed({"channel": "bbo", "data": {"coin": "BTC", "time": TS, "bbo": [None, {"px": "3", "sz": "4"}]}})
        assert found.context.field == [ContextField.ASK, ContextField.ASK_QUANTITY]

    def test_a_context_has_the_time_of_an_earlier_call(self) -> None:
        context = {"markPx": "1", "oraclePx": "2", "funding": "-0.1", "openInterest": "0", "midPx": None}
        decoder = HyperliquidDecoder("l2Book:BTC", Instruments("hyperliquid"))
        decoder.feed([msgspec.json.encode({"channel": "l2Book", "data": self.BOOK})])
        found = decoder.feed(
            [msgspec.json.encode({"channel": "activeAssetCtx", "data": {"coin": "BTC", "ctx": context}})]
        )
        assert (found.context.value, set(found.context.ts_event_ms)) == ([1.0, 2.0, -0.1, 0.0], {TS})
        assert found.canary == 0, "it says no time, so it proves none"


def test_the_error_channel_refuses() -> None:
    (control,) = feed({"channel": "error", "data": "Error parsing JSON"}).controls
    assert (control.kind, control.message) == (ControlKind.REFUSED, "Error parsing JSON")
