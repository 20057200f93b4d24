"""Every payload we have of the venue, decoded to checked values."""

from __future__ import annotations

from pathlib import Path

import pytest

from foreshock_bybit.decoder import BybitDecoder
from foreshock_sdk import ContextField, ControlKind, Decoded, Instruments, LiquidatedSide, PriceKind
from foreshock_sdk.rows import liquidation_events

FRAMES = Path(__file__).parent / "frames"
LONG, SHORT = LiquidatedSide.LONG, LiquidatedSide.SHORT
LEGACY = "legacy_liquidation_v5_inverse"


def decode(name: str) -> tuple[Decoded, Instruments]:
    instruments = Instruments("bybit")
    return BybitDecoder("tickers.BTCUSDT", instruments).feed([(FRAMES / f"{name}.json").read_text()]), instruments


@pytest.mark.parametrize(
    ("name", "symbol", "rows"),
    [
        (
            "allLiquidation_live_2026-10-09",
            "BTCUSDT",
            [(LONG, 82396.90, 0.006, 494.3814, 1791565600992), (LONG, 82394.30, 0.038, 3130.9834, 1791565601058)],
        ),
        ("allLiquidation_2025-02", "PIPPINUSDT", [(SHORT, 0.02456, 2846.0, 69.89776, 1740480207110)]),
        ("allLiquidation_docs", "ROSEUSDT", [(SHORT, 0.04499, 20000.0, 899.8, 1739502302929)]),
    ],
)
def test_liquidations(name: str, symbol: str, rows: list[tuple[LiquidatedSide, float, float, float, int]]) -> None:
    """S is the side of the position: Buy is a long that died. p is the bankruptcy price."""
    found, instruments = decode(name)
    events = liquidation_events(found, instruments, ts_recv=1)

    assert not found.faults
    assert {event.instrument for event in events} == {f"{symbol}-PERP.BYBIT"}
    assert {event.price_kind for event in events} == {PriceKind.BANKRUPTCY}
    told = [(e.liquidated_side, e.price, e.quantity, e.ts_event // 1_000_000) for e in events]
    assert told == [(side, price, quantity, ts) for side, price, quantity, _, ts in rows]
    assert [e.notional_usd for e in events] == pytest.approx([row[3] for row in rows], rel=1e-12)
    assert found.liquidations.identity_a == [row[1] for row in rows]
    assert found.liquidations.identity_b == [0.0] * len(rows)


def test_the_push_time_is_told() -> None:
    found, _ = decode("allLiquidation_live_2026-10-09")
    assert found.pushed_ms == 1791565601482


def test_the_retired_topic_is_refused_by_name() -> None:
    found, _ = decode(LEGACY)
    (fault,) = found.faults
    assert fault.row is None
    assert fault.reason == "topic 'liquidation.XRPUSD' is retired: allLiquidation.XRPUSD replaced it"
    assert len(found.liquidations) == 0


def test_a_ticker_is_context_and_canary() -> None:
    """Open interest counts both sides at this venue: one is told."""
    found, _ = decode("tickers_linear_snapshot")
    assert dict(zip(found.context.field, found.context.value, strict=True)) == {
        ContextField.MARK: 17217.33,
        ContextField.INDEX: 17227.36,
        ContextField.FUNDING: -0.000212,
        ContextField.OPEN_INTEREST: 34372.3805,
        ContextField.BID: 17215.50,
        ContextField.ASK: 17216.00,
        ContextField.BID_QUANTITY: 84.489,
        ContextField.ASK_QUANTITY: 83.020,
    }
    assert (found.canary, found.pushed_ms) == (1673272861686, 1673272861686)


@pytest.mark.parametrize(
    "name",
    [
        *("orderbook_delta", "publicTrade_docs"),
        *("instruments_inverse", "instruments_linear"),
    ],
)
def test_other_known_payloads_are_silent(name: str) -> None:
    found, _ = decode(name)
    assert (len(found.liquidations), len(found.context), found.faults, found.controls) == (0, 0, [], [])
    assert found.ignored == 1


def test_a_book_begins_with_its_snapshot() -> None:
    found, _ = decode("orderbook_snapshot")
    assert found.books.bids == [[(27450.0, 0.5), (27449.5, 1.0)]]
    assert found.books.asks == [[(27451.0, 0.75), (27451.5, 0.9)]]
    assert found.books.ts_event_ms == [1709891679000]


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("subscribe_ack", ControlKind.ACK, ""),
        ("subscribe_failure", ControlKind.REFUSED, "Invalid topic: invalid.topic.BTCUSDT"),
        ("pong_linear", ControlKind.PONG, ""),
    ],
)
def test_answers(name: str, kind: ControlKind, message: str) -> None:
    found, _ = decode(name)
    assert [(each.kind, each.message) for each in found.controls] == [(kind, message)]
    assert not found.faults


def test_every_payload_at_hand_is_tested_here() -> None:
    """No frame lies in the folder unseen: all but the retired one are known to the decoder."""
    for path in FRAMES.glob("*.json"):
        found, _ = decode(path.stem)
        assert bool(found.faults) == (path.stem == LEGACY), path.name
