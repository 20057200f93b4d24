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
    assert [budget.spent(1, 10 * MS, 9 * MS) for _ in range(99)] == [None] * 99
    assert budget.spent(1, 10 * MS, 9 * MS) == "decoding takes 9 ms a frame, 5 are allowed (900 ms judged)"


def test_a_busy_machine_is_no_fault_of_the_decoder() -> None:
    budget = DecodeBudget(5.0)
    assert budget.spent(1, 700 * MS) is None
    assert budget.suspected, "by the clock on the wall"
    assert {budget.spent(1, 20 * MS, 4 * MS) for _ in range(200)} == {None}
    assert budget.suspected, "it is looked at as long as it is late"
    assert {budget.spent(1, MS, MS) for _ in range(1_000)} == {None}
    assert not budget.suspected


def test_a_decoder_that_sleeps_is_stopped_though_it_works_little() -> None:
    budget = DecodeBudget(5.0)
    assert budget.spent(1, 700 * MS) is None
    assert budget.spent(1, 700 * MS, MS, 1) == "decoding waits: it takes 700 ms a frame, 5 are allowed (700 ms judged)"
    budget = DecodeBudget(5.0)
    assert {budget.spent(2, 20 * MS) for _ in range(50)} == {None}
    assert {budget.spent(2, 20 * MS, MS, 1) for _ in range(49)} == {None}
    assert budget.spent(2, 20 * MS, MS, 1) == ("decoding waits: it takes 10 ms a frame, 5 are allowed (1000 ms judged)")


def test_waiting_now_and_then_for_the_interpreter_is_no_sleep() -> None:
    budget = DecodeBudget(5.0)
    assert budget.spent(1, 700 * MS) is None
    assert {budget.spent(1, 20 * MS, MS, call % 2) for call in range(200)} == {None}
    assert {budget.spent(1, 4 * MS, MS, 3) for _ in range(1_000)} == {None}, "and it is in time"


def test_one_long_call_is_enough_unless_it_held_many_frames() -> None:
    budget = DecodeBudget(5.0)
    assert [budget.spent(400, 501 * MS), budget.suspected] == [None, False]
    assert [budget.spent(1, 499 * MS), budget.suspected] == [None, False]
    budget = DecodeBudget(5.0)
    assert [budget.spent(1, 501 * MS), budget.suspected] == [None, True]
    words = "decoding takes 502 ms a frame, 5 are allowed (502 ms judged)"
    assert budget.spent(1, 502 * MS, 502 * MS) == words


@given(st.lists(st.tuples(st.integers(1, 4_000), st.floats(0, 1)), max_size=200))
def test_a_decoder_within_its_budget_is_never_stopped(calls: list[tuple[int, float]]) -> None:
    budget = DecodeBudget(5.0)
    for frames, share in calls:
        took = int(frames * 5 * MS * share)
        assert budget.spent(frames, took, took, frames) is None


@given(st.integers(6 * MS, LONGEST_CALL_NS), st.booleans())
def test_a_decoder_above_its_budget_is_stopped_within_three_seconds_of_its_work(each: int, works: bool) -> None:
    budget, spent = DecodeBudget(5.0), 0
    while budget.spent(1, each, each if works else 0, 1) is None:
        spent += each
        assert spent < 3 * JUDGED_NS
