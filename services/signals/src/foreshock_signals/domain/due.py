"""Which rows are to be said: signals at changes of level and once in a while above NONE, figures less often."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from foreshock_signals.domain.baseline import SECOND
from foreshock_signals.domain.table import Array, Rows

CALM_INTERVAL, BUSY_INTERVAL = SECOND, SECOND // 4
"""How often a symbol's figures are published, below WATCH and from there on."""

AT_ONCE = 32
SPREAD_ENTRIES = 3
"""Of more than AT_ONCE waiting symbols an entry serves one in three: even silent ones, which are looked at once a
second, are served before their keys go away."""


class Due(NamedTuple):
    """signal (R, 2) and changed (R, 2): a signal is due, because the level changed; figures (R,)."""

    signal: Array
    changed: Array
    figures: Array


def due(rows: Rows, clock: Array, repeat: int) -> Due:
    """Return what is due at `clock` (R,) ns; repeat is ns between signals of a level."""
    level = rows["level"]
    changed = level != rows["published"]
    above: Array = level > 0
    signal = changed | (above & (clock[:, None] - rows["said"] >= repeat))
    busy: Array = np.logical_or.reduce(above, axis=1)
    interval = np.where(busy, BUSY_INTERVAL, CALM_INTERVAL)
    urgent: Array = changed.any(axis=1)
    waiting: Array = ~urgent & (clock - rows["assessed"] >= interval)
    return Due(signal, changed, urgent | _spread(rows, waiting, busy))


def _spread(rows: Rows, waiting: Array, busy: Array) -> Array:
    """Return which of the waiting symbols are served now: those in a burst first, then those served longest ago."""
    number = int(waiting.sum())
    if number <= AT_ONCE:
        return waiting
    which = np.flatnonzero(waiting)
    order = np.lexsort((rows["assessed"][which], ~busy[which]))
    chosen: Array = np.zeros_like(waiting)
    chosen[which[order[: max(AT_ONCE, -(-number // SPREAD_ENTRIES))]]] = True
    return chosen


def said_at(said: int, clock: int, repeat: int, *, changed: bool) -> int:
    """Return the time a signal counts as said: repeats keep their rhythm whatever the grid of the input."""
    late = clock - said >= 2 * repeat
    return clock if changed or late else said + repeat
