"""Every payload we have of the venue, decoded to checked values."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from foreshock_deribit.decoder import DeribitDecoder
from foreshock_deribit.messages import TEST
from foreshock_sdk import ContextField, ControlKind, Decoded, EventFlag, Instruments, LiquidatedSide, PriceKind
from foreshock_sdk.rows import liquidation_events

FRAMES = Path(__file__).parent / "frames"
LONG, SHORT = LiquidatedSide.LONG, LiquidatedSide.SHORT


def decode(name: str) -> tuple[Decoded, Instruments]:
    instruments = Instruments("deribit")
    decoder = DeribitDecoder("ticker.BTC-PERPETUAL.100ms", instruments, {})
    return decoder.feed([(FRAMES / f"{name}.json").read_text()]), instruments


@pytest.mark.parametrize(
    ("name", "side", "price", "usd", "ts_ms"),
    [
        ("trades_liquidation_T", LONG, "4469.5", "1120", 1584058044032),
        ("trades_liquidation_buy", SHORT, "4469.5", "1120", 1584058044032),
        ("trades_liquidation_M", LONG, "4458.5", "2500", 1584058067675),
    ],
)
def test_liquidations_of_an_inverse_contract(name: str, side: LiquidatedSide, price: str, usd: str, ts_ms: int) -> None:
    """The taker sold in T, and bought in M, where the maker was liquidated: a long died in both. amount is USD."""
    found, instruments = decode(name)
    (event,) = liquidation_events(found, instruments, ts_recv=1)
    assert not found.faults
    assert (event.instrument, event.liquidated_side) == ("BTCUSD-PERP.DERIBIT", side)
    assert (event.price_kind, event.flags) == (PriceKind.AVERAGE, EventFlag.PACKAGED_SPECS)
    assert (event.price, event.notional_usd) == (float(price), float(usd))
    assert event.quantity == pytest.approx(float(Decimal(usd) / Decimal(price)), rel=1e-12)
    assert event.ts_event == ts_ms * 1_000_000
    assert found.pushed_ms == ts_ms


def test_two_liquidations_that_meet_are_two_events() -> None:
    """MT: the taker's short and the maker's long die in one trade, each of the whole amount, here in coins."""
    found, instruments = decode("trades_liquidation_MT")
    events = liquidation_events(found, instruments, ts_recv=1)
    assert [each.liquidated_side for each in events] == [SHORT, LONG]
    assert {each.instrument for each in events} == {"SOLUSDC-PERP.DERIBIT"}
    assert {(each.price, each.quantity) for each in events} == {(128.35, 106.5)}
    notional = Decimal("128.35") * Decimal("106.5")
    assert [each.notional_usd for each in events] == [pytest.approx(float(notional), abs=0.005)] * 2
    assert events[0].event_id != events[1].event_id


def test_a_ticker_is_context_and_canary() -> None:
    """Open interest of an inverse contract is USD, told in coins; the funding is that of now."""
    found, _ = decode("ticker")
    interest = Decimal("1132329370.0") / Decimal("92281.78")
    assert dict(zip(found.context.field, found.context.value, strict=True)) == {
        ContextField.MARK: 92281.78,
        ContextField.INDEX: 92263.55,
        ContextField.FUNDING: 0.0,
        ContextField.OPEN_INTEREST: pytest.approx(float(interest), rel=1e-12),
    }
    assert (found.books.bids, found.books.asks) == ([[(92283.5, 117660.0)]], [[(92284.0, 186520.0)]])
    assert (found.canary, found.pushed_ms) == (1765541474086, 1765541474086)


def test_a_book_comes_whole() -> None:
    found, _ = decode("book")
    assert found.books.bids == [[(89532.5, 254900.0), (89532.0, 1000.0)]]
    assert found.books.asks == [[(89533.0, 91570.0), (89533.5, 10000.0)]]
    assert found.books.ts_event_ms == [1769246173071]


@pytest.mark.parametrize(
    ("name", "kind", "code", "message"),
    [
        ("subscribe_response", ControlKind.ACK, "", ""),
        ("set_heartbeat_response", ControlKind.ACK, "", ""),
        ("test_response", ControlKind.PONG, "", ""),
        ("error", ControlKind.REFUSED, "10028", "too_many_requests"),
    ],
)
def test_answers(name: str, kind: ControlKind, code: str, message: str) -> None:
    found, _ = decode(name)
    assert [(each.kind, each.code, each.message) for each in found.controls] == [(kind, code, message)]


def test_a_test_request_is_answered() -> None:
    """Who does not answer is cut."""
    found, _ = decode("heartbeat_test_request")
    assert (found.replies, found.faults) == ([TEST], [])
    beat, _ = decode("heartbeat")
    assert (beat.replies, beat.faults, beat.ignored) == ([], [], 1)


@pytest.mark.parametrize("name", ["trades_100ms_2025", "instruments"])
def test_other_known_payloads_are_silent(name: str) -> None:
    found, _ = decode(name)
    assert (len(found.liquidations), len(found.context), found.controls) == (0, 0, [])


def test_every_payload_at_hand_is_known() -> None:
    for path in FRAMES.glob("*.json"):
        found, _ = decode(path.stem)
        assert not found.faults, path.name
