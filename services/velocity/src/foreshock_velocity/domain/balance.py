"""Second opinions on the USD that throttled venues hide: other venues, and open interest.

*Other venues.* While nothing is censored the ratio of the throttled venues' USD to that of the others is learnt for
each symbol, over half an hour. Times the others' USD of the last minute it is an estimate that no cap touches.
Venues do not move in lockstep: its logarithm is given an error of 0.7, more while few orders carry it.

*Open interest.* A forced closing takes a contract away unless who takes it over is new; so does a voluntary one. A
drop at the throttled venues, in USD, says little exactly, and its size says something: an error of 1.

The estimates are averaged in logarithms by precision, and never fall below what was seen.
"""

from __future__ import annotations

import numpy as np

from foreshock_velocity.domain.arrays import Array, distinct, pile
from foreshock_velocity.domain.table import Column, Table
from foreshock_velocity.domain.windows import LONG_AGO

LEARN, WATCH = 0, 1
_MEMORY_NS = np.array([1_800.0, 60.0]) * 1e9
CAPPED, FREE = 0, 1
OTHERS_ERROR = 0.7
INTEREST_ERROR = 1.0
ORDER_ERROR = 2.0
"""Error of ln of a sum of one order whose size varies as liquidations do."""
FEWEST_ORDERS = 20.0
LEAST_ERROR = 0.01


class Balance(Table):
    """Columns over symbols.

    stamp (S,) ns UTC of the newest row
    usd, orders (S, 2, 2) decayed sums: kind CAPPED (with what was hidden) or FREE; memory LEARN or WATCH
    """

    COLUMNS = (
        Column("stamp", "<i8", LONG_AGO),
        Column("usd", "<f8", 0, (2, 2)),
        Column("orders", "<f8", 0, (2, 2)),
    )
    stamp: Array
    usd: Array
    orders: Array

    def advance(self, *, symbol: Array, kind: Array, usd: Array, at: Array, teaches: Array) -> None:
        """Take rows: parallel (N,) arrays. teaches: nothing of the symbol was censored then."""
        ids, row = distinct(symbol, self.size)
        newest = self.stamp[ids]
        np.maximum.at(newest, row, at)
        keep = np.exp(-np.minimum(newest - self.stamp[ids], 1 << 60)[:, None] / _MEMORY_NS)[:, None, :]
        self.usd[ids] *= keep
        self.orders[ids] *= keep
        self.stamp[ids] = newest
        aged = np.exp((at - newest[row])[:, None] / _MEMORY_NS)
        aged[:, LEARN] *= teaches
        cell = symbol * 2 + kind
        for memory in (LEARN, WATCH):
            pile(self.orders.reshape(-1, 2)[:, memory], cell, aged[:, memory])
            pile(self.usd.reshape(-1, 2)[:, memory], cell, aged[:, memory] * usd)

    def correct(  # noqa: PLR0913 - estimates, by name
        self, ids: Array, now: int, *, raw: Array, estimate: Array, error: Array, drop_usd: Array
    ) -> Array:
        """Return (N,) by how much what symbols hide is to be multiplied, after the second opinions; from 0 to 3.

        raw, estimate (N,) USD of throttled venues in a minute as seen and as estimated;  error (N,) of ln estimate
        drop_usd (N,) fall of open interest over a minute [USD], NaN where unknown
        """
        others, others_error = self._others(ids, now)
        estimates = np.stack([estimate, others, drop_usd])
        errors = np.stack([np.maximum(error, LEAST_ERROR), others_error, np.full(len(ids), INTEREST_ERROR)])
        hidden = estimate - raw
        wanted = blend(estimates, errors, at_least=raw) - raw
        found: Array = np.clip(np.where(hidden > 0, wanted / np.where(hidden > 0, hidden, 1), 1), 0, 3)
        return found

    def minute(self, ids: Array, now: int) -> Array:
        """Return (N,) USD of venues that are not throttled in a minute before `now`."""
        found: Array = self.usd[ids, FREE, WATCH] * np.exp(
            -np.clip(now - self.stamp[ids], 0, 1 << 60) / _MEMORY_NS[WATCH]
        )
        return found

    def _others(self, ids: Array, now: int) -> tuple[Array, Array]:
        """Return (USD expected of throttled venues in a minute, error of its logarithm), NaN where not learnt."""
        keep = np.exp(-np.clip(now - self.stamp[ids], 0, 1 << 60) / _MEMORY_NS[WATCH])
        seen, orders = self.minute(ids, now), self.orders[ids, FREE, WATCH] * keep
        learnt = self.usd[ids][:, :, LEARN]
        number = self.orders[ids][:, :, LEARN].min(axis=1)
        known = (number >= FEWEST_ORDERS) & (learnt[:, FREE] > 0)
        ratio = learnt[:, CAPPED] / np.where(known, learnt[:, FREE], np.nan)
        errors = OTHERS_ERROR**2 + ORDER_ERROR**2 * (1 / np.maximum(orders, 1e-3) + 1 / np.maximum(number, 1))
        return ratio * seen, np.sqrt(errors)


def blend(estimates: Array, log_errors: Array, *, at_least: Array) -> Array:
    """Return the mean of estimates in logarithms, weighted by precision, and at least the lower bound.

    estimates, log_errors (K, ...): an estimate that is NaN or not above zero is left out. at_least (...,) is returned
    where none is left.
    """
    good = (estimates > 0) & (log_errors > 0) & np.isfinite(estimates)
    weight = np.where(good, 1 / np.square(np.where(good, log_errors, 1)), 0)
    total = weight.sum(axis=0)
    mean = (weight * np.log(np.where(good, estimates, 1))).sum(axis=0) / np.where(total > 0, total, 1)
    found: Array = np.where(total > 0, np.maximum(np.exp(mean), at_least), at_least)
    return found
