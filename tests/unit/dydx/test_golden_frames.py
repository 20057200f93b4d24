"""Every payload we have of the venue, decoded to checked values."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from foreshock_dydx.decoder import DydxDecoder
from foreshock_sdk import ContextField, ControlKind, Decoded, EventFlag, Instruments, LiquidatedSide, PriceKind
from foreshock_sdk.rows import liquidation_events

FRAMES = Path(__file__).parent / "frames"
LONG, SHORT = LiquidatedSide.LONG, LiquidatedSide.SHORT
BLOCK_MS = 1765210290590


def decode(*names: str) -> tuple[Decoded, Instruments]:
    instruments = Instruments("dydx")
    return DydxDecoder(instruments).feed([(FRAMES / f"{name}.json").read_text() for name in names]), instruments


@pytest.mark.parametrize(
    ("name", "instrument", "side", "price", "size", "ts_ms"),
    [
        ("v4_trades_liquidated_2024", "BTCUSD-PERP", LONG, "22.87", "3.9", 1722756890628),
        ("v4_trades_batched", "SOLUSD-PERP", SHORT, "135.3", "1.3", BLOCK_MS),
    ],
)
def test_liquidations(name: str, instrument: str, side: LiquidatedSide, price: str, size: str, ts_ms: int) -> None:
    """The side is the taker's, and the taker was liquidated; a deleveraging is no liquidation."""
    found, instruments = decode(name)
    (event,) = liquidation_events(found, instruments, ts_recv=1)
    assert not found.faults
    assert (event.instrument, event.liquidated_side) == (f"{instrument}.DYDX", side)
    assert (event.price_kind, event.flags) == (PriceKind.AVERAGE, EventFlag.PACKAGED_SPECS)
    assert (event.price, event.quantity) == (float(price), float(size))
    assert event.notional_usd == pytest.approx(float(Decimal(price) * Decimal(size)), rel=1e-12)
    assert event.ts_event == ts_ms * 1_000_000
    assert found.pushed_ms == ts_ms


def test_blocks_are_the_canary() -> None:
    """An acknowledgement proves nothing, though it bears the time of a block."""
    assert decode("v4_block_height_subscribed")[0].canary == 0
    found, _ = decode("v4_block_height")
    assert (found.canary, found.pushed_ms) == (BLOCK_MS, BLOCK_MS)


def test_markets_are_context() -> None:
    """Oracle prices have a time; what else is told of markets is of the newest block."""
    found, instruments = decode("v4_block_height", "v4_markets_subscribed", "v4_markets_batched")
    names = [instruments.specs[index].raw_symbol for index in found.context.instrument]
    rows = list(zip(names, found.context.field, found.context.value, found.context.ts_event_ms, strict=True))
    assert rows == [
        ("BTC-USD", ContextField.MARK, 89919.2, BLOCK_MS),
        ("BTC-USD", ContextField.FUNDING, 0.00000254545454545455, BLOCK_MS),
        ("BTC-USD", ContextField.OPEN_INTEREST, 381.7348, BLOCK_MS),
        ("SOL-USD", ContextField.MARK, 135.3, BLOCK_MS),
        ("SOL-USD", ContextField.FUNDING, -0.00000143181818181818, BLOCK_MS),
        ("SOL-USD", ContextField.OPEN_INTEREST, 41917.9, BLOCK_MS),
        ("BTC-USD", ContextField.MARK, 89920.1, 1765210291100),
        ("SOL-USD", ContextField.FUNDING, -0.0000015, BLOCK_MS),
        ("SOL-USD", ContextField.OPEN_INTEREST, 41918.2, BLOCK_MS),
    ]


def test_a_book_is_kept_from_its_snapshot_on() -> None:
    found, _ = decode("v4_block_height", "v4_orderbook_subscribed", "v4_orderbook")
    assert found.books.bids == [[(28193.0, 3.115323739), (28192.0, 1.986168516)]]
    assert found.books.asks == [[(28195.0, 3.219612343), (28196.0, 2.387087565)]]
    assert found.books.ts_event_ms == [BLOCK_MS]


@pytest.mark.parametrize("name", ["v4_trades_subscribed", "v4_markets_subscribed", "v4_orderbook_subscribed"])
def test_what_answers_a_subscription_acknowledges_it(name: str) -> None:
    found, _ = decode(name)
    assert [control.kind for control in found.controls] == [ControlKind.ACK]


def test_an_error_is_a_refusal() -> None:
    (control,) = decode("error")[0].controls
    assert (control.kind, control.message) == (
        ControlKind.REFUSED,
        "Invalid subscription id for channel: (v4_trades-NO-USD)",
    )


@pytest.mark.parametrize("name", ["connected", "v4_trades_update", "rest_perpetual_markets"])
def test_other_known_payloads_are_silent(name: str) -> None:
    found, _ = decode(name)
    assert (len(found.liquidations), len(found.context), found.controls) == (0, 0, [])


def test_every_payload_at_hand_is_known() -> None:
    for path in FRAMES.glob("*.json"):
        found, _ = decode(path.stem)
        assert not found.faults, path.name
