"""Every payload we have of the venue, decoded to checked values."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from foreshock_bitget.decoder import BitgetDecoder
from foreshock_sdk import ContextField, ControlKind, Decoded, Instruments, LiquidatedSide, PriceKind
from foreshock_sdk.rows import context_events, liquidation_events

FRAMES = Path(__file__).parent / "frames"
LONG, SHORT = LiquidatedSide.LONG, LiquidatedSide.SHORT


def decode(name: str) -> tuple[Decoded, Instruments]:
    instruments = Instruments("bitget")
    decoder = BitgetDecoder("ticker:BTCUSDT", instruments, "off")
    return decoder.feed([(FRAMES / f"{name}.json").read_text()]), instruments


@pytest.mark.parametrize(
    ("name", "row", "instrument", "side", "price", "quantity", "notional", "ts_ms"),
    [
        ("uta_2026-04", 0, "APEUSDT-PERP.BITGET", LONG, "0.1649", "83.1", "13.70319", 1777358886549),
        ("uta_2026-04", 1, "IPUSDT-PERP.BITGET", LONG, "0.500280739469", "286.5", "143.330431857868", 1777358876983),
        (
            *("written_short_and_usdc", 0, "BTCUSDC-PERP.BITGET", SHORT, "89000"),
            *(str(Decimal("37.722858") / 89000), "37.722858", 1736371332162),
        ),
    ],
)
def test_liquidation(
    name: str, row: int, instrument: str, side: LiquidatedSide, price: str, quantity: str, notional: str, ts_ms: int
) -> None:
    """The amount is in the quote coin (the first two divide to whole lots of coins); buy is a long that died."""
    found, instruments = decode(f"liquidation_{name}")
    event = liquidation_events(found, instruments, ts_recv=1)[row]

    assert not found.faults
    assert (event.instrument, event.symbol[-4:], event.liquidated_side) == (instrument, "USDT", side)
    assert (event.price, event.price_kind) == (float(price), PriceKind.BANKRUPTCY)
    assert event.quantity == pytest.approx(float(quantity), rel=1e-12)
    assert event.notional_usd == pytest.approx(float(notional), rel=1e-12)
    assert event.ts_event == ts_ms * 1_000_000


def test_ticker_is_context_and_the_canary() -> None:
    found, _ = decode("ticker_2026-07-27")
    assert dict(zip(found.context.field, found.context.value, strict=True)) == {
        ContextField.MARK: 64655.5,
        ContextField.INDEX: 64687.8815,
        ContextField.FUNDING: -0.000023,
        ContextField.OPEN_INTEREST: 36201.7054,
        ContextField.BID: 64652.0,
        ContextField.ASK: 64652.1,
        ContextField.BID_QUANTITY: 3.4742,
        ContextField.ASK_QUANTITY: 2.3549,
    }
    assert found.canary == 1785088069374


def test_a_book_tells_coins_and_comes_out_in_coins() -> None:
    """Between them it has the unit of the liquidations, the quote coin."""
    found, instruments = decode("books50_written")
    assert found.books.bids[0][1] == (64651.9, 0.5 * 64651.9)
    (top,) = context_events(found, instruments, ts_recv=1)
    assert vars_of(top, "bid", "bid_quantity", "ask", "ask_quantity") == pytest.approx((64652, 3.4742, 64652.1, 2.3549))


def vars_of(event: object, *names: str) -> tuple[float, ...]:
    return tuple(getattr(event, name) for name in names)


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [("subscribe_ack_docs", ControlKind.ACK, ""), ("error_written", ControlKind.REFUSED, "30001")],
)
def test_answers(name: str, kind: ControlKind, code: str) -> None:
    found, _ = decode(name)
    assert [(each.kind, each.code) for each in found.controls] == [(kind, code)]


def test_every_payload_is_understood() -> None:
    """No frame lies in the folder unseen."""
    for path in FRAMES.glob("*.json"):
        found, _ = decode(path.stem)
        assert not found.faults, path.name
