from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from foreshock_deribit.decoder import DeribitDecoder
from foreshock_deribit.specs import by_name
from foreshock_sdk import ContextField, ControlKind, Decoded, Instruments, LiquidatedSide
from foreshock_sdk.rows import liquidation_events

LONG, SHORT = LiquidatedSide.LONG, LiquidatedSide.SHORT
NOW = 1_790_000_000_000
CANARY = "ticker.BTC-PERPETUAL.100ms"
ASKED = {2: frozenset({CANARY, "trades.future.BTC.100ms"})}


def table(*names: str) -> Instruments:
    return Instruments("deribit", [by_name(name) for name in names])


def decoder(instruments: Instruments | None = None) -> DeribitDecoder:
    return DeribitDecoder(CANARY, table() if instruments is None else instruments, ASKED)


def trade(contract: str = "BTC-PERPETUAL", **more: Any) -> dict[str, Any]:
    row = {"instrument_name": contract, "trade_id": "66460463", "direction": "sell", "liquidation": "T"}
    return {**row, "amount": 1500.0, "price": 90_000.5, "timestamp": NOW, "trade_seq": 7, **more}


def notice(channel: str, data: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}}


def trades(*rows: Any) -> dict[str, Any]:
    return notice("trades.future.BTC.100ms", rows)


def ticker(contract: str = "BTC-PERPETUAL", **more: Any) -> dict[str, Any]:
    return notice(f"ticker.{contract}.100ms", {"instrument_name": contract, "timestamp": NOW, **more})


def feed(*values: Any, into: DeribitDecoder | None = None) -> Decoded:
    return (into or decoder()).feed([msgspec.json.encode(value) for value in values])


def context(found: Decoded) -> dict[int, float]:
    return dict(zip(found.context.field, found.context.value, strict=True))


@pytest.mark.parametrize(
    ("flag", "direction", "sides"),
    [
        *(("T", "sell", [LONG]), ("T", "buy", [SHORT]), ("M", "sell", [SHORT]), ("M", "buy", [LONG])),
        *(("MT", "sell", [LONG, SHORT]), ("MT", "buy", [SHORT, LONG])),
    ],
)
@pytest.mark.parametrize(
    ("contract", "instrument", "symbol", "inverse"),
    [
        ("BTC-PERPETUAL", "BTCUSD-PERP", "BTCUSDT", True),
        ("BTC-5DEC26", "BTCUSD-261205", "BTCUSDT", True),
        ("ETH-26MAR27", "ETHUSD-270326", "ETHUSDT", True),
        ("BTC_USDC-PERPETUAL", "BTCUSDC-PERP", "BTCUSDT", False),
        ("SOL_USDC-25DEC26", "SOLUSDC-261225", "SOLUSDT", False),
        ("BTC_USDT-PERPETUAL", "BTCUSDT-PERP", "BTCUSDT", False),
    ],
)
def test_sides_and_kinds(
    contract: str,
    instrument: str,
    symbol: str,
    inverse: bool,
    flag: str,
    direction: str,
    sides: list[LiquidatedSide],
) -> None:
    """Of inverse contracts the amount is USD, of linear ones coins; contract sizes do not matter."""
    instruments, size, price = table(), Decimal("1500.5"), Decimal("3.25")
    row = trade(contract, liquidation=flag, direction=direction, amount=float(size), price=float(price), contracts=9.0)
    events = liquidation_events(feed(trades(row), into=decoder(instruments)), instruments, ts_recv=1)
    assert [each.liquidated_side for each in events] == sides
    quantity, notional = (size / price, size) if inverse else (size, size * price)
    for event in events:
        assert (event.instrument, event.symbol) == (f"{instrument}.DERIBIT", symbol)
        assert event.quantity == pytest.approx(float(quantity), rel=1e-12)
        assert event.notional_usd == pytest.approx(float(notional), abs=0.005)


class TestTrades:
    def test_a_trade_without_a_flag_is_none(self) -> None:
        plain = {key: value for key, value in trade().items() if key != "liquidation"}
        found = feed(trades(plain, trade(liquidation=None)))
        assert (len(found.liquidations), found.faults) == (0, [])

    @pytest.mark.parametrize(
        "name", ["BTC-25DEC26-90000-C", "XRP_USDC-25DEC26-0d625-P", "BTC-FS-25DEC26_PERP", "BTC_USDC"]
    )
    def test_options_combinations_and_pairs_are_not_ours(self, name: str) -> None:
        found = feed(trades(trade(name)))
        assert (len(found.liquidations), found.faults) == (0, [])

    @pytest.mark.parametrize(
        "wrong",
        [
            *({"liquidation": "X"}, {"liquidation": ""}, {"direction": "SELL"}, {"trade_id": 5}, {"trade_id": ""}),
            *({"amount": 0}, {"price": -1}, {"timestamp": 0}, {"instrument_name": "BTCPERPETUAL"}),
            *({"instrument_name": "BTC-5XXX26"}, {"instrument_name": None}),
        ],
    )
    def test_nonsense_is_a_fault_of_its_row(self, wrong: dict[str, Any]) -> None:
        found = feed(trades(trade(**wrong), trade(), 7))
        assert (len(found.liquidations), [fault.row for fault in found.faults]) == (1, [0, 2])

    def test_equal_trades_differ_by_their_id(self) -> None:
        found = feed(trades(trade(), trade(trade_id="ETH-1"), trade()))
        keys = list(zip(found.liquidations.identity_a, found.liquidations.identity_b, strict=True))
        assert keys[0] == keys[2] != keys[1]


class TestMissingTrades:
    """trade_seq numbers the trades of a contract, those that are no liquidations too."""

    @staticmethod
    def rows(*numbers: Any, contract: str = "BTC-PERPETUAL") -> dict[str, Any]:
        return trades(*(trade(contract, liquidation=None, trade_seq=number) for number in numbers))

    def test_a_jump_is_counted_and_no_fault(self) -> None:
        one = decoder(table("BTC-PERPETUAL"))
        assert feed(self.rows(7, 8), into=one).missing == 0
        found = feed(self.rows(12, 13), self.rows(15), into=one)
        assert (found.missing, found.faults) == (3 + 1, [])

    def test_each_contract_counts_for_itself(self) -> None:
        one = decoder(table("BTC-PERPETUAL", "ETH-PERPETUAL"))
        assert feed(self.rows(7), self.rows(100, contract="ETH-PERPETUAL"), self.rows(8), into=one).missing == 0

    def test_numbers_that_fall_or_leap_are_no_loss(self) -> None:
        """A trade told again, late, or by a new numbering."""
        one = decoder(table("BTC-PERPETUAL"))
        assert feed(self.rows(7, 7, 5, 8), self.rows(1_000_000, 1_000_001), into=one).missing == 0

    @pytest.mark.parametrize("number", [None, True, "9", 9.5])
    def test_a_trade_without_a_number_counts_nothing(self, number: Any) -> None:
        assert feed(self.rows(7, number, 8), into=decoder(table("BTC-PERPETUAL"))).missing == 0

    def test_contracts_that_are_not_ours_are_not_followed(self) -> None:
        assert feed(self.rows(7, 10)).missing == 0


class TestTicker:
    def test_only_the_canary_sings(self) -> None:
        assert feed(ticker("ETH-PERPETUAL")).canary == 0
        assert feed(ticker("ETH-PERPETUAL"), ticker()).canary == NOW

    def test_open_interest_of_a_linear_contract_is_coins(self) -> None:
        found = feed(ticker("SOL_USDC-PERPETUAL", open_interest=12.5, mark_price=2.0))
        assert context(found)[ContextField.OPEN_INTEREST] == 12.5

    def test_what_is_not_there_is_not_told(self) -> None:
        found = feed(ticker(best_bid_price=0, best_bid_amount=0, best_ask_price=1.0, mark_price=None, open_interest=4))
        assert (context(found), len(found.books), found.faults) == ({}, 0, [])

    def test_an_absurd_open_interest_is_a_fault(self) -> None:
        found = feed(ticker(mark_price=1e-17, open_interest=1e17))
        assert [fault.reason for fault in found.faults] == ["`open_interest` is out of range"]

    def test_where_there_is_a_book_the_tickers_top_is_not_told(self) -> None:
        data = {"instrument_name": "BTC-PERPETUAL", "timestamp": NOW, "bids": [[9.0, 1.0]], "asks": []}
        top: dict[str, Any] = {"best_bid_price": 1, "best_bid_amount": 1, "best_ask_price": 2, "best_ask_amount": 1}
        found = feed(notice("book.BTC-PERPETUAL.none.20.100ms", data), ticker(**top), ticker("ETH-PERPETUAL", **top))
        assert found.books.bids == [[(9.0, 1.0)], [(1.0, 1.0)]]


class TestAnswers:
    def test_a_channel_left_out_of_the_answer_is_refused(self) -> None:
        """The venue says nothing of channels that it does not know."""
        (control,) = feed({"id": 2, "result": [CANARY]}).controls
        assert (control.kind, control.message) == (ControlKind.REFUSED, "trades.future.BTC.100ms")

    @pytest.mark.parametrize("number", [2, 3, None, "2", []])
    def test_a_whole_answer_is_an_ack(self, number: Any) -> None:
        (control,) = feed({"id": number, "result": sorted(ASKED[2])}).controls
        assert control.kind == ControlKind.ACK

    @pytest.mark.parametrize("result", [{"trades": []}, [{"kind": "future"}], 7, None])
    def test_answers_of_rest_are_silent(self, result: Any) -> None:
        found = feed({"id": 2, "result": result})
        assert (found.controls, found.faults, found.ignored) == ([], [], 1)

    def test_an_error_without_a_shape_is_told_as_it_is(self) -> None:
        (control,) = feed({"error": "down"}).controls
        assert (control.kind, control.message) == (ControlKind.REFUSED, "down")

    @pytest.mark.parametrize(
        "value",
        [
            *({"method": "public/subscribe", "id": 1}, notice("quote.BTC-PERPETUAL", {})),
            *(notice("book.BTC-PERPETUAL.100ms", {}), notice("trades.option.BTC.100ms", [trade()])),
            notice("announcements", {}),
        ],
    )
    def test_other_known_messages_are_silent(self, value: Any) -> None:
        found = feed(value)
        assert (len(found.liquidations), found.faults, found.ignored) == (0, [], 1)

    @pytest.mark.parametrize(
        "value",
        [
            *([], 1, {}, {"method": "dance"}, {"method": "subscription"}, notice("news", {})),
            *(notice("trades.BTC-PERPETUAL.100ms", {}), notice("ticker.BTC-PERPETUAL.100ms", [])),
            notice("book.BTC-PERPETUAL.none.20.100ms", {"bids": []}),
        ],
    )
    def test_what_is_unknown_or_misshapen_is_a_fault(self, value: Any) -> None:
        found = feed(value)
        assert (len(found.faults), found.ignored) == (1, 0)
