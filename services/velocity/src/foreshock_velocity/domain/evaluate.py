"""From the state of the windows to the columns of an output."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from foreshock_model.metrics import WindowMetrics
from foreshock_velocity.domain.arrays import Array
from foreshock_velocity.domain.book import Book
from foreshock_velocity.domain.derivatives import derivatives
from foreshock_velocity.domain.windows import STEPS_PER_USD


class Selection(NamedTuple):
    """The rows of an output.

    ids (R,) symbols;  as_of (R,) ns UTC they are evaluated for;  recv (R,) ns UTC, 0 for one that only decayed
    pairs (R, V) of these symbols at `venues`
    """

    ids: Array
    as_of: Array
    recv: Array
    pairs: Array
    venues: tuple[str, ...]


@lru_cache(maxsize=8)
def _seconds(windows_ms: tuple[int, ...]) -> Array:
    return np.array(windows_ms) / 1_000


def evaluate(book: Book, chosen: Selection, windows_ms: tuple[int, ...], *, warming: bool) -> WindowMetrics:
    """Read windows, totals, marks and derivatives of symbols whose pairs stand at their frontiers."""
    windows, symbols = book.windows, book.symbols
    count, usd = windows.sum_count[chosen.pairs], windows.sum_usd[chosen.pairs]
    # USD and counts over all venues in one array (2, R, W, sides): derivatives are linear and need one call.
    both = np.empty((2, len(usd), *usd.shape[2:]))
    both[0] = np.add.reduce(usd, axis=1)
    both[0] /= STEPS_PER_USD
    both[1] = np.add.reduce(count, axis=1)
    seconds = _seconds(windows_ms)
    acceleration, jerk = derivatives(both.swapaxes(2, 3) / seconds, seconds)
    return WindowMetrics(
        symbols=tuple(book.registry.symbols[each] for each in chosen.ids.tolist()),
        venues=chosen.venues,
        windows_ms=windows_ms,
        warming=warming,
        as_of=chosen.as_of,
        ts_recv=chosen.recv,
        mark=symbols.mark[chosen.ids],
        mark_ts=symbols.mark_ts[chosen.ids],
        count=count.transpose(0, 3, 1, 2),
        usd=usd.transpose(0, 3, 1, 2) / STEPS_PER_USD,
        total_count=windows.total_count[chosen.pairs].swapaxes(1, 2),
        total_usd=windows.total_usd[chosen.pairs].swapaxes(1, 2) / STEPS_PER_USD,
        acceleration=acceleration[0],
        jerk=jerk[0],
        count_acceleration=acceleration[1],
        count_jerk=jerk[1],
    )
