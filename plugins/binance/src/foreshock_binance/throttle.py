"""The venue's throttle: of every symbol the largest order of a second, told when the second is over."""

from __future__ import annotations

from collections.abc import Sequence

from foreshock_sdk import SimLiquidation

SECOND_MS = 1000


class LargestEachSecond:
    """Keeps one row a symbol a second: that of the row's own time, or the next one still open."""

    def __init__(self) -> None:
        self._fresh: list[SimLiquidation] = []
        self._seconds: dict[int, dict[str, SimLiquidation]] = {}
        self._first_open = 0
        self._withheld: list[int] = []

    def offer(self, rows: Sequence[SimLiquidation]) -> None:
        """Take rows."""
        self._fresh.extend(rows)

    def due(self, now_ms: int) -> list[SimLiquidation]:
        """Return the rows of the seconds that have ended, oldest second first."""
        running = now_ms // SECOND_MS
        for row in self._fresh:
            self._place(row, running)
        self._fresh.clear()
        ended = sorted(second for second in self._seconds if second < running)
        self._first_open = max(self._first_open, running)
        return [row for second in ended for row in self._seconds.pop(second).values()]

    def withheld(self) -> list[int]:
        """Return the rows swallowed since the last call."""
        taken, self._withheld = self._withheld, []
        return taken

    def _place(self, row: SimLiquidation, running: int) -> None:
        second = max(min(row.ts_event_ms // SECOND_MS, running), self._first_open)
        rows = self._seconds.setdefault(second, {})
        held = rows.get(row.raw_symbol)
        if held is None or row.size > held.size:
            rows[row.raw_symbol] = row
        if held is not None:
            self._withheld.append(held.row if row.size > held.size else row.row)
