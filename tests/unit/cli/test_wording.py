from __future__ import annotations

import pytest

from foreshock_cli import wording


@pytest.mark.parametrize(
    ("amount", "text"), [(0, "$0"), (950, "$950"), (12_345, "$12.3k"), (4.12e6, "$4.1M"), (2e9, "$2.0B")]
)
def test_amounts_are_short(amount: float, text: str) -> None:
    assert wording.usd(amount) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (29.6, "30 s"), (9_999.9, "2:46:40"), (946_731, "10 days, 22:58:51")]
)
def test_long_durations_are_told_in_hours_and_days(seconds: float, text: str) -> None:
    assert wording.span(seconds) == text


def test_signals_are_counted_highest_first_without_the_empty_ones() -> None:
    assert wording.counted({"WATCH": 3, "EXTREME": 1_000, "NONE": 9, "ALERT": 0}) == "EXTREME 1,000  WATCH 3"
    assert wording.counted({"NONE": 4}) == "none"
