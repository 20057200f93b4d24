"""A decoder may take so much time and no more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from foreshock_feeds.domain.decode_budget import JUDGED_NS, LONGEST_CALL_NS, DecodeBudget

MS = 1_000_000


def test_a_decoder_is_judged_by_a_second_of_its_work() -> None:
    budget = DecodeBudget(5.0)
    assert [budget.spent(1, 10 * MS) for _ in range(99)] == [None] * 99
    assert budget.spent(1, 10 * MS) == "decoding takes 10 ms a frame, 5 are allowed (1000 ms judged)"
    assert budget.spent(1, 10 * MS) is None, "the next second is judged anew"


def test_one_long_call_is_enough_unless_it_held_many_frames() -> None:
    assert DecodeBudget(5.0).spent(1, 501 * MS) == "decoding takes 501 ms a frame, 5 are allowed (501 ms judged)"
    assert DecodeBudget(5.0).spent(400, 501 * MS) is None
    assert DecodeBudget(5.0).spent(1, 499 * MS) is None


@given(st.lists(st.tuples(st.integers(1, 4_000), st.floats(0, 1)), max_size=200))
def test_a_decoder_within_its_budget_is_never_stopped(calls: list[tuple[int, float]]) -> None:
    budget = DecodeBudget(5.0)
    assert all(budget.spent(frames, int(frames * 5 * MS * share)) is None for frames, share in calls)


@given(st.integers(6 * MS, LONGEST_CALL_NS))
def test_a_decoder_above_its_budget_is_stopped_within_two_seconds_of_its_work(each: int) -> None:
    budget, spent = DecodeBudget(5.0), 0
    while budget.spent(1, each) is None:
        spent += each
        assert spent < 2 * JUDGED_NS
