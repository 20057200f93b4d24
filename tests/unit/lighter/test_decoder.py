from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from foreshock_lighter.connector import LighterConnector
from foreshock_lighter.samples import SHORT
from foreshock_lighter.simulation import SUBSCRIPTIONS, LighterScript
from foreshock_sdk import Control, ControlKind, Decoded, EventFlag, Instruments, LiquidatedSide, PriceKind
from foreshock_sdk.naming import named_spec
from foreshock_sdk.probing import NOW_MS, STAND_IN
from foreshock_sdk.rows import liquidation_events

REAL = msgspec.json.decode(SHORT)
TABLE = Instruments("lighter", LighterConnector().packaged_specs().specs)


def feed(frame: Any) -> Decoded:
    route = LighterConnector().routes(TABLE, (), STAND_IN)[0]
    return LighterConnector().decoder(route, TABLE).feed([msgspec.json.encode(frame)])


def with_row(**changes: Any) -> dict[str, Any]:
    return {**REAL, "liquidation_trades": [{**REAL["liquidation_trades"][0], **changes}]}


def test_a_real_liquidation_to_the_cent() -> None:
    (event,) = liquidation_events(feed(REAL), TABLE, 1)
    assert (event.symbol, event.instrument, event.raw_symbol) == ("BTCUSDT", "BTCUSDC-PERP.LIGHTER", "1")
    assert (event.liquidated_side, event.price_kind) == (LiquidatedSide.SHORT, PriceKind.AVERAGE)
    assert (event.price, event.quantity) == (75602.8, 0.01664)
    assert (
        Decimal(f"{event.notional_usd:.2f}") == round(Decimal("75602.8") * Decimal("0.01664"), 2) == Decimal("1258.03")
    )
    assert f"{event.notional_usd:.6f}" == REAL["liquidation_trades"][0]["usd_amount"]
    assert event.ts_event == 1_776_687_656_653_000_000


@pytest.mark.parametrize(
    ("maker_ask", "position", "side"),
    [(True, "-1", LiquidatedSide.SHORT), (False, "1", LiquidatedSide.LONG)],
)
def test_the_taker_is_who_is_closed(maker_ask: bool, position: str, side: LiquidatedSide) -> None:
    found = feed(with_row(is_maker_ask=maker_ask, taker_position_size_before=position))
    assert list(found.liquidations.side) == [side]


@pytest.mark.parametrize(("maker_ask", "position"), [(True, "1"), (False, "-1"), (True, "0"), (False, "0")])
def test_a_taker_who_reduces_nothing_is_a_fault(maker_ask: bool, position: str) -> None:
    found = feed(with_row(is_maker_ask=maker_ask, taker_position_size_before=position))
    assert len(found.liquidations) == 0
    assert [fault.reason for fault in found.faults] == ["the taker does not reduce a position: nobody knows the side"]


def test_a_market_without_a_name_is_a_fault() -> None:
    assert [fault.reason for fault in feed(with_row(market_id=77)).faults] == [
        "contract '77' is not in the venue's list"
    ]


def test_what_comes_on_subscribing_is_old() -> None:
    found = feed({**REAL, "type": "subscribed/trade"})
    assert list(found.liquidations.flags) == [EventFlag.SNAPSHOT]
    assert found.controls == [Control(0, ControlKind.ACK)]


def test_trades_of_btc_are_the_sign_of_life_and_of_others_are_not() -> None:
    trades = [{"timestamp": 5}, {"timestamp": 1_776_687_656_999}, {"timestamp": "soon"}]
    assert feed({"type": "update/trade", "channel": "trade:1", "trades": trades}).canary == 1_776_687_656_999
    other = feed({"type": "update/trade", "channel": "trade:0", "trades": trades})
    assert (other.canary, other.pushed_ms) == (0, 1_776_687_656_999)


@pytest.mark.parametrize(
    ("frame", "kinds", "faults"),
    [
        ({"type": "connected", "session_id": "x"}, [], 0),
        ({"type": "pong"}, [ControlKind.PONG], 0),
        ({"type": "error", "message": "no"}, [ControlKind.REFUSED], 0),
        ({"type": "update/height"}, [], 1),
        ([], [], 1),
        (None, [], 1),
    ],
)
def test_other_frames(frame: Any, kinds: list[ControlKind], faults: int) -> None:
    found = feed(frame)
    assert [control.kind for control in found.controls] == kinds
    assert len(found.faults) == faults


def test_markets_are_sharded_within_the_venues_limit() -> None:
    many = Instruments("lighter", [named_spec("lighter", str(number), f"C{number}", "USDC") for number in range(250)])
    routes = LighterConnector().routes(many, (), STAND_IN)
    assert [len(route.channels) for route in routes] == [99, 100, 53]
    assert {channel for route in routes for channel in route.channels} == {f"trade/{number}" for number in range(250)}
    assert max(len(route.channels) for route in routes) <= SUBSCRIPTIONS


def test_the_venue_names_what_it_refuses() -> None:
    script = LighterScript()
    session = script.session("/stream?readonly=true")
    assert session is not None
    assert "Invalid Channel" in str(session.receive('{"type":"subscribe","channel":"trade/999"}', NOW_MS))
    session.receive('{"type":"subscribe","channel":"trade/1"}', NOW_MS)
    assert "Already Subscribed" in str(session.receive('{"type":"subscribe","channel":"trade/1"}', NOW_MS))
    assert script.rest("/other", "") is None
    assert not session.overdue(NOW_MS + 119_999)
    assert session.overdue(NOW_MS + 120_000)
