"""Which rows are to be said: signals at every change of level and once in a while above NONE, figures at a lower rate."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from foreshock_signals.domain.table import Array, Rows


class Due(NamedTuple):
    """signal (R, 2) and changed (R, 2): a signal is due, because the level changed; figures (R,)."""

    signal: Array
    changed: Array
    figures: Array


def due(rows: Rows, clock: Array, repeat: int, intervals: tuple[int, int]) -> Due:
    """Return what is due at `clock` (R,) ns. repeat: ns between signals; intervals: ns between figures, calm and busy."""
    level = rows["level"]
    changed = level != rows["published"]
    above = level > 0
    signal = changed | (above & (clock[:, None] - rows["said"] >= repeat))
    interval = np.where(above.any(axis=1), intervals[1], intervals[0])
    figures = changed.any(axis=1) | (clock - rows["assessed"] >= interval)
    return Due(signal, changed, figures)


def said_at(said: int, clock: int, repeat: int, *, changed: bool) -> int:
    """Return the time a signal counts as said: repeats keep their rhythm whatever the grid of the input."""
    late = clock - said >= 2 * repeat
    return clock if changed or late else said + repeat
