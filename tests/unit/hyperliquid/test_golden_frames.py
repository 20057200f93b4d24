"""Every payload we have of the venue, decoded to checked values."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from foreshock_hyperliquid.decoder import HyperliquidDecoder
from foreshock_sdk import ContextField, ControlKind, Decoded, EventFlag, Instruments, LiquidatedSide, PriceKind
from foreshock_sdk.rows import context_events, liquidation_events

FRAMES = Path(__file__).parent / "frames"
LONG, SHORT = LiquidatedSide.LONG, LiquidatedSide.SHORT
SNAPSHOT, NONE = EventFlag.SNAPSHOT, EventFlag.NONE


def decode(*names: str) -> tuple[Decoded, Instruments]:
    instruments = Instruments("hyperliquid")
    frames = [(FRAMES / f"{name}.json").read_text() for name in names]
    return HyperliquidDecoder("l2Book:BTC", instruments).feed(frames), instruments


@pytest.mark.parametrize(
    ("name", "instrument", "side", "price", "quantity", "ts_ms", "flags"),
    [
        ("ws_user_fill_liquidation", "BTCUSD-PERP", SHORT, "66653.0", "0.001", 1781528065899, NONE),
        ("userFills_liquidated_long_market", "BTCUSD-PERP", LONG, "66653.0", "0.001", 1781528065899, NONE),
        ("userFills_backstop_2026-02_PARTIAL", "SOLUSD-PERP", LONG, "67.5499", "28.33", 1770337193454, NONE),
        (
            *("userFills_maker_of_liquidation_hip3_2026-08", "xyz:CRWVUSD-PERP", SHORT),
            *("116.86", "2.47", 1786628572099, NONE),
        ),
        (
            *("userFills_snapshot_kcoin_backstop", "kPEPEUSD-PERP", SHORT),
            *("0.000018", "2000000", 1781528065899, SNAPSHOT),
        ),
        ("node_fills_block_liquidation", "ETHUSD-PERP", LONG, "2500.5", "1.2", 1781528065899, NONE),
    ],
)
def test_liquidation(
    name: str, instrument: str, side: LiquidatedSide, price: str, quantity: str, ts_ms: int, flags: EventFlag
) -> None:
    """Sizes are coins, of k-coins thousands; the price is the fill's."""
    found, instruments = decode(name)
    (event,) = liquidation_events(found, instruments, ts_recv=1)

    assert not found.faults
    assert event.instrument == f"{instrument}.HYPERLIQUID"
    assert (event.liquidated_side, event.price_kind) == (side, PriceKind.AVERAGE)
    assert event.price == pytest.approx(float(price), rel=1e-12)
    assert event.quantity == pytest.approx(float(quantity), rel=1e-12)
    assert event.notional_usd == pytest.approx(float(Decimal(price) * Decimal(quantity)), rel=1e-12)
    assert event.ts_event == ts_ms * 1_000_000
    assert event.flags == flags | EventFlag.PACKAGED_SPECS


def test_a_deleveraged_winner_is_no_liquidation() -> None:
    """Rule 5: of the row of 2025-10-10 the vault is `liquidatedUser`, and the account gained."""
    found, _ = decode("node_fills_block_adl_2025-10-10")
    assert (len(found.liquidations), found.faults, found.ignored) == (0, [], 1)


def test_the_context_of_a_coin_has_the_newest_time_told() -> None:
    found, instruments = decode("bbo_live_2026-09-24", "activeAssetCtx_live_2026-09-24")
    assert {event.ts_event for event in context_events(found, instruments, 1)} == {1790232237145_000_000}
    assert dict(zip(found.context.field, found.context.value, strict=True)) == {
        ContextField.BID: 84143.0,
        ContextField.BID_QUANTITY: 10.25923,
        ContextField.ASK: 84144.0,
        ContextField.ASK_QUANTITY: 50.66422,
        ContextField.MARK: 84148.0,
        ContextField.INDEX: 84198.0,
        ContextField.FUNDING: 0.0000018952,
        ContextField.OPEN_INTEREST: 36585.31848,
    }


@pytest.mark.parametrize(
    "name",
    [
        *("activeAssetCtx_live_2026-09-24", "allMids_ws", "trades_live_2026-09-24", "recentTrades_btc"),
        *("l2Book_rest_btc", "l2Book_ws_data", "meta_perp_sample", "orderStatus_missing", "subscribe_request"),
    ],
)
def test_other_known_payloads_are_silent(name: str) -> None:
    """Trap 7: no trade is a liquidation, whatever its hash. A context before any time is left out."""
    found, _ = decode(name)
    assert (len(found.liquidations), len(found.context), found.faults, found.controls) == (0, 0, [], [])
    assert found.ignored == 1


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("subscriptionResponse", ControlKind.ACK),
        ("pong", ControlKind.PONG),
        ("error_already_subscribed", ControlKind.REFUSED),
    ],
)
def test_answers(name: str, kind: ControlKind) -> None:
    found, _ = decode(name)
    assert [each.kind for each in found.controls] == [kind]


def test_every_payload_at_hand_is_known() -> None:
    for path in FRAMES.glob("*.json"):
        assert not decode(path.stem)[0].faults, path.name
