"""From the state of the windows to the columns of an output."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from foreshock_model.metrics import WindowMetrics
from foreshock_model.room import Room, room
from foreshock_velocity.domain.arrays import Array
from foreshock_velocity.domain.book import Book
from foreshock_velocity.domain.windows import MIDDLE, NEWEST, OLDEST, PARTS, RUNNING, STEPS_PER_USD


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
    """Read windows, totals and marks of symbols whose pairs stand at their frontiers."""
    windows, symbols = book.windows, book.symbols
    # Venues come first here: what is added up over them then lies in long rows.
    slots = windows.slot.take(chosen.pairs.T)
    parts, top = windows.parts.take(slots, axis=0), windows.top.take(slots, axis=0)
    made = room(len(chosen.ids), len(chosen.venues), len(windows_ms))
    totals = windows.totals.take(chosen.pairs, axis=0).swapaxes(1, 2)
    sums = _fill(made, parts)
    largest = top / np.float32(STEPS_PER_USD)
    made.largest[...] = largest.transpose(1, 2, 0, 3)
    over_all = _over_venues(np.maximum, largest[None])[0]
    book.sizes.unit(chosen.ids, mean=_mean(sums, made.unit), largest=over_all, out=made.unit)
    return WindowMetrics(
        symbols=tuple([book.registry.symbols[each] for each in chosen.ids.tolist()]),
        venues=chosen.venues,
        windows_ms=windows_ms,
        warming=warming,
        as_of=chosen.as_of,
        ts_recv=chosen.recv,
        mark=symbols.mark.take(chosen.ids),
        mark_ts=symbols.mark_ts.take(chosen.ids),
        total_count=totals[..., 0],
        total_usd=totals[..., 1] / STEPS_PER_USD,
        **made.columns(),
    )


def _fill(made: Room, parts: Array) -> Array:
    """Fill in what follows from parts (V, R, 2, W, 2, 4); return counts and 1e-4 USD over all venues (R, 2, W, 2)."""
    venues, shape = len(parts), parts.shape[1:-1]
    # Part by part in one piece: numpy takes several times as long for a few numbers that lie apart.
    by_part = np.ascontiguousarray(parts.reshape(-1, PARTS).T)
    whole = by_part[RUNNING] + by_part[NEWEST]
    whole += by_part[MIDDLE]
    whole += by_part[OLDEST]
    over_all = _over_venues(np.add, by_part.reshape(PARTS, venues, -1))
    counts_usd = whole.reshape(venues, *shape).transpose(4, 1, 2, 0, 3)
    made.counts[...], made.usd[...] = counts_usd[0], counts_usd[1]
    for third, part in enumerate((OLDEST, MIDDLE, NEWEST)):
        by_kind = over_all[part].reshape(shape).transpose(3, 0, 1, 2)
        made.count_thirds[third], made.usd_thirds[third] = by_kind[0], by_kind[1]
    for usd in (made.usd, made.usd_thirds):
        np.divide(usd, STEPS_PER_USD, out=usd)
    sums: Array = _over_venues(np.add, whole.reshape(1, venues, -1))[0].reshape(shape)
    return sums


def _over_venues(how: np.ufunc, values: Array) -> Array:
    """Reduce values (N, V, ...) over venues, of which there may be but one, or none."""
    reduced: Array = values[:, 0] if values.shape[1] == 1 else how.reduce(values, axis=1, initial=0)
    return reduced


def _mean(sums: Array, out: Array) -> Array:
    """Write the mean size [USD] of counts and 1e-4 USD (R, 2, W, 2), NaN for none, to out (R, 2, W); return that."""
    count, usd = sums[..., 0], sums[..., 1]
    out.fill(np.nan)
    np.divide(usd, count * STEPS_PER_USD, out=out, where=count > 0)
    return out
