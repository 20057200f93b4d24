"""What a venue's refusal asks of us."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_feeds.domain.refusal import LONGEST_SECONDS, NS, pause_asked

NOW = 1_790_000_000


@pytest.mark.parametrize("status", [200, 400, 404, 500, 503])
def test_other_answers_ask_for_nothing(status: int) -> None:
    assert pause_asked(status, "7", 0) is None


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        (429, "7", 7.0),
        (429, " 7 ", 7.0),
        (429, None, 10.0),
        (418, None, 120.0),
        (403, None, 60.0),
        (418, "0", 0.0),
        (429, "soon", 10.0),
        (429, "-5", 10.0),
        (429, "²", 10.0),
        (429, "Wed, 99 Foo 2026 00:00:00 GMT", 10.0),
        (429, "9" * 40, LONGEST_SECONDS),
    ],
)
def test_seconds_are_obeyed_and_what_makes_no_sense_is_the_usual_pause(
    status: int, header: str | None, seconds: float
) -> None:
    assert pause_asked(status, header, NOW * NS) == seconds


def test_a_date_is_obeyed_and_one_that_is_past_means_now() -> None:
    date = format_datetime(datetime.fromtimestamp(NOW + 30, UTC), usegmt=True)
    assert pause_asked(429, date, NOW * NS) == 30
    assert pause_asked(429, date, (NOW + 31) * NS) == 0


@given(st.sampled_from([403, 418, 429]), st.text(max_size=40), st.integers(0, 2**62))
def test_whatever_is_said_the_pause_is_a_number_within_bounds(status: int, header: str, now: int) -> None:
    pause = pause_asked(status, header, now)
    assert pause is not None
    assert 0 <= pause <= LONGEST_SECONDS
