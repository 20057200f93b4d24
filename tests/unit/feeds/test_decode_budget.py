"""A decoder may take so much time and no more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from foreshock_feeds.domain.decode_budget import JUDGED_NS, LONGEST_CALL_NS, DecodeBudget

MS = 1_000_000


def test_a_decoder_is_judged_by_a_second_of_its_work_and_then_by_another_of_processor_time() -> None:
    budget = DecodeBudget(5.0)
    assert [budget.spent(1, 10 * MS) for _ in range(100)] == [None] * 100
    assert budget.suspected
    assert [budget.spent(1, 10 * MS) for _ in range(99)] == [None] * 99
    assert budget.spent(1, 10 * MS) == "decoding takes 10 ms a frame, 5 are allowed (1000 ms judged)"


def test_a_busy_machine_is_no_fault_of_the_decoder() -> None:
    budget = DecodeBudget(5.0)
    assert budget.spent(1, 700 * MS) is None
    assert budget.suspected, "by the clock on the wall"
    assert {budget.spent(1, MS) for _ in range(1_000)} == {None}
    assert not budget.suspected, "a second of processor time said otherwise"


def test_one_long_call_is_enough_unless_it_held_many_frames() -> None:
    budget = DecodeBudget(5.0)
    assert [budget.spent(400, 501 * MS), budget.suspected] == [None, False]
    assert [budget.spent(1, 499 * MS), budget.suspected] == [None, False]
    budget = DecodeBudget(5.0)
    assert [budget.spent(1, 501 * MS), budget.suspected] == [None, True]
    assert budget.spent(1, 502 * MS) == "decoding takes 502 ms a frame, 5 are allowed (502 ms judged)"


@given(st.lists(st.tuples(st.integers(1, 4_000), st.floats(0, 1)), max_size=200))
def test_a_decoder_within_its_budget_is_never_stopped(calls: list[tuple[int, float]]) -> None:
    budget = DecodeBudget(5.0)
    assert all(budget.spent(frames, int(frames * 5 * MS * share)) is None for frames, share in calls)


@given(st.integers(6 * MS, LONGEST_CALL_NS))
def test_a_decoder_above_its_budget_is_stopped_within_three_seconds_of_its_work(each: int) -> None:
    budget, spent = DecodeBudget(5.0), 0
    while budget.spent(1, each) is None:
        spent += each
        assert spent < 3 * JUDGED_NS
