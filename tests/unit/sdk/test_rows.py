from __future__ import annotations

import msgspec
import pytest

from foreshock_sdk import (
    BookDepth,
    ContextField,
    Decoded,
    EventFlag,
    FundingRate,
    Instruments,
    InstrumentSpec,
    LiquidatedSide,
    MarkPrice,
    OpenInterest,
    PriceKind,
    RawLiquidation,
    TopOfBook,
)
from foreshock_sdk.events import imbalance
from foreshock_sdk.identity import event_key, format_key, seed_of
from foreshock_sdk.rows import context_events, liquidation_events

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


def test_a_coarse_history_names_events_as_the_socket_does() -> None:
    """The time stays in ms; the name has the whole second that both tell."""
    found = Decoded()
    for frame, ts_ms in enumerate((1_700_000_000_123, 1_700_000_000_000, 1_700_000_001_000)):
        found.liquidations.append(frame, ROW._replace(ts_event_ms=ts_ms))
    coarse = msgspec.structs.replace(SPEC, identity_ms=1000)
    live, past, later = liquidation_events(found, Instruments("v", [coarse]), ts_recv=99)
    assert live.event_id == past.event_id != later.event_id
    assert live.ts_event == 1_700_000_000_123_000_000


def context_of(*rows: tuple[int, ContextField, float, int]) -> Decoded:
    found = Decoded()
    for frame, field, value, ts_ms in rows:
        found.context.append(frame, 0, field, value, ts_ms)
    return found


def test_context_as_people_see_it() -> None:
    """Prices are per base coin, quantities in base coins: the contract's thousand is taken out."""
    values = {
        ContextField.MARK: 0.02,
        ContextField.INDEX: 0.03,
        ContextField.FUNDING: -0.0001,
        ContextField.OPEN_INTEREST: 7.0,
        ContextField.BID: 0.01,
        ContextField.BID_QUANTITY: 2.0,
        ContextField.ASK: 0.04,
        ContextField.ASK_QUANTITY: 3.0,
    }
    found = context_of(*((0, field, value, 5) for field, value in values.items()))
    events = context_events(found, Instruments("v", [SPEC]), ts_recv=99)
    mark, funding, interest, book = events
    assert {(e.venue, e.symbol, e.raw_symbol, e.ts_event, e.ts_recv) for e in events} == {
        ("v", "XUSDT", "1000XUSDT", 5_000_000, 99)
    }
    assert isinstance(mark, MarkPrice)
    assert (mark.price, mark.index_price) == pytest.approx((0.00002, 0.00003))
    assert isinstance(funding, FundingRate)
    assert funding.rate == -0.0001
    assert isinstance(interest, OpenInterest)
    assert interest.quantity == 7_000
    assert isinstance(book, TopOfBook)
    assert (book.bid, book.bid_quantity, book.ask, book.ask_quantity) == pytest.approx((1e-5, 2_000, 4e-5, 3_000))


def test_a_mark_may_come_alone_and_half_a_book_is_none() -> None:
    found = context_of((0, ContextField.MARK, 1.0, 5), (0, ContextField.BID, 1.0, 5), (0, ContextField.ASK, 2.0, 5))
    (mark,) = context_events(found, Instruments("v", [SPEC]), ts_recv=99)
    assert isinstance(mark, MarkPrice)
    assert mark.index_price is None


def test_each_frame_and_time_is_an_event_of_its_own() -> None:
    found = context_of(*((frame, ContextField.FUNDING, frame / 10, ts) for frame, ts in ((0, 5), (0, 6), (1, 6))))
    events = context_events(found, Instruments("v", [SPEC]), ts_recv=99)
    assert [(e.ts_event // 1_000_000, e.rate) for e in events if isinstance(e, FundingRate)] == [
        (5, 0.0),
        (6, 0.0),
        (6, 0.1),
    ]


def test_the_best_of_a_book_is_seen_in_coins_of_any_contract() -> None:
    linear = InstrumentSpec(
        venue="v", raw_symbol="1000XUSDT", base="X", quote="USDT", contract_value=10, multiplier=1000
    )
    inverse = InstrumentSpec(venue="v", raw_symbol="XUSD", base="X", quote="USD", contract_value=100, inverse=True)
    found = Decoded()
    found.books.append(0, 0, 5, ([(2.0, 3.0), (1.0, 9.0)], [(4.0, 1.0)]))
    found.books.append(0, 1, 5, ([(2.0, 3.0)], [(4.0, 1.0)]))
    found.books.append(1, 1, 6, ([], [(4.0, 1.0)]))
    linear_top, inverse_top = context_events(found, Instruments("v", [linear, inverse]), 9)
    assert isinstance(linear_top, TopOfBook)
    assert isinstance(inverse_top, TopOfBook)
    assert (linear_top.bid, linear_top.ask) == (0.002, 0.004)
    assert (linear_top.bid_quantity, linear_top.ask_quantity) == (30_000.0, 10_000.0)
    assert (inverse_top.bid, inverse_top.bid_quantity, inverse_top.ask_quantity) == (2.0, 150.0, 25.0)


def test_depth_is_told_as_far_as_it_is_known() -> None:
    found = context_of((0, ContextField.DEPTH_BID_10BP, 5.0, 7), (0, ContextField.DEPTH_ASK_100BP, 9.0, 7))
    (depth,) = context_events(found, Instruments("v", [SPEC]), 9)
    assert isinstance(depth, BookDepth)
    assert (depth.bid_10bp, depth.ask_10bp, depth.bid_100bp, depth.ask_100bp) == (5.0, None, None, 9.0)


def test_imbalance_is_between_asks_alone_and_bids_alone() -> None:
    assert [imbalance(3.0, 1.0), imbalance(0.0, 2.0), imbalance(2.0, 0.0), imbalance(0.0, 0.0)] == [0.5, -1.0, 1.0, 0.0]
