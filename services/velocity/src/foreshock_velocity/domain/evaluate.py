"""From the state of the windows to the columns of an output."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from foreshock_model.derivatives import Thirds, of_rate, scale
from foreshock_model.metrics import WindowMetrics
from foreshock_velocity.domain.arrays import Array
from foreshock_velocity.domain.book import Book
from foreshock_velocity.domain.windows import MIDDLE, NEWEST, OLDEST, PARTS, STEPS_PER_USD


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


def evaluate(book: Book, chosen: Selection, windows_ms: tuple[int, ...], *, warming: bool) -> WindowMetrics:
    """Read windows, totals, marks and derivatives of symbols whose pairs stand at their frontiers."""
    windows, symbols = book.windows, book.symbols
    # Venues come first here: what is added up over them then lies in long rows.
    slots = windows.slot.take(chosen.pairs.T)
    parts, top = windows.parts.take(slots, axis=0), windows.top.take(slots, axis=0)
    largest = top / np.float32(STEPS_PER_USD)
    totals = windows.totals.take(chosen.pairs, axis=0).swapaxes(1, 2)
    whole = _whole(parts).transpose(1, 2, 0, 3, 4)
    over_all = np.add.reduce(parts, axis=0)
    thirds = Thirds(over_all[..., OLDEST], over_all[..., MIDDLE], over_all[..., NEWEST])
    acceleration, jerk = of_rate(Thirds(*(each.swapaxes(2, 3) for each in thirds)), scale(windows_ms))
    return WindowMetrics(
        symbols=tuple(book.registry.symbols[each] for each in chosen.ids.tolist()),
        venues=chosen.venues,
        windows_ms=windows_ms,
        warming=warming,
        as_of=chosen.as_of,
        ts_recv=chosen.recv,
        mark=symbols.mark[chosen.ids],
        mark_ts=symbols.mark_ts[chosen.ids],
        count=whole[..., 0],
        usd=whole[..., 1] / STEPS_PER_USD,
        total_count=totals[..., 0],
        total_usd=totals[..., 1] / STEPS_PER_USD,
        acceleration=acceleration[:, :, 1] / STEPS_PER_USD,
        jerk=jerk[:, :, 1] / STEPS_PER_USD,
        count_acceleration=acceleration[:, :, 0],
        count_jerk=jerk[:, :, 0],
        largest=largest.transpose(1, 2, 0, 3),
        count_oldest=thirds.oldest[..., 0],
        count_middle=thirds.middle[..., 0],
        count_newest=thirds.newest[..., 0],
        usd_oldest=thirds.oldest[..., 1] / STEPS_PER_USD,
        usd_middle=thirds.middle[..., 1] / STEPS_PER_USD,
        usd_newest=thirds.newest[..., 1] / STEPS_PER_USD,
        usd_unit=_unit(book, chosen.ids, _whole(over_all), np.maximum.reduce(largest, axis=0, initial=0)),
    )


def _whole(parts: Array) -> Array:
    """Add up the parts of windows, (..., 4): sums of columns, which cost less than those of so short an axis."""
    whole: Array = parts[..., 0] + parts[..., 1]
    for part in range(2, PARTS):
        whole += parts[..., part]
    return whole


def _unit(book: Book, ids: Array, sums: Array, largest: Array) -> Array:
    """Return the unit of USD (R, 2, W), NaN without any, from count and 1e-4 USD (R, 2, W, 2) and the largest [USD]."""
    count, usd = sums[..., 0], sums[..., 1]
    mean = np.full(usd.shape, np.nan)
    np.divide(usd, count * STEPS_PER_USD, out=mean, where=count > 0)
    return book.sizes.unit(ids, mean=mean, largest=largest)
