"""What velocity takes from a batch: rows that can be counted, and the newest mark price of each contract."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from foreshock_model.batch import Columns
from foreshock_sdk.events import ContextField
from foreshock_velocity.domain.arrays import Array
from foreshock_velocity.domain.windows import SIDES, STEPS_PER_USD

LARGEST_USD = 1e10
"""A liquidation or a coin above ten billion USD is neither: the largest ever seen were 0.1 billion and 0.1 million."""


TAKEN = ("instrument", "liquidated_side", "price", "notional_usd", "ts_event", "ts_recv")


class Rows(NamedTuple):
    """Liquidations as parallel (N,) arrays.

    ref    index into the batch's instruments;  side 0 LONG, 1 SHORT;  usd in 1e-4 USD
    ts     ns UTC of the event, no later than now;  recv ns UTC of receipt
    """

    ref: Array
    side: Array
    usd: Array
    ts: Array
    recv: Array

    def where(self, keep: Array) -> Rows:
        """Return the rows for which `keep` (N,) is True."""
        return Rows(*(column[keep] for column in self))


class Newest(NamedTuple):
    """Newest value of one contract in a batch, in the unit of its field; times ns UTC."""

    ref: int
    value: float
    ts: int
    recv: int


def select(columns: Columns, now: int) -> tuple[Rows, int]:
    """Return the rows that can be counted, and the number of those set to `now` because they lay after it.

    A row whose price or notional is not a positive, finite, sensible number, or whose side is none, is left out.
    USD are rounded to a step, and up to one.
    """
    # Columns are views of bytes, mostly at odd addresses, where each operation costs several times as much.
    columns = {name: columns[name].copy() for name in TAKEN}
    price, notional, side = columns["price"], columns["notional_usd"], columns["liquidated_side"]
    # minimum and maximum hand NaN on, and NaN compares False
    good = (np.minimum(price, notional) > 0) & (np.maximum(price, notional) <= LARGEST_USD) & (side < SIDES)
    if np.count_nonzero(good) < len(good):
        columns = {name: column[good] for name, column in columns.items()}
    ts = columns["ts_event"]
    ahead = int(np.count_nonzero(ts > now))
    usd = columns["notional_usd"] * STEPS_PER_USD
    usd = np.maximum(np.rint(usd, out=usd), 1.0, out=usd).astype(np.int64)
    rows = Rows(
        columns["instrument"],
        columns["liquidated_side"].astype(np.int64),
        usd,
        np.minimum(ts, now) if ahead else ts,
        columns["ts_recv"],
    )
    return rows, ahead


def marks(columns: Columns) -> list[Newest]:
    """Return the last usable mark price [USD a base coin] of each contract, in the order of the batch's instruments."""
    value = columns["value"]
    return _newest(columns, (columns["field"] == ContextField.MARK) & (value > 0) & (value < np.inf))


def fundings(columns: Columns) -> list[Newest]:
    """Return the last usable funding rate [fraction] of each contract, in the order of the batch's instruments."""
    return _newest(columns, (columns["field"] == ContextField.FUNDING) & (np.abs(columns["value"]) < 1))


def _newest(columns: Columns, wanted: Array) -> list[Newest]:
    at = np.flatnonzero(wanted)
    if not at.size:
        return []
    ref = columns["instrument"][at]
    last = np.full(int(ref.max()) + 1, -1)
    last[ref] = at  # of equal indices the last one stays
    at = last[last >= 0]
    picked = (columns[name][at].tolist() for name in ("instrument", "value", "ts_event", "ts_recv"))
    return [Newest(*each) for each in zip(*picked, strict=True)]
