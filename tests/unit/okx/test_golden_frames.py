"""Every payload we have of the venue, decoded to checked values."""

from __future__ import annotations

from pathlib import Path

import pytest

from foreshock_okx.decoder import OkxDecoder
from foreshock_sdk import ContextField, ControlKind, Decoded, Instruments, LiquidatedSide, PriceKind
from foreshock_sdk.rows import liquidation_events

FRAMES = Path(__file__).parent / "frames"
LONG, SHORT = LiquidatedSide.LONG, LiquidatedSide.SHORT
LEGACY = "liquidations_legacy_tardis_generated"


def decode(name: str) -> tuple[Decoded, Instruments]:
    instruments = Instruments("okx")
    decoder = OkxDecoder("mark-price:BTC-USDT-SWAP", instruments)
    return decoder.feed([(FRAMES / f"{name}.json").read_text()]), instruments


@pytest.mark.parametrize(
    ("name", "instrument", "side", "price", "quantity", "notional", "ts_ms", "position"),
    [
        (
            *("liquidation-orders_live_2026-10-09_BTC", "BTCUSDT-PERP.OKX", LONG),
            *(82655.7, 0.0855, 7067.06235, 1791565600771, 1.0),
        ),
        (
            *("liquidation-orders_docs_IOST", "IOSTUSDT-PERP.OKX", SHORT),
            *(0.007831, 13_000.0, 101.803, 1692266434010, 2.0),
        ),
        (
            *("liquidation-orders_futures_2023", "XRPUSD-230929.OKX", SHORT),
            *(0.55205, 390 / 0.55205, 390.0, 1680173247614, 2.0),
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
    position: float,
) -> None:
    """Sizes are contracts, fractions too; bkPx lies at the market; side and posSide agree."""
    found, instruments = decode(name)
    (event,) = liquidation_events(found, instruments, ts_recv=1)

    assert not found.faults
    assert (event.instrument, event.liquidated_side) == (instrument, side)
    assert (event.price, event.price_kind) == (price, PriceKind.MARK)
    assert event.quantity == pytest.approx(quantity, rel=1e-12)
    assert event.notional_usd == pytest.approx(notional, rel=1e-12)
    assert event.ts_event == ts_ms * 1_000_000
    assert (found.liquidations.identity_a, found.liquidations.identity_b) == ([price], [position])


def test_the_retired_channel_is_refused_by_name() -> None:
    found, _ = decode(LEGACY)
    (fault,) = found.faults
    assert fault.row is None
    assert fault.reason == "channel 'liquidations' is retired: 'liquidation-orders' replaced it"
    assert len(found.liquidations) == 0


def test_mark_price_is_context() -> None:
    found, instruments = decode("mark-price_2021")
    context = found.context
    assert (context.field, context.value, context.ts_event_ms) == ([ContextField.MARK], [36.662], [1640140257676])
    assert instruments.specs[context.instrument[0]].raw_symbol == "FIL-USDT-220325"
    assert found.canary == 0, "only the canary's contract sings"


@pytest.mark.parametrize(
    ("name", "contract", "field", "value", "ts_ms"),
    [
        ("ws_funding_rate", "BTC-USDT-SWAP", ContextField.FUNDING, 0.0001, 1744590349506),
        ("open-interest_2025-01", "BTC-USD-SWAP", ContextField.OPEN_INTEREST, 9450.4815189266069195, 1735689601474),
    ],
)
def test_funding_and_open_interest_are_context(
    name: str, contract: str, field: ContextField, value: float, ts_ms: int
) -> None:
    """Open interest counts coins: oiCcy, not oi."""
    found, instruments = decode(name)
    context = found.context
    assert (context.field, context.value, context.ts_event_ms) == ([field], [value], [ts_ms])
    assert instruments.specs[context.instrument[0]].raw_symbol == contract


@pytest.mark.parametrize(
    "name",
    [
        *("funding-rate_xperp_2026-08", "http_get_instruments_swap", "subscribe_request"),
        *("trades_2025-01", "ws_bbo_tbt", "ws_books_snapshot", "ws_books_update"),
        *("ws_instruments", "ws_orders_liquidation", "ws_tickers", "ws_trades"),
    ],
)
def test_other_known_payloads_are_silent(name: str) -> None:
    """Spot pairs and contracts whose value nobody knows among them."""
    found, _ = decode(name)
    assert (len(found.liquidations), len(found.context), found.faults, found.controls) == (0, 0, [], [])
    assert found.ignored == 1


def test_the_notice_of_a_service_upgrade_asks_to_reconnect() -> None:
    found, _ = decode("notice_64008")
    assert [(each.kind, each.code) for each in found.controls] == [(ControlKind.CLOSING, "64008")]


def test_every_payload_at_hand_is_tested_here() -> None:
    """No frame lies in the folder unseen: all but the retired one are known to the decoder."""
    for path in FRAMES.glob("*.json"):
        found, _ = decode(path.stem)
        assert bool(found.faults) == (path.stem == LEGACY), path.name
