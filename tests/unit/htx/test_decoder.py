from __future__ import annotations

import gzip
from typing import Any

import msgspec
import pytest

from foreshock_htx.decoder import LARGEST_FRAME, HtxDecoder
from foreshock_htx.specs import spec_of
from foreshock_sdk import ControlKind, Decoded, Instruments, LiquidatedSide
from foreshock_sdk.rows import liquidation_events

TS = 1_789_670_297_212
ROW: dict[str, Any] = {
    "contract_code": "ETH-USDT",
    "direction": "buy",
    "offset": "close",
    "volume": 500,
    "price": 2446.26,
    "created_at": TS,
    "amount": 5,
}
LONG, SHORT = LiquidatedSide.LONG, LiquidatedSide.SHORT


def row(**changes: Any) -> dict[str, Any]:
    """Return a row; a change to None leaves the field out."""
    return {key: value for key, value in {**ROW, **changes}.items() if value is not None}


def notice(*rows: Any, what: str = "liquidation_orders", contract: str = "ETH-USDT") -> dict[str, Any]:
    return {"op": "notify", "topic": f"public.{contract}.{what}", "ts": TS + 5, "data": list(rows)}


def feed(*values: Any, instruments: Instruments | None = None, canary: str = "x:public.*.contract_info") -> Decoded:
    decoder = HtxDecoder(canary, Instruments("htx") if instruments is None else instruments)
    return decoder.feed([msgspec.json.encode(value) for value in values])


@pytest.mark.parametrize(
    ("contract", "quantity", "notional"),
    [
        ("ETH-USDT", 5.0, 12231.3),
        ("ETH-USDT-261225", 5.0, 12231.3),
        ("ETH-USD", 5000 / 2446.26, 5000.0),
        ("ETH261225", 5000 / 2446.26, 5000.0),
        ("BTC-USD", 50_000 / 2446.26, 50_000.0),
        ("BTC261225", 50_000 / 2446.26, 50_000.0),
    ],
)
@pytest.mark.parametrize(("direction", "died"), [("sell", LONG), ("buy", SHORT)])
@pytest.mark.parametrize("offset", ["close", "both"])
def test_the_order_closes_the_position(
    contract: str, quantity: float, notional: float, direction: str, died: LiquidatedSide, offset: str
) -> None:
    """Selling closes a long, in one-way mode (both) too. Coin-margined contracts need no amount."""
    amount = 5 if "USDT" in contract else None
    instruments = Instruments("htx")
    told = row(contract_code=contract, direction=direction, offset=offset, amount=amount)
    (event,) = liquidation_events(feed(notice(told), instruments=instruments), instruments, 0)
    assert event.liquidated_side == died
    assert event.quantity == pytest.approx(quantity, rel=1e-12)
    assert event.notional_usd == pytest.approx(notional, rel=1e-12)


def test_numbers_may_be_quoted() -> None:
    found = feed(notice(row(volume="500", price="2446.26", created_at=str(TS), amount="5")))
    assert (found.liquidations.size, found.liquidations.price) == ([500.0], [2446.26])


class TestAmounts:
    """A row's amount is in coins, its volume in contracts: together they say what a contract is worth."""

    def test_a_contract_that_no_list_knows_is_learned_from_its_row(self) -> None:
        instruments = Instruments("htx")
        told = row(contract_code="NEWCOIN-USDT", volume=3, amount=0.3)
        (event,) = liquidation_events(feed(notice(told), instruments=instruments), instruments, 0)
        assert (instruments.specs[0].contract_value, instruments.specs[0].packaged) == (0.1, True)
        assert event.quantity == pytest.approx(0.3, rel=1e-12)

    def test_a_row_wins_over_an_old_table(self) -> None:
        """The venue may have changed a contract since its value was packaged."""
        instruments = Instruments("htx")
        (event,) = liquidation_events(feed(notice(row(amount=50)), instruments=instruments), instruments, 0)
        assert event.quantity == pytest.approx(50.0, rel=1e-12)

    def test_without_an_amount_the_table_says_it(self) -> None:
        instruments = Instruments("htx")
        (event,) = liquidation_events(feed(notice(row(amount=None)), instruments=instruments), instruments, 0)
        assert event.quantity == pytest.approx(5.0, rel=1e-12)

    def test_without_either_the_row_is_a_fault(self) -> None:
        found = feed(notice(row(contract_code="NEWCOIN-USDT", amount=None)))
        assert [each.reason for each in found.faults] == ["contract value of NEWCOIN-USDT is unknown"]

    def test_the_amount_of_a_coin_margined_contract_is_rounded_and_not_used(self) -> None:
        instruments = Instruments("htx")
        told = row(contract_code="BTC-USD", volume=173, price=17102.9, amount=1.01)
        (event,) = liquidation_events(feed(notice(told), instruments=instruments), instruments, 0)
        assert event.notional_usd == 17_300.0


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row(offset="open"), "Invalid enum value 'open' - at `$.offset`"),
        (row(direction="long"), "Invalid enum value 'long' - at `$.direction`"),
        (row(volume=0), "Expected `float` >= 1e-18 - at `$.volume`"),
        (row(contract_code="ETH_USDT!"), "contract 'ETH_USDT!' is unknown and its name follows no rule"),
        (None, "Expected `object`, got `null`"),
    ],
)
def test_a_bad_row_is_a_fault_and_the_good_one_beside_it_stays(bad: Any, reason: str) -> None:
    """An order that opens a position liquidates nobody."""
    found = feed(notice(bad, ROW))
    assert [(each.frame, each.row, each.reason) for each in found.faults] == [(0, 0, reason)]
    assert len(found.liquidations) == 1


class TestGzip:
    @pytest.mark.parametrize("frame", [b"\x1f\x8b", b"\x1f\x8bnonsense", gzip.compress(b"{}")[:-3]])
    def test_what_cannot_be_unpacked_is_a_fault(self, frame: bytes) -> None:
        found = HtxDecoder("", Instruments("htx")).feed([frame])
        assert len(found.faults) == 1

    def test_a_frame_that_grows_without_bound_is_a_fault(self) -> None:
        bomb = gzip.compress(b" " * (LARGEST_FRAME + 1))
        found = HtxDecoder("", Instruments("htx")).feed([bomb])
        assert "too large" in found.faults[0].reason


class TestControls:
    @pytest.mark.parametrize(
        ("frame", "kind", "code"),
        [
            ({"op": "sub", "topic": "x", "err-code": 0}, ControlKind.ACK, "0"),
            ({"op": "sub", "topic": "x", "err-code": 2014}, ControlKind.ACK, "2014"),
            ({"op": "sub", "topic": "x", "err-code": 2011, "err-msg": "no"}, ControlKind.REFUSED, "2011"),
            ({"op": "error", "err-code": 2001, "err-msg": "no"}, ControlKind.REFUSED, "2001"),
            ({"op": "close", "ts": TS}, ControlKind.CLOSING, "0"),
            ({"status": "ok", "subbed": "market.BTC-USDT.bbo", "ts": TS}, ControlKind.ACK, "0"),
            ({"status": "error", "err-code": "bad-request", "ts": TS}, ControlKind.REFUSED, "bad-request"),
        ],
    )
    def test_answers(self, frame: dict[str, Any], kind: ControlKind, code: str) -> None:
        """A repeated subscription is one that stands."""
        found = feed(frame)
        assert [(each.kind, each.code) for each in found.controls] == [(kind, code)]
        assert not found.faults

    def test_the_markets_ping_is_answered_too(self) -> None:
        assert feed({"ping": TS}, {"op": "ping", "ts": TS}).replies == [
            f'{{"pong":{TS}}}',
            f'{{"op":"pong","ts":{TS}}}',
        ]

    @pytest.mark.parametrize("frame", [{"op": "unsub"}, {"op": "auth"}, {"pong": 1}])
    def test_other_known_frames_are_silent(self, frame: dict[str, Any]) -> None:
        found = feed(frame)
        assert (found.ignored, found.controls, found.faults) == (1, [], [])

    @pytest.mark.parametrize(
        "frame", [[], {}, {"op": "dance"}, {"op": "ping", "ts": []}, {"ping": "soon"}, notice(what="secrets")]
    )
    def test_what_is_unknown_is_a_fault(self, frame: Any) -> None:
        found = feed(frame)
        assert (len(found.faults), found.replies) == (1, [])


class TestContracts:
    ROWS = ({"contract_code": "ETH-USDT", "contract_size": "0.02"}, {"contract_code": "!", "contract_size": 1}, None)

    def test_what_the_venue_lists_replaces_what_was_packaged(self) -> None:
        instruments = Instruments("htx", [spec_of("ETH-USDT", 0.01, packaged=True)])
        feed(notice(*self.ROWS, what="contract_info"), instruments=instruments)
        assert [(each.contract_value, each.packaged) for each in instruments.specs] == [(0.02, False)]

    def test_and_not_what_rest_told(self) -> None:
        instruments = Instruments("htx", [spec_of("ETH-USDT", 0.01, packaged=False)])
        feed(notice(*self.ROWS, what="contract_info"), instruments=instruments)
        assert instruments.specs[0].contract_value == 0.01


class TestMarkets:
    @pytest.mark.parametrize(
        "tick",
        [{"ts": TS}, {"ts": TS, "bid": [1, 0], "ask": [2, 1]}, {"ts": TS, "bid": [1, 1], "ask": None}],
    )
    def test_an_empty_side_tells_no_best_price(self, tick: dict[str, Any]) -> None:
        found = feed({"ch": "market.ETH-USDT.bbo", "ts": TS, "tick": tick})
        assert (len(found.books), found.faults) == (0, [])

    def test_nor_a_book(self) -> None:
        found = feed({"ch": "market.ETH-USDT.depth.step0", "ts": TS, "tick": {"ts": TS, "bids": [[1, 1]], "asks": []}})
        assert (len(found.books), found.faults) == (0, [])

    @pytest.mark.parametrize(
        "frame",
        [
            {"ch": "market.ETH-USDT.trades", "ts": TS, "tick": {}},
            {"ch": "market.ETH-USDT.mark_price.1min", "tick": {"close": "1"}},
            {"ch": "market", "ts": TS},
            {"ch": "market.ETH-USDT.bbo", "ts": TS},
        ],
    )
    def test_unknown_channels_and_senseless_ticks_are_faults(self, frame: dict[str, Any]) -> None:
        assert len(feed(frame).faults) == 1

    def test_funding_without_a_time_is_a_fault(self) -> None:
        frame = {**notice({"contract_code": "ETH-USDT", "funding_rate": "0.1"}, what="funding_rate"), "ts": 0}
        assert len(feed(frame).faults) == 1
