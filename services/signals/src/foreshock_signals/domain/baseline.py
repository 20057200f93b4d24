"""What is usual: slow averages of liquidations and clipped USD by symbol and side, in event time.

The rate is a decayed sum over the seconds it covers, started from the prior as if that had been watched for a minute:

    rate = (prior x 60 s + sum of events x e^(-age/1 h)) / (60 s + integral of e^(-age/1 h))

so a cold start follows the market within minutes, and after an hour the prior is two per cent of it. Events are learnt
from at no more than three times the usual pace. A burst is left out entirely (neither its events nor its seconds), for
ten minutes at most: longer than that, it is what is usual now.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from foreshock_signals.domain.table import Array, Rows

SECOND = 1_000_000_000
MEMORY_SECONDS = 3_600.0
PRIOR_SECONDS = 60.0
LONGEST_GAP_SECONDS = 900.0
"""A longer silence counts as this much: it may have been ours."""
LONGEST_BURST = 600 * SECOND
WARMING = 3_600 * SECOND
SIZE_CAP = 15.0
"""One liquidation counts at most this many usual ones: the 99th percentile of sizes is 14 means."""
FASTEST = 3.0
"""What comes faster than this many times usual waits its turn: the start of a burst must not raise its own bar."""
LONGEST_WAIT_SECONDS = 60.0
"""What would have to wait longer is not learnt from."""

MOST_TOTAL = 1e15
"""No total since a stream began is larger."""


class Usual(NamedTuple):
    """rate: liquidations a second; size: USD of one, clipped; both (R, 2) and positive."""

    rate: Array
    size: Array

    @property
    def usd_rate(self) -> Array:
        """USD a second, (R, 2)."""
        rate: Array = self.rate * self.size
        return rate


def usual(rows: Rows) -> Usual:
    """Return what is usual for the rows, never below their priors."""
    prior_rate, prior_size = rows["prior_rate"][:, None], rows["prior_size"][:, None]
    seconds = rows["exposure"] + PRIOR_SECONDS
    events = rows["events"] + prior_rate * PRIOR_SECONDS
    usd = rows["usd"] + prior_rate * prior_size * PRIOR_SECONDS
    return Usual(
        np.maximum(events / seconds, prior_rate),
        np.maximum(usd / events, prior_size),
    )


def believable(values: Array, limit: float) -> Array:
    """Return the values as float64 with everything that is not a positive number up to `limit` as 0."""
    numbers = values.astype(np.float64)
    # nan_to_num is five times slower than two comparisons, and lets 1e300 through.
    return np.where((numbers > 0) & (numbers <= limit), numbers, 0.0)


def update(rows: Rows, clock: Array, total_count: Array, total_usd: Array) -> None:
    """Bring the averages up to `clock` (R,) ns with totals since the stream began, (R, 2).

    A total that went down (a velocity that lost its state) gives no events and becomes the new start.
    """
    known = rows["last"] > 0
    seconds = np.clip((clock - rows["last"]) / SECOND, 0.0, LONGEST_GAP_SECONDS)[:, None]
    learn = (known[:, None] & ~in_burst(rows, clock)).astype(np.float64)
    events, usd = _share(rows, usual(rows), (total_count, total_usd), (seconds, learn))
    decay = np.exp(seconds / -MEMORY_SECONDS)
    keep = 1.0 - learn * (1.0 - decay)
    rows["events"] = rows["events"] * keep + events
    rows["usd"] = rows["usd"] * keep + usd
    rows["exposure"] = rows["exposure"] * keep + learn * MEMORY_SECONDS * (1.0 - decay)
    rows["total_count"], rows["total_usd"] = total_count, total_usd
    rows["first"] = np.where(known, rows["first"], clock)
    rows["last"] = np.maximum(rows["last"], clock)


def _share(rows: Rows, now: Usual, totals: tuple[Array, Array], time: tuple[Array, Array]) -> tuple[Array, Array]:
    """Return the events and USD that are learnt from in this step; the rest waits, and in a burst is forgotten."""
    seconds, learn = time
    came = np.maximum(totals[0] - rows["total_count"], 0.0)
    waiting = (rows["waiting"] + came) * learn
    waiting_usd = (
        rows["waiting_usd"] + np.clip(totals[1] - rows["total_usd"], 0.0, came * now.size * SIZE_CAP)
    ) * learn
    pace = FASTEST * now.rate
    events = np.minimum(waiting, pace * seconds)
    left = np.minimum(waiting - events, pace * LONGEST_WAIT_SECONDS)
    each = waiting_usd / np.where(waiting > 0, waiting, 1.0)
    rows["waiting"], rows["waiting_usd"] = left, left * each
    return events, events * each


def in_burst(rows: Rows, clock: Array) -> Array:
    """Return (R, 2) bool: a burst is under way that is not yet what is usual."""
    young: Array = (rows["burst"] > 0) & (clock[:, None] - rows["burst"] < LONGEST_BURST)
    return young


def warming(rows: Rows, clock: Array) -> Array:
    """Return (R,) bool: less than an hour is known."""
    fresh: Array = (rows["first"] == 0) | (clock - rows["first"] < WARMING)
    return fresh
