"""Every payload we have of the venue, decoded to checked values."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from foreshock_krakenfutures.decoder import KrakenFuturesDecoder
from foreshock_sdk import ContextField, ControlKind, Decoded, EventFlag, Instruments, LiquidatedSide, PriceKind
from foreshock_sdk.rows import liquidation_events

FRAMES = Path(__file__).parent / "frames"
LONG, SHORT = LiquidatedSide.LONG, LiquidatedSide.SHORT


def decode(*names: str) -> tuple[Decoded, Instruments]:
    instruments = Instruments("krakenfutures")
    frames = [(FRAMES / f"{name}.json").read_text() for name in names]
    return KrakenFuturesDecoder("ticker:PI_XBTUSD", instruments).feed(frames), instruments


@pytest.mark.parametrize(
    ("name", "instrument", "side", "price", "size", "ts_ms"),
    [
        ("trade_liquidation_buy", "PI_ETHUSD-PERP", SHORT, "231.6", "250", 1593620853613),
        ("trade_liquidation_sell", "PI_XRPUSD-PERP", LONG, "0.1736", "12000", 1593561965283),
    ],
)
def test_liquidations_of_inverse_contracts(
    name: str, instrument: str, side: LiquidatedSide, price: str, size: str, ts_ms: int
) -> None:
    """Sizes are USD, and the side is the taker's: a buy closes a short."""
    found, instruments = decode(name)
    (event,) = liquidation_events(found, instruments, ts_recv=1)
    assert not found.faults
    assert (event.instrument, event.liquidated_side) == (f"{instrument}.KRAKENFUTURES", side)
    assert (event.price_kind, event.flags) == (PriceKind.AVERAGE, EventFlag.PACKAGED_SPECS)
    assert event.price == float(price)
    assert event.notional_usd == float(size)
    assert event.quantity == pytest.approx(float(Decimal(size) / Decimal(price)), rel=1e-12)
    assert event.ts_event == ts_ms * 1_000_000
    assert found.pushed_ms == ts_ms


def test_a_ticker_is_context_and_canary() -> None:
    """Open interest is USD here, told in coins; the relative rate is the fraction, the other an amount of money."""
    found, _ = decode("ticker")
    told = dict(zip(found.context.field, found.context.value, strict=True))
    interest = Decimal("30072580.0") / Decimal("21979.68641534714")
    assert told == {
        ContextField.MARK: 21979.68641534714,
        ContextField.INDEX: 21984.54,
        ContextField.FUNDING: -1.380384722222e-6,
        ContextField.OPEN_INTEREST: pytest.approx(float(interest), rel=1e-12),
    }
    assert (found.books.bids, found.books.asks) == ([[(21978.5, 2536.0)]], [[(21987.0, 13948.0)]])
    assert (found.canary, found.pushed_ms) == (1676393235406, 1676393235406)


def test_a_book_is_kept_from_its_snapshot_on() -> None:
    found, _ = decode("book_snapshot", "book")
    assert found.books.bids == [[(34892.5, 6385.0), (34892.0, 10924.0)]]
    assert found.books.asks == [[(34912.0, 2300.0)]], "the best ask was taken"
    assert found.books.ts_event_ms == [1612269953629]


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [("subscribed", ControlKind.ACK, ""), ("error", ControlKind.REFUSED, "Invalid product id")],
)
def test_answers(name: str, kind: ControlKind, message: str) -> None:
    found, _ = decode(name)
    assert [(each.kind, each.message) for each in found.controls] == [(kind, message)]


@pytest.mark.parametrize("name", ["trade_fill", "info", "heartbeat", "instruments", "public_executions_rest"])
def test_other_known_payloads_are_silent(name: str) -> None:
    found, _ = decode(name)
    assert (len(found.liquidations), len(found.context), found.controls, found.ignored) == (0, 0, [], 1)


def test_every_payload_at_hand_is_known() -> None:
    for path in FRAMES.glob("*.json"):
        found, _ = decode(path.stem)
        assert not found.faults, path.name
