"""Ledger, observation and reconciliation: what is lost, doubled or invented is found, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_lab.domain.facts import Fact, fact_of, rounded
from foreshock_lab.domain.ledger import Ledger
from foreshock_lab.domain.observed import Observed
from foreshock_lab.domain.reconcile import reconcile
from foreshock_model import batch, metric_columns, metrics
from foreshock_model.entries import InputEntry, OutputEntry
from foreshock_model.errors import CodecError
from foreshock_model.metrics import WINDOWS_MS
from foreshock_sdk import EventFlag, InstrumentSpec

REF = batch.InstrumentRef("alpha", "BTCUSDT", "BTCUSDT-PERP.ALPHA", "BTCUSDT")
OTHER = batch.InstrumentRef("alpha", "ETHUSDT", "ETHUSDT-PERP.ALPHA", "ETHUSDT")


def fact(at: int, symbol: str = "BTCUSDT") -> Fact:
    return Fact("alpha", symbol, 0, 1_000 + at, 100.0, 2.0)


def entry(*rows: int, seq: int, flags: int = 0, kind: str = "batch", shift_ms: int = 0) -> InputEntry:
    count = len(rows)
    columns = {name: np.zeros(count, dtype) for name, dtype in batch.LIQUIDATION_COLUMNS}
    columns["price"][:] = 100.0
    columns["quantity"][:] = 2.0
    columns["notional_usd"][:] = 200.0
    columns["flags"][:] = flags
    columns["ts_event"][:] = [(1_000 + at + shift_ms) * 1_000_000 for at in rows]
    columns["event_id"][:] = rows
    data = batch.encode(batch.EventBatch((REF,), columns)) if kind == "batch" else b"{}"
    return InputEntry(kind, "feeds-0", 1, seq, 5, data)


def answer(total: int) -> OutputEntry:
    width, rows, venues = len(WINDOWS_MS), 1, 1
    shapes = {name: (shape, dtype) for name, dtype, shape in metric_columns.layout(rows, venues, width)}
    columns: dict[str, Any] = {name: np.zeros(shape, dtype) for name, (shape, dtype) in shapes.items()}
    columns["total_count"][0, 0, 0] = total
    table = metrics.WindowMetrics(symbols=("BTCUSDT",), venues=("alpha",), **columns)
    return OutputEntry("metrics", 5, metrics.encode(table))


def observed(entries: list[InputEntry], total: int) -> Observed:
    found = Observed()
    for at, each in enumerate(entries):
        found.take_input(0, f"{at}-0", each)
    found.take_output(0, "0-0", answer(total))
    for at in range(1, len(entries)):
        found.take_output(0, f"{at}-0", OutputEntry("empty", 5))
    return found


def sent(*rows: int, recalled: Sequence[int] = ()) -> Ledger:
    ledger = Ledger()
    for at in recalled:
        ledger.offer(fact(at))
    ledger.recall(map(fact, recalled))
    ledger.wrote(map(fact, rows), 1)
    return ledger


def test_a_row_is_sent_once_however_often_it_goes_out() -> None:
    ledger = Ledger()
    rows = [ledger.offer(fact(at)) for at in range(3)]
    ledger.wrote(ledger.facts(rows[:2]), 7)
    ledger.wrote(ledger.facts(rows[:1]), 9)
    assert dict(ledger.sent) == {fact(0): 7, fact(1): 7}
    assert ledger.duplicates_sent == 1
    assert ledger.offered == 3


def test_a_withheld_row_that_went_out_after_all_is_not_throttled() -> None:
    ledger = Ledger()
    rows = [ledger.offer(fact(at)) for at in range(2)]
    ledger.withheld(rows)
    ledger.withheld(rows)
    assert ledger.throttled == 2
    ledger.wrote([fact(0)], 1)
    assert ledger.throttled == 1


def test_what_is_recalled_is_what_happened_and_no_more() -> None:
    ledger = Ledger()
    ledger.offer(fact(0))
    ledger.wrote([fact(1)], 1)
    ledger.recall([fact(0), fact(1), fact(2)])
    assert ledger.recalled == {fact(0), fact(1)}
    assert ledger.expected == 2
    assert len(ledger.sent) == 1


def test_a_clean_run_balances() -> None:
    found = observed([entry(1, 2, seq=1), entry(3, seq=2), entry(seq=3, kind="tick")], total=3)
    account = reconcile(sent(1, 2, 3), found)
    assert (account.sent, account.processed, account.lost) == (3, 3, 0)
    assert (account.duplicates, account.unknown, account.examples) == (0, 0, ())
    assert not found.unanswered
    assert not found.unasked


def test_a_row_that_never_came_is_lost_and_named() -> None:
    account = reconcile(sent(1, 2), observed([entry(1, seq=1)], total=1))
    assert account.lost == 1
    assert "1002" in account.examples[0]


def test_a_row_velocity_did_not_count_is_lost() -> None:
    account = reconcile(sent(1, 2), observed([entry(1, 2, seq=1)], total=1))
    assert (account.processed, account.lost) == (1, 1)


def test_a_row_counted_twice_by_velocity_or_in_the_stream_is_a_duplicate() -> None:
    assert reconcile(sent(1), observed([entry(1, seq=1)], total=2)).duplicates == 1
    assert reconcile(sent(1), observed([entry(1, seq=1), entry(1, seq=2)], total=2)).duplicates == 1


def test_a_repeated_write_is_no_duplicate_and_a_skipped_number_is_seen() -> None:
    found = observed([entry(1, seq=1), entry(1, seq=1), entry(2, seq=4)], total=2)
    assert reconcile(sent(1, 2), found).duplicates == 0
    assert found.repeated_entries == 1
    assert found.missing_entries == 2


def test_a_row_of_a_venues_past_may_come_and_need_not() -> None:
    account = reconcile(sent(1, recalled=(1, 2, 3)), observed([entry(1, 2, seq=1)], total=2))
    assert (account.sent, account.processed, account.recalled) == (1, 1, 1)
    assert (account.lost, account.unknown, account.duplicates) == (0, 0, 0)


def test_a_history_tells_times_to_the_second() -> None:
    ledger = sent(40, 1_700, recalled=(2_300,))
    fetched = entry(0, 1_000, 2_000, seq=1, flags=EventFlag.BACKFILLED)
    account = reconcile(ledger, observed([fetched], total=3))
    assert (account.processed, account.recalled, account.unknown) == (2, 1, 0)
    elsewhere = entry(0, 1_000, 2_000, seq=1)
    assert reconcile(ledger, observed([elsewhere], total=3)).unknown == 3


def test_a_row_nobody_sent_is_unknown() -> None:
    account = reconcile(sent(1), observed([entry(1, 9, seq=1)], total=2))
    assert account.unknown == 1
    assert "unknown" in account.examples[0]


def test_a_row_whose_time_was_corrected_still_matches_its_own() -> None:
    clamped = entry(1, seq=1, flags=EventFlag.CLAMPED, shift_ms=-500)
    assert reconcile(sent(1), observed([clamped], total=1)).lost == 0
    stranger = observed([clamped, entry(1, 2, seq=2)], total=3)
    assert reconcile(sent(1, 2), stranger).unknown == 0
    unflagged = entry(1, seq=1, shift_ms=-500)
    account = reconcile(sent(1), observed([unflagged], total=1))
    assert (account.lost, account.unknown) == (1, 1)


def test_ids_are_compared_where_the_ledger_holds_ids() -> None:
    found = observed([entry(1, 2, 9, seq=1)], total=3)
    ledger = Ledger(by_id=True)
    ledger.wrote([1, 2, 3], 0)
    account = reconcile(ledger, found)
    assert (account.lost, account.unknown) == (1, 1)


def test_unanswered_and_unasked_entries_are_told_apart() -> None:
    found = Observed()
    found.take_output(0, "2-0", OutputEntry("empty", 5))
    found.take_input(0, "1-0", entry(1, seq=1))
    assert (found.unanswered, found.unasked) == ({(0, "1-0")}, {(0, "2-0")})
    found.take_input(0, "2-0", entry(2, seq=2))
    assert not found.unasked
    found.take_input(1, "1-0", entry(seq=1, kind="tick"))
    found.take_output(0, "1-0", OutputEntry("config", 5))
    assert found.unanswered == {(1, "1-0")}
    assert (found.entries, found.answers) == (3, 2)


def test_a_batch_that_cannot_be_read_is_not_swallowed() -> None:
    with pytest.raises(CodecError):
        Observed().take_input(0, "1-0", InputEntry("batch", "w", 1, 1, 1, b"\xff"))


@given(
    st.sets(st.integers(0, 60)),
    st.sets(st.integers(0, 60)),
    st.lists(st.integers(0, 60), max_size=5),
)
def test_reconciliation_is_set_arithmetic(out: set[int], came: set[int], again: list[int]) -> None:
    repeated = [each for each in again if each in came]
    entries = [entry(*sorted(came), seq=1), *(entry(each, seq=2 + at) for at, each in enumerate(repeated))]
    account = reconcile(sent(*out), observed(entries, total=len(came) + len(repeated)))
    assert account.lost == len(out - came)
    assert account.unknown == len(came - out)
    assert account.duplicates == len(repeated)
    assert account.sent == account.processed + account.lost


def test_facts_compare_to_twelve_digits() -> None:
    assert rounded(0.1 + 0.2) == rounded(0.3)
    assert rounded(1.000000001) != rounded(1.0)
    spec = InstrumentSpec(venue="a", raw_symbol="1000X", base="X", quote="USDT", multiplier=1000.0)
    told = fact_of(spec, 1, 5, price=0.02, size=3.0)
    assert told == Fact("a", "1000X", 1, 5, 0.00002, 3000.0)
    assert told.timeless() == told._replace(event_ms=0)
