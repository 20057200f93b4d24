"""Rows a venue sends again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from foreshock_feeds.domain.replayed import drop_before, drop_replayed, flag_backfilled
from foreshock_sdk.columns import Decoded, RawLiquidation
from foreshock_sdk.events import EventFlag, LiquidatedSide, PriceKind

NONE, REPLAYED, SNAPSHOT = EventFlag.NONE, EventFlag.REPLAYED, EventFlag.SNAPSHOT
Row = tuple[int, EventFlag]
ROWS = st.lists(st.tuples(st.integers(0, 9), st.sampled_from([NONE, REPLAYED, SNAPSHOT])), max_size=12)


def found_of(rows: list[Row]) -> Decoded:
    found = Decoded()
    for frame, (ms, flags) in enumerate(rows):
        row = RawLiquidation(frame, LiquidatedSide(frame % 2), frame + 0.5, PriceKind(frame % 4), 1.0, ms)
        found.liquidations.append(frame, row._replace(flags=flags))
    return found


def rows_of(found: Decoded) -> list[tuple[int, Row]]:
    rows = found.liquidations
    columns = (rows.instrument, rows.side, rows.price, rows.price_kind, rows.size, rows.identity_a, rows.identity_b)
    assert {len(column) for column in columns} <= {len(rows)}
    assert [int(price) for price in rows.price] == rows.instrument == list(rows.frames)
    assert [number % 2 for number in rows.instrument] == list(rows.side)
    told = zip(rows.ts_event_ms, map(EventFlag, rows.flags), strict=True)
    return list(zip(rows.instrument, told, strict=True))


@given(ROWS, st.one_of(st.none(), st.integers(0, 9)))
def test_old_ones_go_and_all_else_stays_as_it_was(rows: list[Row], after: int | None) -> None:
    found = found_of(rows)
    kept = [
        (number, (ms, flags))
        for number, (ms, flags) in enumerate(rows)
        if flags is NONE or (after is not None and ms > after)
    ]
    assert drop_replayed(found, after) == len(rows) - len(kept)
    assert rows_of(found) == kept


def test_frames_told_by_their_order_are_kept_right() -> None:
    found = found_of([(1, REPLAYED), (2, NONE), (3, REPLAYED)])
    found.liquidations.frame = None
    assert drop_replayed(found, 2) == 1
    assert found.liquidations.frame == [1, 2]


@given(ROWS, st.integers(0, 9))
def test_a_history_holds_no_more_than_was_asked_for_and_says_what_it_is(rows: list[Row], since: int) -> None:
    found = found_of(rows)
    dropped = drop_before(found, since)
    flag_backfilled(found)
    assert dropped == sum(ms < since for ms, _ in rows)
    told = [each for _, each in rows_of(found)]
    assert told == [(ms, flags | EventFlag.BACKFILLED) for ms, flags in rows if ms >= since]
