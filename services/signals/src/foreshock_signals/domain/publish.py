"""What of a step is said, in which order, under which ids."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from foreshock_model import keys
from foreshock_model.signal import Signal
from foreshock_signals.domain.assess import Step
from foreshock_signals.domain.due import Due, due, said_at
from foreshock_signals.domain.episodes import Episodes
from foreshock_signals.domain.outcome import Assessment
from foreshock_signals.domain.speak import Context, Voice
from foreshock_signals.domain.table import SIDES, Rows, SymbolTable

MOST_SIGNALS = 1_024
"""Ids of one input's outputs; what is due beyond is said at the next input of its symbol, changes of level first."""


class Item(NamedTuple):
    """A signal that is due: row within the step that `voice` says, side 0 or 1."""

    symbol: str
    side: int
    changed: bool
    row: int
    voice: Voice


Said = tuple[tuple[Signal, ...], tuple[Assessment, ...]]


class Publisher:
    """Turns steps into signals and figures, and marks in the table what was said."""

    def __init__(self, table: SymbolTable, episodes: Episodes) -> None:
        self._table = table
        self._episodes = episodes

    def say(self, context: Context, steps: list[Step], repeat: int) -> Said:
        """Return the signals in the order of their ids, and the figures to publish; repeat is ns between signals."""
        items: list[Item] = []
        figures: list[tuple[Voice, int]] = []
        for step in steps:
            wanted = due(step.rows, step.clock, repeat)
            chosen = np.flatnonzero(wanted.signal.any(axis=1) | wanted.figures)
            if chosen.size:
                voice = Voice(context, step, chosen)
                items += self._items(voice, wanted)
                figures += [(voice, row) for row in np.flatnonzero(wanted.figures).tolist()]
        # Episodes begin and end with signals; figures then name the ones that are open.
        signals = tuple(self._signal(context, k, item, repeat) for k, item in enumerate(_ordered(items)))
        return signals, tuple(self._figures(voice, row) for voice, row in figures)

    def _items(self, voice: Voice, wanted: Due) -> list[Item]:
        return [
            Item(self._table.symbols[voice.step.at[row]], side, bool(wanted.changed[row, side]), row, voice)
            for row, side in np.argwhere(wanted.signal).tolist()
        ]

    def _signal(self, context: Context, k: int, item: Item, repeat: int) -> Signal:
        step, side = item.voice.step, item.side
        episode = self._episodes.enter(item.symbol, side, context.entry_id)
        name = f"{keys.output_id(context.entry_id, k)}-{item.symbol}-{SIDES[side]}"
        signal = item.voice.signal(item.row, side, item.symbol, (name, episode))
        row: Rows = self._table.rows[step.at[item.row]]
        clock = int(step.clock[item.row])
        row["said"][side] = said_at(int(row["said"][side]), clock, repeat, changed=item.changed)
        row["published"][side] = row["level"][side]
        if not row["level"][side]:
            self._episodes.close(item.symbol, side)
        return signal

    def _figures(self, voice: Voice, row: int) -> Assessment:
        at = voice.step.at[row]
        self._table.rows["assessed"][at] = voice.step.clock[row]
        symbol = self._table.symbols[at]
        return voice.assessment(row, symbol, self._episodes.of(symbol))


def _ordered(items: list[Item]) -> list[Item]:
    """The first MOST_SIGNALS, changes of level before repeats, by symbol and then side."""
    if len(items) > MOST_SIGNALS:
        items = sorted(items, key=lambda item: (not item.changed, item.symbol, item.side))[:MOST_SIGNALS]
    return sorted(items, key=lambda item: (item.symbol, item.side))
