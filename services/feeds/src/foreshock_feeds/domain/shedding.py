"""What an entry holds, and how it is made lighter without losing its number: context goes before anything else."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from foreshock_model.batch import EventBatch, decode, encode
from foreshock_model.entries import InputEntry


class Rows(NamedTuple):
    """Rows of an entry, or of several."""

    context: int = 0
    liquidations: int = 0

    def plus(self, other: Rows) -> Rows:
        """Return the sum."""
        return Rows(self.context + other.context, self.liquidations + other.liquidations)


def rows_of(entry: InputEntry) -> Rows:
    """Count the rows of an entry; a tick has none."""
    if entry.kind != "batch":
        return Rows()
    batch = decode(entry.data)
    return Rows(batch.context["instrument"].size, batch.liquidations["instrument"].size)


def without_context(entry: InputEntry) -> tuple[InputEntry, int]:
    """Return the entry under its own number without context, and how many rows that were.

    One that held nothing else becomes a tick: its time still counts.
    """
    if entry.kind != "batch":
        return entry, 0
    batch = decode(entry.data)
    dropped = batch.context["instrument"].size
    if not dropped:
        return entry, 0
    if not batch.liquidations["instrument"].size:
        return msgspec.structs.replace(entry, kind="tick", data=b""), dropped
    lighter = EventBatch(batch.instruments, batch.liquidations)
    return msgspec.structs.replace(entry, data=encode(lighter)), dropped
