"""What becomes of entries that memory has no room for while Redis is away."""

from __future__ import annotations

from foreshock_feeds.domain.shedding import Rows, rows_of, without_context
from foreshock_feeds.metrics import FeedsMetrics
from foreshock_feeds.spill import Spill
from foreshock_model.entries import InputEntry
from foreshock_runtime.log import get_logger
from foreshock_runtime.streams.writer import PartitionWriter, Waiting

KEPT_ENTRIES = 10_000
"""Entries of a partition in memory; one holds what it got in a slot of the grid."""
ROW_BYTES = 64
"""What a row takes once it is cut into an entry, rounded up."""
log = get_logger("feeds")


def room(partitions: int, buffer_rows: int) -> Waiting:
    """Return what may wait in memory."""
    return Waiting(KEPT_ENTRIES * partitions, buffer_rows * ROW_BYTES)


class Overflow:
    """Keeps a writer within bounds: the oldest entries go to the spill.

    Without a spill, or when the disk refuses, context goes first, the oldest before the newest, then whole entries from
    the oldest on. All that is dropped is counted.
    """

    def __init__(self, writer: PartitionWriter, spill: Spill | None, metrics: FeedsMetrics, most: Waiting) -> None:
        self._writer = writer
        self._spill = spill
        self._metrics = metrics
        self._most = most
        self._refused = ""
        self._told = Rows()

    @property
    def crowded(self) -> bool:
        """Whether half of the room in memory is taken."""
        return not self._writer.waiting.within(self._part(1, 2))

    @property
    def spilled(self) -> int:
        """Bytes on the disk."""
        return self._spill.size if self._spill else 0

    def relieve(self) -> None:
        """Make room when there is none."""
        if self._writer.waiting.within(self._most):
            return
        # Some more than needed, so that it is not done for each entry.
        aim = self._part(9, 10)
        if not self._spilled(aim):
            self._shed(aim)

    def leave(self) -> bool:
        """Put all that waits where a restart finds it. Returns whether that was possible."""
        return self._spilled(Waiting(0, 0))

    def _part(self, of: int, all_: int) -> Waiting:
        return Waiting(self._most.entries * of // all_, self._most.size * of // all_)

    def _spilled(self, aim: Waiting) -> bool:
        if self._spill is None:
            return False
        try:
            self._writer.lighten(aim, self._to_spill)
        except OSError as error:
            if str(error) != self._refused:
                log.warning("spill_refused", reason=str(error))
            self._refused = str(error)
            return False
        finally:
            self._count(self._spill.lost, spilled=self._spill.size)
        self._refused = ""
        return True

    def _to_spill(self, partition: int, entry: InputEntry) -> None:
        if self._spill is not None:
            self._spill.put(partition, entry)

    def _shed(self, aim: Waiting) -> None:
        lost = Rows()

        def strip(_: int, entry: InputEntry) -> InputEntry:
            nonlocal lost
            lighter, rows = without_context(entry)
            lost = lost.plus(Rows(context=rows))
            return lighter

        def drop(_: int, entry: InputEntry) -> None:
            nonlocal lost
            lost = lost.plus(rows_of(entry))

        self._writer.lighten(aim, strip)
        self._writer.lighten(aim, drop)
        self._metrics.dropped(lost.context, lost.liquidations)
        log.error("rows_dropped", context=lost.context, liquidations=lost.liquidations, room=self._most.size)

    def _count(self, lost: Rows, spilled: int) -> None:
        """Count what the spill gave up since it was looked at last."""
        if lost != self._told:
            context, liquidations = lost.context - self._told.context, lost.liquidations - self._told.liquidations
            self._metrics.dropped(context, liquidations)
            log.error("rows_dropped", context=context, liquidations=liquidations, spilled=spilled)
            self._told = lost
