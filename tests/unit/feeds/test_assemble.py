"""Rows wait, and leave as one entry a partition."""

from __future__ import annotations

import pytest

from foreshock_feeds.domain.assemble import ENTRY_ROWS, PIECES, TICK_NS, Assembler
from foreshock_feeds.domain.conflate import GRID_NS
from foreshock_feeds.domain.ingest import Ingest, Ingested
from foreshock_model.batch import CONTEXT_COLUMNS, decode, empty, encode
from foreshock_model.keys import partition_of
from foreshock_sdk.columns import Decoded
from foreshock_sdk.events import ContextField
from foreshock_sdk.instruments import Instruments, InstrumentSpec

SYMBOLS = ("BTC", "ETH", "SOL", "XRP", "DOGE")


def ingest(venue: str, partitions: int) -> Ingest:
    specs = [InstrumentSpec(venue=venue, raw_symbol=base, base=base, quote="USDT") for base in SYMBOLS]
    return Ingest(Instruments(venue, specs), partitions=partitions)


def rows(source: Ingest, *instruments: int, context: int = 0) -> Ingested:
    found = Decoded()
    raw = found.liquidations
    for at, instrument in enumerate(instruments):
        assert raw.frame is not None
        raw.frame.append(0)
        raw.instrument.append(instrument)
        raw.side.append(at % 2)
        raw.price.append(10.0 + at)
        raw.price_kind.append(0)
        raw.size.append(1.0)
        raw.ts_event_ms.append(at + 1)
        raw.identity_a.append(0.0)
        raw.identity_b.append(0.0)
        raw.flags.append(0)
    for _ in range(context):
        found.context.append(0, 0, ContextField.MARK, 1.0, 1)
    return source.rows(found, [10**12])


@pytest.mark.parametrize("partitions", [1, 8])
def test_every_row_of_every_venue_arrives_once_in_the_partition_of_its_symbol(partitions: int) -> None:
    assembler = Assembler(partitions)
    for venue in ("binance", "okx"):
        source = ingest(venue, partitions)
        assembler.add(source, rows(source, 0, 1, 2, 3, 4, 0, context=3))
    assert assembler.rows == 12
    seen = []
    for partition, batch in assembler.cut(5):
        for event in decode(encode(batch)).events():
            assert partition_of(event.symbol, partitions) == partition
            seen.append((event.venue, event.symbol, event.price))
    assert sorted(seen) == sorted(
        (venue, f"{SYMBOLS[i]}USDT", 10.0 + at)
        for venue in ("binance", "okx")
        for at, i in enumerate((0, 1, 2, 3, 4, 0))
    )
    assert assembler.rows == 0
    assert assembler.cut(6) == []


def test_context_rides_in_the_same_entry() -> None:
    assembler = Assembler(1)
    source = ingest("okx", 1)
    assembler.add(source, rows(source, 1, context=2))
    ((_, batch),) = assembler.cut(1)
    assert [ref.symbol for ref in batch.instruments] == ["ETHUSDT", "BTCUSDT"]
    assert batch.context["instrument"].tolist() == [1]
    assert batch.liquidations["instrument"].tolist() == [0]


def test_each_partition_gets_a_tick_in_a_grid_slot_without_an_entry() -> None:
    assembler = Assembler(4)
    assert assembler.due_ticks(0) == [0, 1, 2, 3]
    assert assembler.due_ticks(GRID_NS - 1) == []
    source = ingest("okx", 4)
    assembler.add(source, rows(source, 0))
    ((served, _),) = assembler.cut(GRID_NS + 5)
    assert assembler.due_ticks(GRID_NS + 6) == [p for p in range(4) if p != served]


def test_a_busy_partition_gets_a_tick_at_the_start_and_now_and_then() -> None:
    assembler, source, found = Assembler(1), ingest("okx", 1), []
    for slot in range(1, 2 * TICK_NS // GRID_NS + 1):
        assembler.add(source, rows(source, 0))
        assembler.cut(slot * GRID_NS)
        found += [slot * GRID_NS for _ in assembler.due_ticks(slot * GRID_NS)]
    assert found == [GRID_NS, GRID_NS + TICK_NS]


def test_nothing_is_added_for_no_rows() -> None:
    assembler = Assembler(1)
    source = ingest("okx", 1)
    assembler.add(source, Ingested(rows(source).liquidations, empty(CONTEXT_COLUMNS)))
    assert assembler.cut(1) == []


def test_a_large_backlog_is_cut_into_several_entries() -> None:
    assembler = Assembler(1)
    source = ingest("okx", 1)
    for _ in range(5):
        assembler.add(source, rows(source, *([0] * (ENTRY_ROWS // 2))))
    sizes = [batch.liquidations["price"].size for _, batch in assembler.cut(1)]
    assert sizes == [ENTRY_ROWS, ENTRY_ROWS, ENTRY_ROWS // 2]


def test_context_is_cut_once_in_a_slot_and_liquidations_at_once() -> None:
    assembler, source = Assembler(1), ingest("okx", 1)
    assembler.add(source, rows(source, context=2))
    ((_, first),) = assembler.cut(GRID_NS)
    assert first.context["value"].size == 1, "the newest of both"
    assembler.add(source, rows(source, 0, context=1))
    ((_, second),) = assembler.cut(GRID_NS + 1)
    assert (second.liquidations["price"].size, second.context["value"].size) == (1, 0)
    assert assembler.cut(2 * GRID_NS - 1) == []
    ((_, third),) = assembler.cut(2 * GRID_NS)
    assert (third.liquidations["price"].size, third.context["value"].size) == (0, 1)


def test_while_redis_is_away_the_newest_context_is_kept_for_later() -> None:
    assembler, source = Assembler(1), ingest("okx", 1)
    for slot in range(1, 4):
        assembler.add(source, rows(source, 0, context=1))
        ((_, batch),) = assembler.cut(slot * GRID_NS, context=False)
        assert (batch.liquidations["price"].size, batch.context["value"].size) == (1, 0)
    ((_, batch),) = assembler.cut(4 * GRID_NS)
    assert (batch.liquidations["price"].size, batch.context["value"].size) == (0, 1)
    assert assembler.conflation.conflated == 2


def test_what_comes_last_is_cut_whatever_the_time() -> None:
    assembler, source = Assembler(1), ingest("okx", 1)
    assembler.add(source, rows(source, context=1))
    assembler.cut(GRID_NS)
    assembler.add(source, rows(source, context=1))
    assert assembler.cut(GRID_NS + 1) == []
    assert len(assembler.cut(GRID_NS + 1, last=True)) == 1


def test_ticks_are_seldom_while_nobody_reads_them() -> None:
    assembler = Assembler(2)
    assert assembler.due_ticks(TICK_NS) == [0, 1]
    assert assembler.due_ticks(TICK_NS + GRID_NS, seldom=True) == []
    assert assembler.due_ticks(2 * TICK_NS, seldom=True) == [0, 1]


def test_a_long_wait_takes_the_room_of_its_rows_and_keeps_each_venues_order() -> None:
    assembler = Assembler(1)
    sources = [ingest("okx", 1), ingest("bybit", 1)]
    for number in range(10 * PIECES):
        source = sources[number % 3 % 2]
        found = rows(source, number % 5, context=number % 2)
        found.liquidations["price"][:] = number
        assembler.add(source, found)
    assert assembler.rows == 10 * PIECES
    assert len(assembler._chunks) == 20
    ((_, batch),) = assembler.cut(1)
    seen: dict[str, list[float]] = {}
    for event in batch.events():
        assert event.symbol == f"{SYMBOLS[int(event.price) % 5]}USDT"
        seen.setdefault(event.venue, []).append(event.price)
    assert all(prices == sorted(prices) for prices in seen.values())
    assert sorted(price for prices in seen.values() for price in prices) == list(range(10 * PIECES))
    assert batch.context["value"].size == 2, "one a venue"


def test_large_pieces_are_not_joined_to_larger_ones() -> None:
    assembler = Assembler(1)
    source = ingest("okx", 1)
    for _ in range(PIECES):
        assembler.add(source, rows(source, *([0] * 40)))
    assert len(assembler._chunks) == PIECES
    assert max(batch.liquidations["price"].size for _, batch in assembler.cut(1)) <= ENTRY_ROWS


def test_ticks_that_are_wanted_are_due_at_once_in_every_partition_and_only_once() -> None:
    assembler = Assembler(2)
    assert assembler.due_ticks(TICK_NS) == [0, 1]
    assembler.want_ticks()
    assert assembler.due_ticks(TICK_NS) == [0, 1]
    assert assembler.due_ticks(TICK_NS) == []
