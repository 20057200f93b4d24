"""What a decoder found, one event at a time in canonical units: for the tests of plugins and for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from foreshock_sdk.columns import Decoded
from foreshock_sdk.events import (
    BookDepth,
    ContextField,
    EventFlag,
    FundingRate,
    LiquidatedSide,
    LiquidationEvent,
    MarkPrice,
    OpenInterest,
    PriceKind,
    TopOfBook,
)
from foreshock_sdk.identity import event_key, format_key, seed_of
from foreshock_sdk.instruments import Instruments, InstrumentSpec, convert

NS_PER_MS = 1_000_000
PRICES = frozenset({ContextField.MARK, ContextField.INDEX, ContextField.BID, ContextField.ASK})
QUANTITIES = frozenset({ContextField.OPEN_INTEREST, ContextField.BID_QUANTITY, ContextField.ASK_QUANTITY})
DEPTHS = {
    ContextField.DEPTH_BID_10BP: "bid_10bp",
    ContextField.DEPTH_ASK_10BP: "ask_10bp",
    ContextField.DEPTH_BID_100BP: "bid_100bp",
    ContextField.DEPTH_ASK_100BP: "ask_100bp",
}
BOOK = {
    ContextField.BID: "bid",
    ContextField.BID_QUANTITY: "bid_quantity",
    ContextField.ASK: "ask",
    ContextField.ASK_QUANTITY: "ask_quantity",
}
ContextEvent = MarkPrice | FundingRate | OpenInterest | TopOfBook | BookDepth


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
    ts_ms = rows.ts_event_ms[row] - rows.ts_event_ms[row] % spec.identity_ms
    named = (seed_of(spec.venue, spec.raw_symbol), rows.side[row], ts_ms, rows.size[row], identity)
    twin = (rows.frames[row], event_key(*named))
    key = event_key(*named, twins[twin])
    twins[twin] += 1
    price, quantity, notional = convert(
        rows.price[row], rows.size[row], spec.contract_value, float(spec.usd_sized), spec.multiplier
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


def context_events(found: Decoded, instruments: Instruments, ts_recv: int) -> list[ContextEvent]:
    """Return the context a decoder found as events; all are taken as received at ts_recv (ns UTC).

    Fields of one contract, frame and time make one event of each kind; a top of book only when all its fields came.
    """
    rows, grouped = found.context, dict[tuple[int, int, int], dict[int, float]]()
    for row, place in enumerate(zip(rows.frame, rows.instrument, rows.ts_event_ms, strict=True)):
        spec = instruments.specs[rows.instrument[row]]
        grouped.setdefault(place, {})[rows.field[row]] = _canonical(rows.field[row], rows.value[row], spec.multiplier)
    for place, values in _tops(found, instruments):
        grouped.setdefault(place, {}).update(values)
    return [
        event
        for (_, instrument, ts_ms), values in grouped.items()
        for event in _context_events(values, _place(instruments.specs[instrument], ts_ms * NS_PER_MS, ts_recv))
    ]


def _tops(found: Decoded, instruments: Instruments) -> Iterator[tuple[tuple[int, int, int], dict[int, float]]]:
    """Walk the books that have two sides: their place and the best of each side, canonical."""
    books = found.books
    for row, (bids, asks) in enumerate(zip(books.bids, books.asks, strict=True)):
        if not (bids and asks):
            continue
        spec = instruments.specs[books.instrument[row]]
        unit = (spec.contract_value, float(spec.usd_sized), spec.multiplier)
        bid, bid_quantity, _ = convert(*bids[0], *unit)
        ask, ask_quantity, _ = convert(*asks[0], *unit)
        values = dict[int, float](zip(BOOK, (bid, bid_quantity, ask, ask_quantity), strict=True))
        yield (books.frame[row], books.instrument[row], books.ts_event_ms[row]), values


def _canonical(field: int, value: float, multiplier: float) -> float:
    if field in PRICES:
        return value / multiplier
    return value * multiplier if field in QUANTITIES else value


def _place(spec: InstrumentSpec, ts_event: int, ts_recv: int) -> dict[str, Any]:
    return {
        "venue": spec.venue,
        "symbol": spec.symbol,
        "instrument": spec.instrument,
        "raw_symbol": spec.raw_symbol,
        "ts_event": ts_event,
        "ts_recv": ts_recv,
    }


def _context_events(values: Mapping[int, float], place: dict[str, Any]) -> Iterator[ContextEvent]:
    if ContextField.MARK in values:
        yield MarkPrice(price=values[ContextField.MARK], index_price=values.get(ContextField.INDEX), **place)
    if ContextField.FUNDING in values:
        yield FundingRate(rate=values[ContextField.FUNDING], **place)
    if ContextField.OPEN_INTEREST in values:
        yield OpenInterest(quantity=values[ContextField.OPEN_INTEREST], **place)
    if values.keys() >= BOOK.keys():
        quotes: dict[str, Any] = {name: values[field] for field, name in BOOK.items()}
        yield TopOfBook(**quotes, **place)
    depths: dict[str, Any] = {name: values[field] for field, name in DEPTHS.items() if field in values}
    if depths:
        yield BookDepth(**depths, **place)
