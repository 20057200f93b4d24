from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from foreshock_sdk import Decoded
from foreshock_sdk.book import DEEPEST, EVERY_MS, LevelBooks

prices = st.integers(1, 30).map(float)
levels = st.lists(st.tuples(prices, st.integers(0, 4).map(float)), max_size=8)
Levels = list[tuple[float, float]]


def told(books: LevelBooks) -> Decoded:
    out = Decoded()
    books.tell(out)
    return out


def test_a_change_without_a_snapshot_is_no_book() -> None:
    books = LevelBooks()
    assert not books.change(0, 7, [(1.0, 1.0)], [], 1)
    assert len(told(books).books) == 0


def test_a_book_is_told_best_first_with_the_frame_that_changed_it() -> None:
    books = LevelBooks()
    books.snapshot(3, 7, [(1.0, 10.0), (2.0, 20.0)], [(4.0, 40.0), (3.0, 30.0)], 1_000)
    out = told(books)
    assert (out.books.frame, out.books.instrument, out.books.ts_event_ms) == ([3], [7], [1_000])
    assert out.books.bids == [[(2.0, 20.0), (1.0, 10.0)]]
    assert out.books.asks == [[(3.0, 30.0), (4.0, 40.0)]]


def test_a_size_of_nothing_deletes_the_level_and_one_that_is_not_there_is_no_error() -> None:
    books = LevelBooks()
    books.snapshot(0, 1, [(1.0, 1.0), (2.0, 1.0)], [(3.0, 1.0)], 1)
    assert books.change(1, 1, [(2.0, 0.0), (1.5, 0.0)], [(3.0, 2.0)], 2)
    assert told(books).books.bids == [[(1.0, 1.0)]]


def test_books_are_told_at_a_steady_pace_and_the_last_change_is_never_lost() -> None:
    books = LevelBooks()
    books.snapshot(0, 1, [(1.0, 1.0)], [(3.0, 1.0)], 1_000)
    assert len(told(books).books) == 1
    books.change(0, 1, [(1.0, 2.0)], [], 1_000 + EVERY_MS - 1)
    assert len(told(books).books) == 0
    books.change(0, 1, [], [(3.0, 5.0)], 1_000 + EVERY_MS)
    out = told(books)
    assert (out.books.bids, out.books.asks) == ([[(1.0, 2.0)]], [[(3.0, 5.0)]])
    assert len(told(books).books) == 0


def test_a_book_with_a_hole_waits_for_its_snapshot() -> None:
    books = LevelBooks()
    books.snapshot(0, 1, [(1.0, 1.0)], [], 1)
    books.forget(1)
    assert len(told(books).books) == 0
    assert not books.change(0, 1, [(1.0, 2.0)], [], 500)
    books.snapshot(0, 1, [(9.0, 1.0)], [], 600)
    assert told(books).books.bids == [[(9.0, 1.0)]]


def test_only_the_nearest_levels_are_told() -> None:
    books = LevelBooks()
    books.snapshot(0, 1, [(float(price), 1.0) for price in range(1, DEEPEST + 10)], [], 1)
    side = told(books).books.bids[0]
    assert (len(side), side[0][0]) == (DEEPEST, float(DEEPEST + 9))


@given(st.lists(st.tuples(st.booleans(), levels, levels), max_size=12))
def test_a_book_is_what_a_plain_dictionary_says(steps: list[tuple[bool, Levels, Levels]]) -> None:
    books, bids, asks = LevelBooks(), dict[float, float](), dict[float, float]()
    books.snapshot(0, 0, (), (), 1)
    for number, (fresh, some_bids, some_asks) in enumerate(steps):
        if fresh:
            bids.clear()
            asks.clear()
            books.snapshot(0, 0, some_bids, some_asks, 1_000 * number + 2)
        else:
            books.change(0, 0, some_bids, some_asks, 1_000 * number + 2)
        for side, changes in ((bids, some_bids), (asks, some_asks)):
            side.update(dict(changes))
            for price in [price for price, size in side.items() if not size]:
                del side[price]
        out = told(books)
        assert out.books.bids == [sorted(bids.items(), reverse=True)]
        assert out.books.asks == [sorted(asks.items())]
