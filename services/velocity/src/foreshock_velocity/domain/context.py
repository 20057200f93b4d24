"""The market around liquidations: open interest, funding, price impact and large orders. What is missing is NaN.

**Open interest.** Change over 1 and 5 minutes as a fraction: sum over a symbol's contracts of (now - then) over the sum
of then, over contracts known at both times, so that one that is first heard of is no jump.

**Funding.** Rate of the contract that gives the mark price, and its change over 5 minutes.

**Impact.** The mark price's move [bp] over the USD that forced orders bought net of what they sold (liquidated
shorts buy, longs sell), in the same window, per million USD. Positive: price goes with the flow. The flow is that
which is seen, and prices move for other reasons, too: it is a ratio to watch, no causal estimate. Where books are
known: the move per multiple of what rests within 0.1 % of mid on the side that is hit, hence bp times depth over
flow (Kyle 1985 for the ratio; Cont, Kukanov, Stoikov 2014 for its proportion to 1 / depth). Undefined under LEAST_FLOW.

**Whales.** An order is a whale when larger than 95 % of the symbol's orders: above exp(mu + 1.645 sigma) of a
lognormal fitted to the last 2,000 or so. Their share in a side's USD of the last minute, decayed. Undefined before
30 orders.
"""

from __future__ import annotations

import numpy as np

from foreshock_velocity.domain.arrays import Array, distinct, pile
from foreshock_velocity.domain.history import History
from foreshock_velocity.domain.table import Column, Table
from foreshock_velocity.domain.windows import LONG_AGO, SIDES

SECOND = 1_000_000_000
INTEREST, DEPTH_BID, DEPTH_ASK, FUNDING = range(4)
FRESH_NS = np.array([120, 10, 10, 900]) * SECOND
"""How old a value of a contract may be before it counts as missing."""
MARK_FRESH_NS = 10 * SECOND
SHORT_NS, LONG_NS = 60 * SECOND, 300 * SECOND
NO_SYMBOL = -1
LEAST_FLOW = 10_000.0
"""USD net under which an impact would be noise over nothing."""
BP = 1e4
WHALE_Z = 1.645
WHALE_ORDERS = 30.0
_KEEP = 1 - 1 / 2_000
_WHALE_NS = 60.0 * SECOND


class Contracts(Table):
    """The newest values of contracts.

    symbol (C,);  capped (C,) of a throttled venue
    value, at (C, 4) open interest [coins], depth of bids and of asks within 0.1 % [USD], funding [fraction], and
    their times, ns UTC
    """

    COLUMNS = (
        Column("symbol", "<i8", NO_SYMBOL),
        Column("capped", "?"),
        Column("value", "<f8", np.nan, (4,)),
        Column("at", "<i8", LONG_AGO, (4,)),
    )
    symbol: Array
    capped: Array
    value: Array
    at: Array

    def __init__(self) -> None:
        self.interest = History(step_ns=5 * SECOND, steps=62)
        self.funding = History(step_ns=10 * SECOND, steps=32)
        super().__init__()

    def advance(self, field: int, *, contract: Array, symbol: Array, value: Array, ts: Array) -> None:
        """Take values of one field: parallel (N,) arrays, contracts distinct; older ones than known are left out."""
        new = ts >= self.at[contract, field]
        contract, symbol, value, ts = contract[new], symbol[new], value[new], ts[new]
        self.symbol[contract] = symbol
        self.value[contract, field], self.at[contract, field] = value, ts
        if field == INTEREST:
            self.interest.put(contract, ts, value)
        elif field == FUNDING:
            self.funding.put(contract, ts, value)

    def resize(self, rows: int) -> None:
        """Make room, in the histories, too."""
        super().resize(rows)
        for history in (self.interest, self.funding):
            history.resize(rows)

    def fresh(self, field: int, now: int) -> Array:
        """Return the contracts whose value of a field is not too old at `now`, ns UTC."""
        size = self.size
        return np.flatnonzero((self.symbol[:size] >= 0) & (now - self.at[:size, field] <= FRESH_NS[field]))

    def sums(self, field: int, now: int, symbols: int) -> Array:
        """Return (symbols,) the sum of a field over each symbol's contracts at `now`; NaN where none is fresh."""
        rows = self.fresh(field, now)
        return _summed(self.symbol[rows], self.value[rows, field], symbols)

    def interest_change(self, now: int, back_ns: int, symbols: int) -> Array:
        """Return (symbols,) the change of open interest [fraction] over `back_ns` before `now`, NaN where unknown."""
        rows = self.fresh(INTEREST, now)
        then = self.interest.ago(rows, np.full(len(rows), now), back_ns)
        rows, then = rows[then > 0], then[then > 0]
        before = _summed(self.symbol[rows], then, symbols)
        return _summed(self.symbol[rows], self.value[rows, INTEREST] - then, symbols) / before

    def interest_drop(self, now: int, back_ns: int, symbols: int) -> Array:
        """Return (symbols,) coins by which open interest fell at throttled venues, NaN where unknown."""
        rows = self.fresh(INTEREST, now)
        rows = rows[self.capped[rows]]
        drop = self.interest.ago(rows, np.full(len(rows), now), back_ns) - self.value[rows, INTEREST]
        known = ~np.isnan(drop)
        return np.maximum(_summed(self.symbol[rows[known]], drop[known], symbols), 0)

    def funding_of(self, contract: Array, now: int) -> tuple[Array, Array]:
        """Return (rate, change over 5 minutes) of contracts (N,), -1 for none; NaN where unknown."""
        at = np.maximum(contract, 0)
        known = (contract >= 0) & (now - self.at[at, FUNDING] <= FRESH_NS[FUNDING])
        rate = np.where(known, self.value[at, FUNDING], np.nan)
        return rate, rate - self.funding.ago(at, np.full(len(at), now), LONG_NS)


def _summed(number: Array, values: Array, size: int) -> Array:
    """Return (size,) sums of values by number, NaN where there are none."""
    known = np.bincount(number, minlength=size) > 0
    return np.where(known, np.bincount(number, values, minlength=size), np.nan)


class Marks(History):
    """Mark prices of symbols, by the second, for a bit more than a minute."""

    def __init__(self) -> None:
        super().__init__(step_ns=SECOND, steps=64)

    def move_bp(self, ids: Array, at: Array, *, mark: Array, back_ns: Array) -> Array:
        """Return (R, K) how far marks lie above those of `back_ns` (K,) before, in basis points; NaN if unknown.

        ids, at (ns UTC) and mark [USD] of symbols, (R, 1) each.
        """
        then = self.ago(ids, at, back_ns)
        stale = at - self.head[ids] * self.step_ns > MARK_FRESH_NS
        moved: Array = np.where(stale, np.nan, np.log(mark / then) * BP)
        return moved


def impact(move_bp: Array, net_usd: Array, *, depth: Array) -> tuple[Array, Array]:
    """Return (bp per million USD, bp per multiple of the depth), (R, K) each; NaN where undefined.

    net_usd (R, K) forced buying less selling [USD]; depth (R, 2) of bids and asks near mid [USD], NaN if unknown.
    """
    flow = np.where(np.abs(net_usd) >= LEAST_FLOW, net_usd, np.nan)
    plain = move_bp / flow
    hit = np.where(flow > 0, depth[:, 1:], depth[:, :1])
    return plain * 1e6, plain * hit


class Whales(Table):
    """Sizes of the orders of symbols.

    sizes (S, 3) number of orders and the first two moments of ln USD
    stamp (S,) ns UTC of the newest order;  decayed (S, 2, 2) USD of whales and of all, by side
    """

    COLUMNS = (
        Column("sizes", "<f8", 0, (3,)),
        Column("stamp", "<i8", LONG_AGO),
        Column("decayed", "<f8", 0, (SIDES, 2)),
    )
    sizes: Array
    stamp: Array
    decayed: Array

    def advance(self, *, symbol: Array, side: Array, usd: Array, ts: Array) -> None:
        """Take orders: parallel (N,) arrays of known symbols, sides, USD above zero and times, ns UTC."""
        ids, at = distinct(symbol, self.size)
        large = usd > self.threshold(ids)[at]  # NaN, too few orders: none is large
        newest = self.stamp[ids]
        np.maximum.at(newest, at, ts)
        passed = np.minimum(newest - self.stamp[ids], 1 << 60) / _WHALE_NS
        self.decayed[ids] *= np.exp(-passed)[:, None, None]
        self.stamp[ids] = newest
        aged = usd * np.exp((ts - newest[at]) / _WHALE_NS)
        for kind, part in enumerate((aged * large, aged)):
            pile(self.decayed.reshape(-1, 2)[:, kind], symbol * SIDES + side, part)
        log = np.log(usd)
        self.sizes[ids] *= (_KEEP ** np.bincount(at))[:, None]
        for power, moment in enumerate((None, log, log**2)):
            pile(self.sizes[:, power], symbol, moment)

    def threshold(self, ids: Array) -> Array:
        """Return (N,) USD above which an order is a whale, NaN while too few orders were seen."""
        number, first, second = self.sizes[ids].T
        some = np.maximum(number, 1)
        mean = first / some
        spread = np.sqrt(np.maximum(second / some - mean**2, 0))
        return np.where(number >= WHALE_ORDERS, np.exp(mean + WHALE_Z * spread), np.nan)

    def share(self, ids: Array, now: int) -> Array:
        """Return (N, 2) share of whales in the USD of a side, 0 to 1; NaN where undefined or long ago."""
        large, total = np.moveaxis(self.decayed[ids], 2, 0)
        known = (self.sizes[ids, 0] >= WHALE_ORDERS) & (now - self.stamp[ids] <= 3 * _WHALE_NS)
        told = known[:, None] & (total > 0)
        return np.where(told, large / np.where(told, total, 1), np.nan)
