"""Rows a venue sends again: old ones are not live."""

from __future__ import annotations

from itertools import compress

from foreshock_sdk.columns import Decoded
from foreshock_sdk.events import EventFlag

OLD = int(EventFlag.REPLAYED | EventFlag.SNAPSHOT)


def drop_replayed(found: Decoded, after_ms: int | None) -> int:
    """Drop the rows that were sent on subscribing and are not younger than after_ms (venue's time); all if None.

    Returns how many.
    """
    rows = found.liquidations
    if rows.flags.count(0) == len(rows.flags):
        return 0
    told = zip(rows.flags, rows.ts_event_ms, strict=True)
    return _keep(found, [not flags & OLD or (after_ms is not None and ms > after_ms) for flags, ms in told])


def drop_before(found: Decoded, from_ms: int) -> int:
    """Drop the rows of a history that are older than asked for. Returns how many."""
    return _keep(found, [ms >= from_ms for ms in found.liquidations.ts_event_ms])


def flag_backfilled(found: Decoded) -> None:
    """Say of each row that it was fetched after a gap."""
    flags = found.liquidations.flags
    flags[:] = bytes(each | EventFlag.BACKFILLED for each in flags)


def _keep(found: Decoded, kept: list[bool]) -> int:
    rows = found.liquidations
    if all(kept):
        return 0
    rows.frame = list(compress(rows.frames, kept))
    for name in ("instrument", "price", "size", "ts_event_ms", "identity_a", "identity_b"):
        setattr(rows, name, list(compress(getattr(rows, name), kept)))
    for name in ("side", "price_kind", "flags"):
        setattr(rows, name, bytearray(compress(getattr(rows, name), kept)))
    return len(kept) - sum(kept)
