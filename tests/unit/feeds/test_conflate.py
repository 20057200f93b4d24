"""Context is thinned: at most ten values a second of each contract and field, and the last one always comes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from foreshock_feeds.domain import conflate
from foreshock_feeds.domain.conflate import FOLD_ROWS, GRID_NS, PER_SECOND, SECOND_NS, Conflation, newest
from foreshock_model.batch import CONTEXT_COLUMNS, Columns

Row = tuple[int, int, float, int, int]
"""instrument, field, value, ts_event, ts_recv"""
START = 10**18


def columns(rows: Sequence[Row]) -> Columns:
    parts = zip(*rows, strict=True) if rows else ([] for _ in CONTEXT_COLUMNS)
    return {name: np.array(list(part), dtype) for (name, dtype), part in zip(CONTEXT_COLUMNS, parts, strict=True)}


def rows_of(found: Columns) -> list[Row]:
    return list(zip(*(found[name].tolist() for name, _ in CONTEXT_COLUMNS), strict=True))


def one(value: float, ts: int = 0, instrument: int = 0, field: int = 0, now: int = START) -> Columns:
    return columns([(instrument, field, value, now + ts, now)])


def values(released: list[tuple[str, Columns]]) -> list[float]:
    return [value for _, rows in released for value in rows["value"].tolist()]


def test_the_newest_of_each_contract_and_field_stays_in_order_of_arrival() -> None:
    rows = columns([(0, 0, 1.0, 5, 9), (1, 0, 2.0, 5, 9), (0, 1, 3.0, 5, 9), (0, 0, 4.0, 5, 9), (1, 0, 5.0, 4, 9)])
    assert newest(rows).tolist() == [1, 2, 3]


def test_a_slot_of_the_grid_brings_each_value_once() -> None:
    found: Conflation[str] = Conflation()
    found.add("a", one(1.0))
    found.add("a", one(2.0))
    found.add("b", one(3.0))
    assert values(found.release(START)) == [2.0, 3.0]
    found.add("a", one(4.0))
    assert found.release(START + GRID_NS - 1) == []
    assert (found.rows, found.conflated) == (1, 1)
    assert values(found.release(START + GRID_NS)) == [4.0]
    assert found.release(START + 2 * GRID_NS) == []


def test_an_older_value_that_comes_later_is_not_told() -> None:
    found: Conflation[str] = Conflation()
    found.add("a", one(1.0, ts=50))
    found.add("a", one(2.0, ts=40))
    assert values(found.release(START)) == [1.0]
    found.add("a", one(3.0, ts=45))
    assert found.release(START + GRID_NS) == []
    found.add("a", one(4.0, ts=50))
    assert values(found.release(START + 2 * GRID_NS)) == [4.0]
    assert found.conflated == 2


def test_a_clock_that_was_set_back_does_not_silence_anything() -> None:
    found: Conflation[str] = Conflation()
    found.add("a", one(1.0))
    assert values(found.release(START)) == [1.0]
    earlier = START - 3_600 * SECOND_NS
    found.add("a", one(2.0, now=earlier))
    assert values(found.release(earlier)) == [2.0]
    found.add("a", one(3.0, now=earlier + GRID_NS))
    assert values(found.release(earlier + GRID_NS)) == [3.0]


def test_what_waits_long_is_thinned_where_it_waits() -> None:
    found: Conflation[str] = Conflation()
    for number in range(3 * FOLD_ROWS):
        found.add("a", one(float(number), instrument=number % 7))
        assert found.rows <= FOLD_ROWS + 15
    assert sorted(values(found.release(START))) == [3.0 * FOLD_ROWS - at for at in range(7, 0, -1)]
    assert found.conflated == 3 * FOLD_ROWS - 7


arrivals = st.lists(
    st.tuples(
        st.integers(0, 60_000_000),  # ns until the next look
        st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 2), st.integers(0, 1), st.integers(-3, 3))),
    ),
    max_size=80,
)


@given(arrivals, st.sampled_from([3, FOLD_ROWS]))
def test_its_laws(steps: list[tuple[int, list[tuple[str, int, int, int]]]], fold: int) -> None:
    """Of each contract and field: the newest arrives, never more than ten in a second, in the order of their times."""
    found: Conflation[str] = Conflation()
    found._fold_at = fold
    now, sent, told = START, dict[tuple[str, int, int], Row](), list[tuple[int, str, Row]]()
    count = 0
    for wait, news in steps:
        now += wait
        for number, (source, instrument, field, late) in enumerate(news):
            row = (instrument, field, float(count), now + late * 20_000_000 + number, now)
            count += 1
            best = sent.get((source, instrument, field))
            if best is None or row[3] >= best[3]:
                sent[source, instrument, field] = row
            found.add(source, columns([row]))
        told += [(now, source, row) for source, rows in found.release(now) for row in rows_of(rows)]
    told += [(now, source, row) for source, rows in found.release(now, last=True) for row in rows_of(rows)]
    assert found.rows == 0
    assert found.conflated == count - len(told)
    for key, last in sent.items():
        mine = [(at, row) for at, source, row in told if (source, row[0], row[1]) == key]
        assert mine[-1][1] == last
        assert [row[3] for _, row in mine] == sorted(row[3] for _, row in mine)
    times = sorted({at for at, _, _ in told})[:-1]  # the last look is regardless of the time
    for at in times:
        assert sum(at <= each < at + SECOND_NS for each in times) <= PER_SECOND


def test_a_steady_stream_is_told_ten_times_a_second_however_the_looks_are_spaced() -> None:
    chance = np.random.default_rng(3)
    found: Conflation[str] = Conflation()
    looks = np.cumsum(chance.uniform(0.2e6, 12e6, 5_000)).astype(np.int64) + START
    told = []
    for now in looks.tolist():
        found.add("a", one(1.0, now=now))
        told += [now] * len(found.release(now))
    times = np.array(told)
    assert all(np.count_nonzero((times >= at) & (times < at + SECOND_NS)) <= PER_SECOND for at in told)
    seconds = (looks[-1] - looks[0]) / conflate.SECOND_NS
    assert len(told) / seconds > 0.85 * PER_SECOND
