"""What is kept of a route that another process writes: the last ten seconds, in order, within bounds."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from foreshock_feeds.domain.ingest import Ingested
from foreshock_feeds.domain.standby import FOLD_ROWS, KEPT_NS, LOOSE, PIECE, Standby
from foreshock_model.batch import CONTEXT_COLUMNS, LIQUIDATION_COLUMNS, Columns

SECOND = 10**9
NOW = 1_000 * SECOND


def columns(layout: tuple[tuple[str, str], ...], rows: int, recv: int, **given_: list[float]) -> Columns:
    made = {name: np.zeros(rows, dtype) for name, dtype in layout}
    for name, values in {"ts_recv": [recv] * rows, "ts_event": [recv] * rows, **given_}.items():
        made[name][:] = values
    return made


def rows(recv: int, liquidations: list[int] | None = None, context: list[int] | None = None) -> Ingested:
    """Liquidations named by their ids, and a value each of as many fields."""
    ids, fields = liquidations or [], context or []
    return Ingested(
        columns(LIQUIDATION_COLUMNS, len(ids), recv, event_id=[float(each) for each in ids]),
        columns(CONTEXT_COLUMNS, len(fields), recv, field=[float(each) for each in fields], value=[recv] * len(fields)),
    )


def released(standby: Standby, now: int = NOW) -> tuple[list[int], list[tuple[int, int]]]:
    pieces = standby.release(now)
    ids = [each for piece in pieces for each in piece.liquidations["event_id"].tolist()]
    values = [(f, int(v)) for p in pieces for f, v in zip(p.context["field"], p.context["value"], strict=True)]
    assert all(piece.liquidations["event_id"].size <= PIECE for piece in pieces)
    return ids, values


def test_rows_come_out_once_in_their_order() -> None:
    standby = Standby()
    standby.keep(rows(NOW, [1, 2], [5]), NOW)
    standby.keep(rows(NOW + 1, [3]), NOW + 1)
    assert standby.rows == 4
    assert released(standby, NOW + 1) == ([1, 2, 3], [(5, NOW)])
    assert (standby.rows, released(standby, NOW + 1)) == (0, ([], []))


def test_what_is_older_than_ten_seconds_goes_and_is_no_loss() -> None:
    standby = Standby()
    standby.keep(rows(NOW, [1], [1]), NOW)
    standby.keep(rows(NOW + 6 * SECOND, [2], [2]), NOW + 6 * SECOND)
    standby.keep(rows(NOW + KEPT_NS, [3]), NOW + KEPT_NS)
    assert standby.rows == 3
    assert released(standby, NOW + KEPT_NS) == ([2, 3], [(2, NOW + 6 * SECOND)])
    assert standby.dropped == [0, 0]


def test_a_standby_that_hears_nothing_more_releases_nothing_old() -> None:
    standby = Standby()
    standby.keep(rows(NOW, [1], [1]), NOW)
    assert released(standby, NOW + KEPT_NS) == ([], [])


def test_for_want_of_room_context_goes_first_then_the_oldest_liquidations() -> None:
    standby = Standby(most_rows=5)
    standby.keep(rows(NOW, [1, 2, 3], [1, 2]), NOW)
    standby.keep(rows(NOW, [4]), NOW)
    assert (standby.rows, standby.dropped) == (5, [1, 0])
    standby.keep(rows(NOW, [5, 6, 7]), NOW)
    assert standby.dropped == [2, 2]
    assert released(standby) == ([3, 4, 5, 6, 7], [])


def test_many_small_reads_take_the_room_of_their_rows() -> None:
    standby, number = Standby(), 3 * LOOSE + 5
    for at in range(number):
        standby.keep(rows(NOW, [at]), NOW)
    assert len(standby._liquidations) < LOOSE
    assert released(standby)[0] == list(range(number))


def test_a_large_release_comes_in_pieces() -> None:
    standby, ids = Standby(), list(range(2 * PIECE + 1))
    standby.keep(rows(NOW, ids), NOW)
    assert released(standby)[0] == ids


def test_of_much_context_the_newest_values_stay() -> None:
    standby = Standby()
    fields = list(range(100))
    for at in range(FOLD_ROWS // 50):
        standby.keep(rows(NOW + at, None, fields), NOW + at)
    assert standby.rows < 2 * FOLD_ROWS
    newest = dict(released(standby, NOW + at)[1])
    assert newest == dict.fromkeys(fields, NOW + at)
    assert standby.dropped == [0, 0]


told = st.lists(st.tuples(st.integers(0, 4 * SECOND), st.integers(0, 4), st.integers(0, 3)), max_size=30)


@given(told, st.integers(1, 40), st.integers(0, KEPT_NS))
def test_it_equals_a_list_of_rows(story: list[tuple[int, int, int]], most: int, later: int) -> None:
    """Each liquidation is released, or older than ten seconds, or counted; never more than the bound is kept."""
    standby, now, number = Standby(most), NOW, 0
    sent: list[tuple[int, int]] = []
    for step, liquidations, context in story:
        now += step
        ids = list(range(number, number + liquidations))
        number += liquidations
        sent += [(each, now) for each in ids]
        standby.keep(rows(now, ids, list(range(context))), now)
        assert standby.rows <= most
    young = [each for each, at in sent if at > now + later - KEPT_NS]
    found = released(standby, now + later)[0]
    assert found == young[len(young) - len(found) :], "the newest, in order"
    assert len(young) - len(found) <= standby.dropped[1]
