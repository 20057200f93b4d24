"""Frames that wait to be said: in order, bounded, counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from foreshock_feeds.domain.backlog import MOST, Backlog


def test_what_was_not_said_stays_and_what_was_goes() -> None:
    backlog = Backlog()
    backlog.put(["a", "b"])
    assert (backlog.first(), backlog.first()) == ("a", "a")
    backlog.said("a")
    backlog.said("a")
    assert (backlog.first(), len(backlog)) == ("b", 1)
    backlog.said("b")
    assert backlog.first() is None


def test_more_than_a_thousand_push_the_oldest_out_and_are_counted() -> None:
    backlog = Backlog()
    backlog.put(str(number) for number in range(MOST + 3))
    assert (len(backlog), backlog.dropped, backlog.first()) == (1_000, 3, "3")
    backlog.said("0")
    assert backlog.first() == "3", "it went meanwhile; another is first"


@given(st.integers(1, 8), st.lists(st.one_of(st.integers(0, 5), st.none()), max_size=60))
def test_the_newest_are_kept_in_order_and_every_frame_is_said_dropped_or_waiting(
    most: int, steps: list[int | None]
) -> None:
    backlog, given_, said = Backlog(most), list[str](), list[str]()
    for step in steps:
        if step is None:
            frame = backlog.first()
            if isinstance(frame, str):
                backlog.said(frame)
                said.append(frame)
        else:
            new = [f"{len(given_) + at}" for at in range(step)]
            backlog.put(new)
            given_ += new
    waiting = []
    while (frame := backlog.first()) is not None:
        backlog.said(frame)
        waiting.append(frame)
    assert len(waiting) <= most
    assert waiting == given_[len(given_) - len(waiting) :]
    assert said == sorted(said, key=int)
    assert len(said) + len(waiting) + backlog.dropped == len(given_)
