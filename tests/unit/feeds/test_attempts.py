"""No more attempts than the venue allows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from foreshock_feeds.domain.attempts import NS, AttemptLimit


def test_the_first_go_at_once_and_the_others_take_turns() -> None:
    limit = AttemptLimit(2, 1.0)
    assert [limit.wait_ns(0) for _ in range(5)] == [0, 0, NS, NS, 2 * NS]
    assert limit.wait_ns(10 * NS) == 0


@given(st.integers(1, 5), st.floats(0.01, 10), st.lists(st.integers(0, 5 * NS), max_size=60))
def test_no_span_sees_more_than_allowed_and_nobody_is_overtaken(most: int, per: float, pauses: list[int]) -> None:
    limit, now, at = AttemptLimit(most, per), 0, list[int]()
    for pause in pauses:
        now += pause
        at.append(now + limit.wait_ns(now))
    assert at == sorted(at)
    assert all(later - earlier >= int(per * NS) for earlier, later in zip(at, at[most:], strict=False))


def test_an_allowance_below_one_is_one() -> None:
    limit = AttemptLimit(0, 1.0)
    assert [limit.wait_ns(0), limit.wait_ns(0)] == [0, NS]


def test_a_rate_below_one_is_one_in_a_longer_time() -> None:
    limit = AttemptLimit.per_second(0.5)
    assert [limit.wait_ns(0), limit.wait_ns(0)] == [0, 2 * NS]
    assert [AttemptLimit.per_second(2.9).wait_ns(0) for _ in range(2)] == [0, 0]


def test_nothing_is_given_while_barred_and_a_shorter_bar_does_not_end_a_longer() -> None:
    limit = AttemptLimit(2, 1.0)
    limit.wait_ns(0)
    limit.bar(9 * NS)
    limit.bar(5 * NS)
    assert limit.barred_ns(4 * NS) == 5 * NS
    assert [limit.wait_ns(NS) for _ in range(3)] == [8 * NS, 8 * NS, 9 * NS]
    assert (limit.barred_ns(9 * NS), limit.barred_ns(10 * NS)) == (0, 0)


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 3 * NS), st.one_of(st.none(), st.integers(0, 9 * NS))), max_size=60),
)
def test_bars_hold_and_the_rate_does_whatever_else_happens(most: int, steps: list[tuple[int, int | None]]) -> None:
    limit, now, barred, at = AttemptLimit(most, 1.0), 0, 0, list[int]()
    for pause, bar in steps:
        now += pause
        if bar is None:
            at.append(now + limit.wait_ns(now))
            assert at[-1] >= barred
        else:
            limit.bar(now + bar)
            barred = max(barred, now + bar)
    assert at == sorted(at)
    assert all(later - earlier >= NS for earlier, later in zip(at, at[most:], strict=False))
