from __future__ import annotations

import pytest

from foreshock_sdk import (
    Decoded,
    EventFlag,
    Instruments,
    InstrumentSpec,
    LiquidatedSide,
    PriceKind,
    RawLiquidation,
)
from foreshock_sdk.identity import event_key, format_key, seed_of
from foreshock_sdk.rows import liquidation_events

ROW = RawLiquidation(0, LiquidatedSide.SHORT, 0.02, PriceKind.BANKRUPTCY, 5.0, 1_700_000_000_123, 0.02)
SPEC = InstrumentSpec(venue="v", raw_symbol="1000XUSDT", base="X", quote="USDT", multiplier=1000.0, packaged=True)


def test_a_row_as_people_see_it() -> None:
    found = Decoded()
    found.liquidations.append(3, ROW._replace(flags=EventFlag.REPLAYED))
    (event,) = liquidation_events(found, Instruments("v", [SPEC]), ts_recv=99)
    assert list(found.liquidations.frames) == [3]
    assert (event.venue, event.symbol, event.raw_symbol) == ("v", "XUSDT", "1000XUSDT")
    assert (event.liquidated_side, event.price_kind) == (LiquidatedSide.SHORT, PriceKind.BANKRUPTCY)
    assert (event.price, event.quantity) == pytest.approx((0.00002, 5000.0))
    assert event.notional_usd == pytest.approx(0.1)
    assert (event.ts_event, event.ts_recv) == (1_700_000_000_123_000_000, 99)
    assert event.flags == EventFlag.REPLAYED | EventFlag.PACKAGED_SPECS
    key = event_key(seed_of("v", "1000XUSDT"), 1, 1_700_000_000_123, 5.0, (0.02, 0.0))
    assert event.event_id == format_key(key)


def test_twins_of_a_frame_differ_and_a_frame_sent_twice_does_not() -> None:
    found = Decoded()
    for frame in (0, 0, 1, 1):
        found.liquidations.append(frame, ROW)
    ids = [event.event_id for event in liquidation_events(found, Instruments("v", [SPEC]), 1)]
    assert len(set(ids)) == 2
    assert ids[:2] == ids[2:]
