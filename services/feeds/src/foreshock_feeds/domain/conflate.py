"""Context thinned to what a reader can use: the newest value of each contract and field, ten times a second."""

from __future__ import annotations

from collections import deque
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from foreshock_model.batch import CONTEXT_COLUMNS, Columns, empty, join

Array = npt.NDArray[Any]
Source = TypeVar("Source")
GRID_NS = 100_000_000
"""Every partition gets at least one entry in each slot of this grid, so that every reader's clock goes on."""
SECOND_NS = 1_000_000_000
PER_SECOND = 10
TOLD_NS = 10_000_000_000
"""A value told so lately is not followed by an older one: two sockets bring the same at different speeds."""
FOLD_ROWS = 10_000
"""So many rows are thinned where they wait, whenever they are wanted."""


class Conflation(Generic[Source]):
    """Waiting context of all sources (their `instrument` columns mean different contracts).

    rows: how many wait. conflated: how many gave way to newer ones.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.conflated = 0
        self._waiting: dict[Source, list[Columns]] = {}
        self._told: dict[Source, Columns] = {}
        self._times: deque[int] = deque(maxlen=PER_SECOND)
        self._fold_at = FOLD_ROWS

    def add(self, source: Source, context: Columns) -> None:
        """Take rows, columns of CONTEXT_COLUMNS, in order of arrival."""
        self._waiting.setdefault(source, []).append(context)
        self.rows += context["instrument"].size
        if self.rows > self._fold_at:
            self._fold()

    def release(self, now: int, *, last: bool = False) -> list[tuple[Source, Columns]]:
        """Return the newest value of each contract and field, once in a slot of the grid. now: ns UTC.

        No second holds more than PER_SECOND of these times, whatever their jitter. last: regardless of the time, for
        nothing comes after it.
        """
        if not (self.rows and (last or self._due(now))):
            return []
        self._times.append(now)
        found = [(source, self._newest(source, parts, now)) for source, parts in self._waiting.items()]
        self._waiting, self._fold_at = {}, FOLD_ROWS
        self.conflated += self.rows - sum(rows["instrument"].size for _, rows in found)
        self.rows = 0
        return [(source, rows) for source, rows in found if rows["instrument"].size]

    def _due(self, now: int) -> bool:
        times = self._times
        if times and now < times[-1]:
            times.clear()  # the clock was set back: what was told then says nothing of now
        if times and now // GRID_NS == times[-1] // GRID_NS:
            return False
        return len(times) < PER_SECOND or now - times[0] >= SECOND_NS

    def _newest(self, source: Source, parts: list[Columns], now: int) -> Columns:
        told = self._told.get(source) or empty(CONTEXT_COLUMNS)
        told = _take(told, (told["ts_recv"] > now - TOLD_NS) & (told["ts_recv"] <= now))
        rows = join([told, *parts], CONTEXT_COLUMNS)
        place = newest(rows)
        self._told[source] = _take(rows, place)
        return _take(rows, place[place >= told["instrument"].size])

    def _fold(self) -> None:
        for source, parts in self._waiting.items():
            rows = join(parts, CONTEXT_COLUMNS)
            self._waiting[source] = [_take(rows, newest(rows))]
        before = self.rows
        self.rows = sum(parts[0]["instrument"].size for parts in self._waiting.values())
        self.conflated += before - self.rows
        self._fold_at = FOLD_ROWS + 2 * self.rows


def newest(rows: Columns) -> Array:
    """Return the place of the newest row of each contract and field, in order of arrival.

    Newest is the venue's time; of equal times the one that came last.
    """
    key = rows["instrument"].astype(np.uint32) << np.uint32(8) | rows["field"]
    order = np.lexsort((rows["ts_event"], key))
    sorted_key = key[order]
    last = np.ones(len(order), np.bool_)
    np.not_equal(sorted_key[1:], sorted_key[:-1], out=last[:-1])
    return np.sort(order[last])


def _take(rows: Columns, chosen: Array) -> Columns:
    return {name: values[chosen] for name, values in rows.items()}
