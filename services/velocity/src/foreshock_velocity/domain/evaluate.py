"""From the state of the windows to the columns of an output."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from foreshock_model.derivatives import Thirds, of_rate, third_seconds
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


@lru_cache(maxsize=8)
def _third_seconds(windows_ms: tuple[int, ...]) -> Array:
    return third_seconds(np.array(windows_ms))


def evaluate(book: Book, chosen: Selection, windows_ms: tuple[int, ...], *, warming: bool) -> WindowMetrics:
    """Read windows, totals, marks and derivatives of symbols whose pairs stand at their frontiers."""
    windows, symbols = book.windows, book.symbols
    slots = windows.slot[chosen.pairs]
    parts, largest = windows.parts.take(slots, axis=0), windows.top.take(slots, axis=0) / np.float32(STEPS_PER_USD)
    all_count, all_usd, unit = _over_all(book, chosen.ids, parts, largest)
    seconds = _third_seconds(windows_ms)
    count_rate = of_rate(_thirds(all_count), seconds)
    usd_rate = of_rate(_thirds(all_usd), seconds)
    totals = windows.totals[chosen.pairs].swapaxes(1, 2)
    whole = _whole(parts).swapaxes(1, 2)
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
        acceleration=usd_rate[0],
        jerk=usd_rate[1],
        count_acceleration=count_rate[0],
        count_jerk=count_rate[1],
        largest=largest.swapaxes(1, 2),
        count_oldest=all_count[..., OLDEST],
        count_middle=all_count[..., MIDDLE],
        count_newest=all_count[..., NEWEST],
        usd_oldest=all_usd[..., OLDEST],
        usd_middle=all_usd[..., MIDDLE],
        usd_newest=all_usd[..., NEWEST],
        usd_unit=unit,
    )


def _thirds(parts: Array) -> Thirds:
    return Thirds(parts[..., OLDEST], parts[..., MIDDLE], parts[..., NEWEST])


def _whole(parts: Array) -> Array:
    """Add up the parts of windows, (..., 4): sums of columns, which cost less than those of so short an axis."""
    whole: Array = parts[..., 0] + parts[..., 1]
    for part in range(2, PARTS):
        whole += parts[..., part]
    return whole


def _over_all(book: Book, ids: Array, parts: Array, largest: Array) -> tuple[Array, Array, Array]:
    """Add up venues: parts (R, V, 2, W, 2, 4) with 1e-4 USD, largest (R, V, 2, W) in USD.

    Returns counts (R, 2, W, 4), USD likewise, and the unit of USD (R, 2, W), which is NaN where there is nothing.
    """
    over_all = np.add.reduce(parts, axis=1, dtype=np.float64)
    count, usd = over_all[..., 0, :], over_all[..., 1, :]
    usd /= STEPS_PER_USD
    top = np.maximum.reduce(largest, axis=1, initial=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = _whole(usd) / _whole(count)
    return count, usd, book.sizes.unit(ids, mean=mean, largest=top)
