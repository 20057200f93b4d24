"""What a venue's refusal by HTTP status asks of us: how long to leave it alone."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

NS = 1_000_000_000
PAUSES = {429: 10.0, 418: 120.0, 403: 60.0}
"""Seconds by status when the venue names none: too many requests; a ban (Binance's shortest is 2 minutes); a wall."""
LONGEST_SECONDS = 259_200.0
"""Three days, the longest ban that venues announce: a larger number is a mistake."""


def pause_asked(status: int, retry_after: str | None, now: int) -> float | None:
    """Return the seconds to wait, None when the status is no refusal of ours. now: ns UTC.

    retry_after is the header of that name: seconds, or a date.
    """
    if status not in PAUSES:
        return None
    asked = None if retry_after is None else _seconds(retry_after.strip(), now)
    return PAUSES[status] if asked is None else min(max(asked, 0.0), LONGEST_SECONDS)


def _seconds(words: str, now: int) -> float | None:
    if words.isascii() and words.isdecimal():
        return float(words[:9])
    try:
        return parsedate_to_datetime(words).timestamp() - now / NS
    except (ValueError, OverflowError):
        return None
