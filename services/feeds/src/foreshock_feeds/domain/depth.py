"""Order books in the venue's units to what is told of them: top of book, and what rests near the mid price."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from foreshock_sdk.columns import Level
from foreshock_sdk.events import ContextField
from foreshock_sdk.instruments import convert

Array = npt.NDArray[Any]
ROUNDING = 1e-12
"""A level on the edge of a band belongs to it, however its decimal price rounds."""

_TOP = (ContextField.BID, ContextField.ASK, ContextField.BID_QUANTITY, ContextField.ASK_QUANTITY)
_BANDS = (
    (ContextField.DEPTH_BID_10BP, ContextField.DEPTH_ASK_10BP, 0.001),
    (ContextField.DEPTH_BID_100BP, ContextField.DEPTH_ASK_100BP, 0.01),
)
_FIELDS = np.array([*_TOP, *(field for band in _BANDS for field in band[:2])], np.uint8)


class Units(NamedTuple):
    """What the contracts of the books (B,) convert by; priced is False where USD cannot be told."""

    contract_value: Array
    usd_sized: Array
    multiplier: Array
    priced: Array


class Told(msgspec.Struct, frozen=True):
    """book: index of the book each row tells of; field: `ContextField`; value in the field's unit; all (n,).

    refused: how many books made no sense.
    """

    book: Array
    field: Array
    value: Array
    refused: int


class _Side(NamedTuple):
    """One side of B good books: levels are (L,), the others (B,), quantities and USD in the units of events."""

    starts: Array
    price: Array
    usd: Array
    best: Array
    best_quantity: Array
    deepest: Array


def tell(bids: Sequence[Sequence[Level]], asks: Sequence[Sequence[Level]], units: Units) -> Told:
    """Tell of B books. Sides hold (price, size) of the venue, best first.

    A depth is told only where the side's levels reach the edge of its band: what a book does not show is missing, not
    zero. Books without one side, with crossed sides, or with numbers that are none are refused as a whole.
    """
    good = _good(bids, asks)
    chosen = np.flatnonzero(good).tolist()
    if not chosen:
        return Told(np.empty(0, np.intp), np.empty(0, np.uint8), np.empty(0), len(good))
    mine = Units(*(column[good] for column in units))
    bid, ask = (_side([side[at] for at in chosen], mine) for side in (bids, asks))
    values = [bid.best, ask.best, bid.best_quantity, ask.best_quantity]
    mid = (bid.best + ask.best) / 2
    for _, _, band in _BANDS:
        values.append(_depth(bid, mid * (1 - band) * (1 - ROUNDING), mine, sign=1))
        values.append(_depth(ask, mid * (1 + band) * (1 + ROUNDING), mine, sign=-1))
    table = np.stack(values, axis=1)
    there = ~np.isnan(table)
    book = np.repeat(np.flatnonzero(good), np.count_nonzero(there, axis=1))
    field = np.broadcast_to(_FIELDS, table.shape)[there]
    return Told(book, field, table[there], len(good) - len(chosen))


def _good(bids: Sequence[Sequence[Level]], asks: Sequence[Sequence[Level]]) -> Array:
    """Return which books make sense, (B,) bool."""
    good = np.array([bool(bid and ask) for bid, ask in zip(bids, asks, strict=True)], np.bool_)
    place = np.flatnonzero(good)
    if not place.size:
        return good
    sides = []
    for side in (bids, asks):
        levels, starts = _flat([side[at] for at in place.tolist()])
        sound = (np.isfinite(levels) & (levels > 0)).all(axis=1)
        good[place] &= np.logical_and.reduceat(sound, starts)
        sides.append((levels[:, 0], starts))
    (bid, bid_starts), (ask, ask_starts) = sides
    good[place] &= np.maximum.reduceat(bid, bid_starts) < np.minimum.reduceat(ask, ask_starts)
    return good


def _flat(side: Sequence[Sequence[Level]]) -> tuple[Array, Array]:
    """Return all levels, (L, 2), and where each book's begin, (B,). No book is empty."""
    sizes = np.fromiter(map(len, side), np.intp, len(side))
    numbers = np.fromiter(chain.from_iterable(chain.from_iterable(side)), np.float64, 2 * int(sizes.sum()))
    return numbers.reshape(-1, 2), np.cumsum(sizes) - sizes


def _side(side: Sequence[Sequence[Level]], units: Units) -> _Side:
    levels, starts = _flat(side)
    book = np.repeat(np.arange(len(side)), np.diff(np.append(starts, len(levels))))
    price, quantity, usd = convert(
        levels[:, 0],
        levels[:, 1],
        units.contract_value[book],
        units.usd_sized[book],
        units.multiplier[book],
    )
    ends = np.append(starts[1:], len(levels)) - 1
    return _Side(starts, price, usd, price[starts], quantity[starts], price[ends])


def _depth(side: _Side, edge: Array, units: Units, *, sign: int) -> Array:
    """Return the USD between the best price and the edge (B,), NaN where it cannot be told. sign: 1 bids, -1 asks."""
    sizes = np.diff(np.append(side.starts, len(side.price)))
    within = sign * side.price >= sign * np.repeat(edge, sizes)
    depth = np.add.reduceat(np.where(within, side.usd, 0.0), side.starts)
    # The last level within the tolerance of the edge reaches it, one beyond does in any case.
    reaches = sign * side.deepest <= sign * edge * (1 + sign * 2 * ROUNDING)
    told: Array = np.where(reaches & units.priced, depth, np.nan)
    return told
