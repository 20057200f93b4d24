from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from foreshock_sdk import ContextField
from foreshock_sdk.simbooks import SimBooks, changes, ladder

MARK = {ContextField.MARK: 100.0}
LEVELS = st.dictionaries(st.sampled_from([1.0, 2.0, 3.0, 4.0]), st.sampled_from([1.0, 2.0]))


def test_a_ladder_begins_at_the_best_prices_known() -> None:
    bids, asks = ladder({**MARK, ContextField.BID: 99.0, ContextField.BID_QUANTITY: 7.0})
    assert bids[0] == (99.0, 7.0)
    assert asks[0] == (100.0 * 1.0001, 1.0)
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)


@given(LEVELS, LEVELS)
def test_what_changed_makes_the_new_side_of_the_old_one(before: dict[float, float], after: dict[float, float]) -> None:
    book = {**before, **dict(changes(list(before.items()), list(after.items())))}
    assert {price: size for price, size in book.items() if size} == after


def test_the_first_word_is_the_whole_book_and_then_what_changed() -> None:
    books = SimBooks(100)
    assert books.news("A", {}, 0) is None
    assert books.whole("A") is None
    assert books.news("A", MARK, 0) == (ladder(MARK), True)
    assert books.whole("A") == ladder(MARK)
    assert books.news("A", MARK, 99) is None
    assert books.news("A", MARK, 100) == (([], []), False)
