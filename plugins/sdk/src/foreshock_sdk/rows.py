"""Raw liquidations one row at a time, in canonical units: for the tests of plugins and for people."""

from __future__ import annotations

from collections import Counter

from foreshock_sdk.columns import Decoded
from foreshock_sdk.events import EventFlag, LiquidatedSide, LiquidationEvent, PriceKind
from foreshock_sdk.identity import event_key, format_key, seed_of
from foreshock_sdk.instruments import Instruments, convert

NS_PER_MS = 1_000_000


def liquidation_events(found: Decoded, instruments: Instruments, ts_recv: int) -> list[LiquidationEvent]:
    """Return what a decoder found as events; all are taken as received at ts_recv (ns UTC).

    Times are the venue's, not clamped to ts_recv; equal rows of one frame get event ids of their own.
    """
    twins: Counter[tuple[int, int]] = Counter()
    return [_event(found, row, instruments, (ts_recv, twins)) for row in range(len(found.liquidations))]


def _event(
    found: Decoded, row: int, instruments: Instruments, context: tuple[int, Counter[tuple[int, int]]]
) -> LiquidationEvent:
    rows, (ts_recv, twins) = found.liquidations, context
    spec = instruments.specs[rows.instrument[row]]
    identity = (rows.identity_a[row], rows.identity_b[row])
    named = (seed_of(spec.venue, spec.raw_symbol), rows.side[row], rows.ts_event_ms[row], rows.size[row], identity)
    twin = (rows.frames[row], event_key(*named))
    key = event_key(*named, twins[twin])
    twins[twin] += 1
    price, quantity, notional = convert(
        rows.price[row], rows.size[row], spec.contract_value, float(spec.inverse), spec.multiplier
    )
    packaged = EventFlag.PACKAGED_SPECS if spec.packaged else EventFlag.NONE
    return LiquidationEvent(
        venue=spec.venue,
        symbol=spec.symbol,
        instrument=spec.instrument,
        raw_symbol=spec.raw_symbol,
        ts_event=rows.ts_event_ms[row] * NS_PER_MS,
        ts_recv=ts_recv,
        liquidated_side=LiquidatedSide(rows.side[row]),
        price=price,
        price_kind=PriceKind(rows.price_kind[row]),
        quantity=quantity,
        notional_usd=notional,
        multiplier=spec.multiplier,
        flags=EventFlag(rows.flags[row]) | packaged,
        event_id=format_key(key),
    )
