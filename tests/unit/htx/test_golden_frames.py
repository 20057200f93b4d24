"""Every payload we have of the venue, decoded to checked values."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from foreshock_htx.connector import HtxConnector
from foreshock_htx.decoder import HtxDecoder
from foreshock_sdk import ContextField, ControlKind, Decoded, EventFlag, Instruments, LiquidatedSide, PriceKind
from foreshock_sdk.connector import RestRequest
from foreshock_sdk.rows import liquidation_events

FRAMES = Path(__file__).parent / "frames"
LONG, SHORT = LiquidatedSide.LONG, LiquidatedSide.SHORT
CANARY = "linear-swap-notification:public.*.contract_info"


def decode(name: str, canary: str = CANARY) -> tuple[Decoded, Instruments]:
    instruments = Instruments("htx")
    return HtxDecoder(canary, instruments).feed([(FRAMES / f"{name}.json").read_text()]), instruments


@pytest.mark.parametrize(
    ("name", "instrument", "side", "price", "quantity", "notional", "ts_ms"),
    [
        (*("linear_2020", "BTCUSDT-PERP.HTX", LONG), *("23350.5", "0.227", "5300.5635"), 1608226502284),
        (*("linear_live_2026-09-18", "ETHUSDT-PERP.HTX", SHORT), *("2446.26", "5", "12231.3"), 1789670297212),
        (
            *("coin_swap_2020", "ETHUSD-PERP.HTX", SHORT),
            *("229.95", Decimal(2310) / Decimal("229.95"), "2310"),
            1593610492167,
        ),
        (
            *("coin_futures_2020", "BTCUSD-200703.HTX", LONG),
            *("9062.71", Decimal(145_000) / Decimal("9062.71"), "145000"),
            1593561769833,
        ),
    ],
)
def test_liquidation(
    name: str,
    instrument: str,
    side: LiquidatedSide,
    price: str,
    quantity: Decimal | str,
    notional: str,
    ts_ms: int,
) -> None:
    """Selling closes a long; volume counts contracts, of 100 USD for bitcoin and 10 USD for other coins."""
    found, instruments = decode(f"liquidation_{name}")
    (event,) = liquidation_events(found, instruments, ts_recv=1)

    assert not found.faults
    assert (event.instrument, event.liquidated_side) == (instrument, side)
    assert (event.price, event.price_kind) == (float(price), PriceKind.BANKRUPTCY)
    assert event.quantity == pytest.approx(float(quantity), rel=1e-12)
    assert event.notional_usd == pytest.approx(float(notional), rel=1e-12)
    assert event.ts_event == ts_ms * 1_000_000


def test_gzip_is_unpacked() -> None:
    text = (FRAMES / "liquidation_linear_2020.json").read_bytes()
    plain, packed = (HtxDecoder(CANARY, Instruments("htx")).feed([frame]) for frame in (text, gzip.compress(text)))
    assert packed.liquidations.size == plain.liquidations.size == [227.0]


def test_history() -> None:
    instruments, body = Instruments("htx"), (FRAMES / "rest_liquidation_orders_docs.json").read_bytes()
    found = HtxConnector().parse_backfill(RestRequest(name="linear-swap-x", url=""), body, instruments)
    (event,) = liquidation_events(found, instruments, ts_recv=1)
    assert (event.instrument, event.liquidated_side) == ("BTCUSDT-211210.HTX", LONG)
    assert event.notional_usd == pytest.approx(24640.5743, rel=1e-12)
    assert event.flags & EventFlag.BACKFILLED


def test_a_ping_is_answered_with_its_own_time_as_it_was_written() -> None:
    """A text there, a number elsewhere: who answers with a number is dropped after 30 s."""
    found, _ = decode("ping_live_2026-09-18")
    assert [msgspec.json.decode(each) for each in found.replies] == [{"op": "pong", "ts": "1789676355591"}]


def test_the_list_of_contracts_is_the_canary_and_teaches_new_ones() -> None:
    found, instruments = decode("contract_info_docs")
    assert found.canary == 1639122053894
    assert {spec.raw_symbol: spec.contract_value for spec in instruments.specs} == {"MANA-USDT": 10.0, "NKN-USDT": 10.0}
    assert not any(spec.packaged for spec in instruments.specs)


def test_funding_is_told_of_known_contracts() -> None:
    instruments = Instruments("htx", HtxConnector().packaged_specs().specs)
    found = HtxDecoder(CANARY, instruments).feed([(FRAMES / "funding_rate_2022.json").read_text()])
    assert (found.context.field, found.context.value) == ([ContextField.FUNDING], [0.000087224669991579])
    assert len(decode("funding_rate_2022")[0].context) == 0


@pytest.mark.parametrize(
    ("name", "canary", "bids", "asks"),
    [
        ("bbo_docs", "linear-swap-ws:market.BTC-USDT.bbo", [(13064.0, 38.0)], [(13072.3, 205.0)]),
        ("depth_written", "swap-ws:market.BTC-USD.depth.step0", [(13064.0, 38.0), (13063.9, 1.0)], [(13072.3, 205.0)]),
    ],
)
def test_books(name: str, canary: str, bids: list[tuple[float, float]], asks: list[tuple[float, float]]) -> None:
    found, _ = decode(name, canary)
    assert (found.books.bids, found.books.asks) == ([bids], [asks])
    assert found.canary == found.pushed_ms > 0


def test_a_mark_price_is_the_close_of_its_running_minute() -> None:
    found, _ = decode("mark_price_written")
    assert (found.context.field, found.context.value) == ([ContextField.MARK], [13065.2])


@pytest.mark.parametrize("name", ["subscribe_ack", "subbed_docs"])
def test_acknowledgements(name: str) -> None:
    found, _ = decode(name)
    assert [each.kind for each in found.controls] == [ControlKind.ACK]


def test_every_payload_of_the_socket_is_understood() -> None:
    """No frame lies in the folder unseen."""
    for path in FRAMES.glob("*.json"):
        if not path.name.startswith("rest_"):
            found, _ = decode(path.stem)
            assert not found.faults, path.name
