"""Every payload we have of the venue, decoded to checked values."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from foreshock_gate.connector import GateConnector
from foreshock_gate.decoder import GateDecoder
from foreshock_sdk import ContextField, ControlKind, Decoded, EventFlag, Instruments, LiquidatedSide, PriceKind
from foreshock_sdk.connector import RestRequest
from foreshock_sdk.rows import liquidation_events

FRAMES = Path(__file__).parent / "frames"
LONG, SHORT = LiquidatedSide.LONG, LiquidatedSide.SHORT


def decode(name: str) -> tuple[Decoded, Instruments]:
    instruments = Instruments("gate")
    decoder = GateDecoder("futures.tickers:BTC_USD", instruments, "position")
    return decoder.feed([(FRAMES / f"{name}.json").read_text()]), instruments


@pytest.mark.parametrize(
    ("name", "row", "instrument", "side", "price", "quantity", "notional", "ts_ms"),
    [
        (
            *("docs_2025", 0, "BTCUSD-PERP.GATE", SHORT),
            *("215.1", Decimal(124) / Decimal("215.1"), "124"),
            1541486601123,
        ),
        (*("docs_2026-08_int", 0, "BTCUSDT-PERP.GATE", SHORT), *("215.1", "0.0124", "2.66724"), 1541486601123),
        (*("docs_2026-08_int", 1, "BTCUSDT-PERP.GATE", SHORT), *("215.2", "0.001", "0.2152"), 1541486601456),
        (*("docs_2026-08_decimal", 0, "BTCUSDT-PERP.GATE", SHORT), *("215.1", "0.01245", "2.677995"), 1541486601123),
        (*("docs_2026-08_decimal", 1, "BTCUSDT-PERP.GATE", SHORT), *("215.2", "0.00105", "0.22596"), 1541486601456),
        (*("written_both_sides", 0, "XRPUSDT-PERP.GATE", LONG), *("0.31", "120", "37.2"), 1789670297217),
        (*("written_both_sides", 1, "ETHUSDT-PERP.GATE", SHORT), *("2446.26", "5", "12231.3"), 1789670297000),
    ],
)
def test_liquidation(
    name: str,
    row: int,
    instrument: str,
    side: LiquidatedSide,
    price: str,
    quantity: Decimal | str,
    notional: str,
    ts_ms: int,
) -> None:
    """Sizes are contracts, whole or with fractions; times ms, or seconds."""
    found, instruments = decode(f"public_liquidates_update_{name}")
    event = liquidation_events(found, instruments, ts_recv=1)[row]

    assert not found.faults
    assert (event.instrument, event.liquidated_side) == (instrument, side)
    assert (event.price, event.price_kind) == (float(price), PriceKind.LIMIT)
    assert event.quantity == pytest.approx(float(quantity), rel=1e-12)
    assert event.notional_usd == pytest.approx(float(notional), rel=1e-12)
    assert event.ts_event == ts_ms * 1_000_000


def test_history() -> None:
    """The size is the position's (positive: a long), order_size the order's; time is in seconds."""
    instruments, connector = Instruments("gate"), GateConnector()
    body = (FRAMES / "rest_liq_orders_docs.json").read_bytes()
    found = connector.parse_backfill(RestRequest(name="history-usdt-0", url=""), body, instruments)
    (event,) = liquidation_events(found, instruments, ts_recv=1)
    assert (event.instrument, event.liquidated_side, event.price) == ("BTCUSDT-PERP.GATE", LONG, 3405.0)
    assert event.quantity == pytest.approx(0.06, rel=1e-12)
    assert event.notional_usd == pytest.approx(204.3, rel=1e-12)
    assert event.ts_event == 1548654951 * 1_000_000_000
    assert event.flags & EventFlag.BACKFILLED


def test_ticker_is_context_and_the_canary() -> None:
    found, _ = decode("tickers_docs")
    told = dict(zip(found.context.field, found.context.value, strict=True))
    assert told == {
        ContextField.MARK: 118.35,
        ContextField.INDEX: 118.36,
        ContextField.FUNDING: -0.000114,
        ContextField.OPEN_INTEREST: 73648 / 118.35,
    }
    assert (found.canary, found.pushed_ms) == (1541659086123, 1541659086123)


def test_a_whole_book() -> None:
    found, instruments = decode("book_snapshot_written")
    assert found.books.bids == [[(83705.9, 30166.0), (83705.8, 12.0)]]
    assert found.books.asks == [[(83706.0, 3085.0)]]
    assert instruments.specs[found.books.instrument[0]].raw_symbol == "BTC_USDT"


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("public_liquidates_ack", ControlKind.ACK, ""),
        ("error_written", ControlKind.REFUSED, "2"),
        ("pong_docs", ControlKind.PONG, ""),
    ],
)
def test_answers(name: str, kind: ControlKind, code: str) -> None:
    found, _ = decode(name)
    assert [(each.kind, each.code) for each in found.controls] == [(kind, code)]
    assert not found.faults


def test_every_payload_of_the_socket_is_understood() -> None:
    """No frame lies in the folder unseen."""
    for path in FRAMES.glob("*.json"):
        if not path.name.startswith("rest_"):
            found, _ = decode(path.stem)
            assert not found.faults, path.name
