"""Every payload we have of the venue, decoded to checked values."""

from __future__ import annotations

from pathlib import Path

import pytest

from foreshock_binance.decoder import BinanceDecoder
from foreshock_sdk import ContextField, ControlKind, Decoded, EventFlag, Instruments, LiquidatedSide, PriceKind
from foreshock_sdk.rows import liquidation_events

FRAMES = Path(__file__).parent / "frames"
LONG, SHORT = LiquidatedSide.LONG, LiquidatedSide.SHORT
CANARY = "btcusdt@markPrice@1s"


def decode(name: str) -> tuple[Decoded, Instruments]:
    instruments = Instruments("binance")
    return BinanceDecoder(CANARY, instruments).feed([(FRAMES / f"{name}.json").read_text()]), instruments


@pytest.mark.parametrize(
    ("name", "instrument", "side", "price", "quantity", "notional", "ts_ms", "identity"),
    [
        (
            *("forceOrder_live_2026-10-09_arr_combined", "BTCUSDT-PERP.BINANCE", LONG),
            *(82651.90, 0.190, 15703.861, 1791565602120, (0.190, 82338.30)),
        ),
        (
            *("forceOrder_live_2023-09-26_raw", "BTCUSDT-PERP.BINANCE", LONG),
            *(26245.10, 0.115, 3018.1865, 1695714031881, (0.115, 26142.12)),
        ),
        (
            *("forceOrder_um_2020_combined", "BTCUSDT-PERP.BINANCE", SHORT),
            *(4706.04, 0.014, 65.88456, 1584059031421, (0.014, 4793.91)),
        ),
        (
            *("forceOrder_um_docs_raw", "BTCUSDT-PERP.BINANCE", LONG),
            *(9910.12345678, 0.014, 138.74172839492, 1568014460893, (0.014, 9910.0)),
        ),
        (
            *("forceOrder_coinm_2020_combined", "BTCUSD-200925.BINANCE", LONG),
            *(9352.7, 300 / 9352.7, 300.0, 1594622954021, (3.0, 9314.5)),
        ),
        (
            *("forceOrder_coinm_sdk_2026_st", "BTCUSD-200925.BINANCE", LONG),
            *(9496.5, 100 / 9496.5, 100.0, 1591154240949, (1.0, 9425.5)),
        ),
    ],
)
def test_liquidation(
    name: str,
    instrument: str,
    side: LiquidatedSide,
    price: float,
    quantity: float,
    notional: float,
    ts_ms: int,
    identity: tuple[float, float],
) -> None:
    """S is the side of the closing order, ap the price, z the quantity, T the time."""
    found, instruments = decode(name)
    (event,) = liquidation_events(found, instruments, ts_recv=1)

    assert not found.faults
    assert (event.instrument, event.symbol) == (instrument, "BTCUSDT")
    assert (event.liquidated_side, event.price, event.price_kind) == (side, price, PriceKind.AVERAGE)
    assert event.quantity == pytest.approx(quantity, rel=1e-12)
    assert event.notional_usd == pytest.approx(notional, rel=1e-12)
    assert event.ts_event == ts_ms * 1_000_000
    assert (found.liquidations.identity_a, found.liquidations.identity_b) == ([identity[0]], [identity[1]])
    assert event.flags is EventFlag.PACKAGED_SPECS


def test_the_push_time_is_told() -> None:
    found, _ = decode("forceOrder_live_2026-10-09_arr_combined")
    assert found.pushed_ms == 1791565603055


def test_mark_price_is_context_and_canary() -> None:
    found, instruments = decode("mark_price_stream")
    context = found.context
    told = dict(zip(context.field, context.value, strict=True))

    assert told == {
        ContextField.MARK: 11794.15,
        ContextField.INDEX: 11784.62659091,
        ContextField.FUNDING: 0.00038167,
    }
    assert {instruments.specs[index].raw_symbol for index in context.instrument} == {"BTCUSDT"}
    assert (found.canary, found.pushed_ms) == (1562305380000, 1562305380000)


def test_a_book_ticker_is_context() -> None:
    found, instruments = decode("book_ticker_stream")
    assert dict(zip(found.context.field, found.context.value, strict=True)) == {
        ContextField.BID: 25.3519,
        ContextField.BID_QUANTITY: 31.21,
        ContextField.ASK: 25.3652,
        ContextField.ASK_QUANTITY: 40.66,
    }
    assert (set(found.context.ts_event_ms), found.pushed_ms) == ({1568014460891}, 1568014460893)
    assert instruments.specs[0].raw_symbol == "BNBUSDT"


@pytest.mark.parametrize(
    "name",
    [
        *("agg_trade_stream", "depth_update_stream", "subscribe_request"),
        "user_order_update_liquidation_calculated",
    ],
)
def test_other_known_payloads_are_silent(name: str) -> None:
    """What changed in a book is nothing for us: only streams of whole books are read."""
    found, _ = decode(name)
    assert (len(found.liquidations), len(found.context), found.faults, found.controls) == (0, 0, [], [])
    assert found.ignored == 1


def test_acknowledgement() -> None:
    found, _ = decode("subscribe_ack")
    assert [each.kind for each in found.controls] == [ControlKind.ACK]
    assert not found.faults


def test_documented_errors_are_refusals() -> None:
    found, _ = decode("subscribe_errors_documented")
    assert {each.kind for each in found.controls} == {ControlKind.REFUSED}
    assert [each.code for each in found.controls] == ["0", "1", "2", "2", "2", "2"]
    assert found.controls[1].message == "Invalid value type: expected Boolean"


def test_every_payload_at_hand_is_tested_here() -> None:
    """No frame lies in the folder unseen: all of them are known to the decoder."""
    for path in FRAMES.glob("*.json"):
        found, _ = decode(path.stem)
        assert not found.faults, path.name
