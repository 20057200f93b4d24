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
