"""How unequal liquidations are: the second moment of their sizes, which gives sums of USD their standard error.

USD in a span is a compound Poisson sum: N events, N Poisson, each of a size u of its own. Its mean is E[N] E[u] and
its variance E[N] E[u^2], so

    variance = unit x mean,   unit = E[u^2] / E[u]

(Wald; Feller, An Introduction to Probability Theory and Its Applications, vol. II, chapter VI.4): the sum behaves as
if it consisted of `unit`-sized events, of which it holds USD / unit, the effective number of orders. For equal sizes
the unit is their size; one whale among shrimps pulls it up to the whale's.

The unit is estimated from about the newest 1,000 liquidations of a symbol's side, newer ones weighing more, and held
between what a window tells of itself: its unit is at least its mean and at most its largest, whatever its sizes are
(sum u^2 >= (sum u)^2 / N; u^2 <= largest x u). So a lone order is one effective order of its own size.
"""

from __future__ import annotations

import numpy as np

from foreshock_velocity.domain.arrays import Array
from foreshock_velocity.domain.table import Column, Table

KEEP = 1 - 1 / 1_024
SIDES = 2
TINY = 1e-300
"""Stands for no USD at all, whose second moment is 0."""


class Sizes(Table):
    """Columns over symbols.

    moments  (S, 2, 2) of a side: sums of USD and of USD^2, each event weighing KEEP to the power of those after it
    """

    COLUMNS = (Column("moments", "<f8", 0, (SIDES, 2)),)
    moments: Array

    def take(self, symbol: Array, side: Array, usd: Array) -> None:
        """Take liquidations: parallel (N,) arrays. Those of one call weigh the same."""
        at = (symbol * SIDES + side) * 2
        flat = self.moments.reshape(-1)
        both = np.concatenate((at, at + 1))
        np.multiply.at(flat, both, KEEP)
        np.add.at(flat, both, np.concatenate((usd, usd * usd)))

    def unit(self, ids: Array, *, mean: Array, largest: Array, out: Array | None = None) -> Array:
        """Return (R, 2, W) USD: the unit of windows of symbols ids (R,) with this mean and this largest, (R, 2, W).

        It is NaN where the mean is: in an empty window. out: where to write it, if not into an array of its own.
        """
        moments = self.moments.take(ids, axis=0)
        seen = moments[:, :, 1:] / np.maximum(moments[:, :, :1], TINY)
        held: Array = np.minimum(np.maximum(seen, mean), np.maximum(largest, mean), out=out)
        return held
