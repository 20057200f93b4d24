"""An event counts once, whoever tells of it and however often."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.velocity.entries_made import MS, NOW, SECOND, Price, Row, Writer, metrics_of, row_of

from foreshock_model.metrics import WindowMetrics
from foreshock_velocity.domain import VelocityState
from foreshock_velocity.domain.repeats import AGE_NS


def totals(metrics: WindowMetrics) -> tuple[int, float]:
    row = row_of(metrics)
    return int(metrics.total_count[row].sum()), float(metrics.total_usd[row].sum())


def test_what_two_processes_tell_counts_once() -> None:
    state, one, other = VelocityState(), Writer("feeds:0"), Writer("feeds:1")
    state.advance("1-0", one.batch(NOW, Row(usd=5.0, key=7), Row(usd=6.0, key=8)))
    answer = state.advance("1-1", other.batch(NOW + MS, Row(usd=6.0, key=8), Row(usd=7.0, key=9)))
    assert totals(metrics_of(answer)) == (3, 18.0)
    assert (state.counters.events, state.counters.doubled) == (3, 1)


def test_an_entry_of_repeats_touches_nothing() -> None:
    state, one, other = VelocityState(), Writer("feeds:0"), Writer("feeds:1")
    state.advance("1-0", one.batch(NOW, Row(key=7)))
    assert state.advance("1-1", other.batch(NOW + MS, Row(key=7))).kind == "empty"
    assert state.newest_recv == 0
    mark = other.batch(NOW + 2 * MS, Row(key=7), Price(9.0, NOW + 2 * MS))
    assert totals(metrics_of(state.advance("1-2", mark))) == (1, 1_000.0), "the price beside it is news"


def test_equal_rows_without_identity_all_count() -> None:
    state, writer = VelocityState(), Writer()
    assert totals(metrics_of(state.advance("1-0", writer.batch(NOW, Row(), Row())))) == (2, 2_000.0)
    assert state.counters.doubled == 0


def test_in_a_calm_market_keys_are_known_for_ten_minutes_and_then_go() -> None:
    state, writer = VelocityState(), Writer()
    later = [NOW, NOW + AGE_NS, NOW + 2 * AGE_NS]
    state.advance("1-0", writer.batch(later[0], Row(ts=later[0], key=7)))
    state.advance("1-1", writer.batch(later[1] - SECOND, Row(ts=later[1] - SECOND, key=8)))
    state.advance("1-2", writer.batch(later[1], Row(ts=later[1], key=8), Row(ts=later[1], key=7)))
    assert (state.counters.events, state.counters.doubled) == (2, 2)
    state.advance("1-3", writer.batch(later[2], Row(ts=later[2], key=7)))
    assert (state.counters.events, state.counters.doubled) == (3, 2)


@given(st.integers(0, 2**32), st.integers(0, 30))
def test_a_second_writer_and_a_snapshot_change_no_total(seed: int, cut: int) -> None:
    """Two processes tell the same rows in their own order and batches: the totals are those of one."""
    dice = random.Random(seed)
    rows = [Row(usd=float(key), ts=NOW + dice.randrange(1_000) * MS, key=key) for key in range(1, 31)]
    alone, pair = VelocityState(), VelocityState()
    alone.advance("1-0", Writer().batch(NOW + SECOND, *rows))
    writers = [Writer("feeds:0"), Writer("feeds:1")]
    told = [(writer, row) for writer in writers for row in dice.sample(rows, len(rows))]
    dice.shuffle(told)
    for at, (writer, row) in enumerate(told):
        if at == cut:
            pair = VelocityState.load(pair.dump())
        pair.advance(f"2-{at}", writer.batch(NOW + SECOND, row))
    ends = [state.advance("9-0", Writer("end").batch(NOW + SECOND, Row(usd=1.0, key=99))) for state in (alone, pair)]
    assert totals(metrics_of(ends[0])) == totals(metrics_of(ends[1])) == (31, 466.0)
