"""Do venues move together, and who leads? On detrended, variance-stabilised rates, for each symbol.

Counts of liquidations, both sides, in bins of one second of event time become y = 2 sqrt(count + 3 / 8) (Anscombe
1948: the variance of y is about 1 at any Poisson rate, so a burst does not outweigh the rest). From y each venue's
own level is taken: a double exponential smoothing with a memory of 10 s, whose trend term follows ramps, as it stood
before the bin. A trend that venues share, a session's opening say, is thus no correlation; only what is news in the
same second is. Of the residuals the moments of each pair of venues are kept, decayed over 120 s: covariances c_k at
lags of -2 to +2 s, variances v, autocovariances a at lag 1, the means taken out. Told is the correlation of sums of two
neighbouring bins, because venues differ in delay by some 0.3 s, which one bin would cut apart:

    r = (2 c_0 + c_-1 + c_1) / sqrt((2 v_i + 2 a_i) (2 v_j + 2 a_j))

The number of samples is Kish's, (sum w)^2 / sum w^2, of bins in which either venue spoke, w their decayed weights:
a bin that both are silent in moves the moments (their silence is alike, too), and is no evidence. It is made
smaller for autocorrelation: by 1 + 2 x 0.5^2 for overlapping sums, and by (1 - b_i b_j) / (1 + b_i b_j) with
b = a / v (Bartlett 1946). With these n, r is shrunk to r n / (n + 13.3), that is 20 bins: below 1 whatever the data.
Undefined, NaN, while n < 10 or one of the venues spoke in less than 5 of the bins. Significance is two-sided by
Fisher's z = atanh(r) sqrt(n - 3), with r before shrinkage.

**Lead.** The lag with the largest r, refined by the parabola through it and its neighbours: the first venue leads the
second by so many seconds (negative: it follows). NaN unless r at that lag is beyond 3 standard errors. Bins of a
second resolve lags of some 0.3 s.

Venues that tell in rounds longer than a bin should be left out by the caller: their series show the rounds.
Cost: one step a second over the *edges*, pairs of venues both heard within two minutes, nothing for the others.

Measured (tests/unit/velocity/test_correlation.py): independent venues on a common ramp have r = 0.0 here, while plain
Pearson correlation of their 10 s velocities is 0.9.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from foreshock_velocity.domain.arrays import Array, pile
from foreshock_velocity.domain.normal import tail
from foreshock_velocity.domain.table import Column, Table

BIN_NS = 1_000_000_000
OPEN_BINS = 8
"""Bins that still take rows; a row older than these is too late to count."""
LAGS = 2
ACTIVE_BINS = 120
"""A venue that was silent for so long has no correlation."""
LEVEL_BINS = 10.0
MEMORY_BINS = 120.0
OVERLAP = 1.5
"""Sum of squared autocorrelations of two-bin sums of white noise: 1 + 2 x 0.5^2."""
SHRINK = 20.0 / OVERLAP
FEWEST = 10.0
FEWEST_SPOKEN = 5.0
SURE_ERRORS = 3.0
_KEEP = math.exp(-1 / MEMORY_BINS)
_GAIN = 1 - math.exp(-1 / LEVEL_BINS)
_PAST = LAGS + 1
NEVER = -(1 << 40)
TINY = 1e-12


class Correlated(NamedTuple):
    """Of pairs of venues, (...,) each; NaN where undefined.

    shrunk, raw   correlation;  samples: effective ones;  p: two-sided
    lead          seconds by which the first is ahead of the second
    """

    shrunk: Array
    raw: Array
    samples: Array
    p: Array
    lead: Array


class Series(Table):
    """Rates of pairs (a symbol at a venue).

    counts (P, 8) of the open bins, by number modulo 8;  last (P,) number of the newest closed bin with events
    level, trend (P,) of y;  past (P, 3) residuals of the newest closed bins, newest first
    """

    COLUMNS = (
        Column("counts", "<f4", 0, (OPEN_BINS,)),
        Column("last", "<i8", NEVER),
        Column("level", "<f4", 2 * math.sqrt(3 / 8)),
        Column("trend", "<f4"),
        Column("past", "<f4", 0, (_PAST,)),
    )
    counts: Array
    last: Array
    level: Array
    trend: Array
    past: Array


class Correlation(Table):
    """Moments of edges; the rows of this table are edges, in the order of (first, second).

    first, second (E,) pairs, first < second;  weight (E,) of bins
    samples (E, 2) weight and squared weight of bins in which either spoke
    spoken (E, 2) bins in which each spoke;  means, squares, lagged (E, 2) of residuals, squares, products at lag 1
    products (E, 5) of the first's residual and the second's, this -2..2 bins later
    """

    COLUMNS = (
        Column("first", "<i8"),
        Column("second", "<i8"),
        Column("weight", "<f4"),
        Column("samples", "<f4", 0, (2,)),
        Column("spoken", "<f4", 0, (2,)),
        Column("means", "<f4", 0, (2,)),
        Column("squares", "<f4", 0, (2,)),
        Column("lagged", "<f4", 0, (2,)),
        Column("products", "<f4", 0, (2 * LAGS + 1,)),
    )
    first: Array
    second: Array
    weight: Array
    samples: Array
    spoken: Array
    means: Array
    squares: Array
    lagged: Array
    products: Array

    def __init__(self) -> None:
        self.series = Series()
        self.closed = NEVER
        """Number of the newest closed bin."""
        self._newest: Correlated | None = None
        super().__init__()

    def advance(self, *, pair: Array, ts: Array, until: int, table: Array) -> None:
        """Take events, then close all bins to number `until`.

        pair, ts: parallel (N,) arrays, pairs known to `series`, times ns UTC; events of bins that are closed are
        left out. table (S, V) tells the pairs of each symbol, 0 where there is none.
        """
        number = ts // BIN_NS
        if self.closed == NEVER:
            self.closed = min(until, int(number.min(initial=until + 1)) - 1)
        number, pair = number[number > self.closed], pair[number > self.closed]
        while number.size and int(number.max()) > self.closed + OPEN_BINS and self.closed < until:
            soon = number <= self.closed + OPEN_BINS  # the ring is short: what lies ahead of it waits until bins close
            self._count(pair[soon], number[soon])
            self._close(min(until, max(self.closed + 1, int(number[~soon].min()) - OPEN_BINS)), table)
            number, pair = number[~soon], pair[~soon]
        fit = number <= self.closed + OPEN_BINS
        self._count(pair[fit], number[fit])
        self._close(until, table)

    def _count(self, pair: Array, number: Array) -> None:
        if pair.size:
            pile(self.series.counts.reshape(-1), pair * OPEN_BINS + number % OPEN_BINS)

    def _close(self, number: int, table: Array) -> None:
        if number - self.closed > ACTIVE_BINS + OPEN_BINS:
            self._forget(number)
        while self.closed < number:
            self.closed += 1
            self._close_one(table)

    def _forget(self, number: int) -> None:
        """Pass over a silence in which all venues became inactive."""
        self.closed = number
        self._newest = None
        self.series.counts[:] = 0
        self.series.last[:] = NEVER
        self.size = 0

    def _close_one(self, table: Array) -> None:
        self._newest = None
        series, bin_ = self.series, self.closed % OPEN_BINS
        spoke = series.counts[:, bin_] > 0
        woke = spoke & (series.last < self.closed - ACTIVE_BINS)
        series.last[spoke] = self.closed
        alive = series.last >= self.closed - ACTIVE_BINS
        self._rewire(alive, woke, table)
        active = np.flatnonzero(alive)
        self._follow(active, series.counts[active, bin_], fresh=woke[active])
        series.counts[:, bin_] = 0
        self._accumulate(spoke)

    def _follow(self, active: Array, counts: Array, *, fresh: Array) -> None:
        """Move the levels of pairs on by one bin."""
        series = self.series
        y = 2 * np.sqrt(counts + 3 / 8)
        quiet = Series.COLUMNS[2].fill
        level, trend = np.where(fresh, quiet, series.level[active]), np.where(fresh, 0.0, series.trend[active])
        residual = y - (level + trend)
        past = np.where(fresh[:, None], 0.0, series.past[active])
        series.past[active] = np.concatenate([residual[:, None], past[:, :-1]], axis=1)
        # Brown's double smoothing as an error correction: gain 1 - k^2 of the level, (1 - k)^2 of the trend.
        series.level[active] = level + trend + (1 - (1 - _GAIN) ** 2) * residual
        series.trend[active] = trend + _GAIN**2 * residual

    def _rewire(self, alive: Array, woke: Array, table: Array) -> None:
        """Drop edges of which one end is silent; begin those of venues that woke."""
        size = self.size
        keep = alive[self.first[:size]] & alive[self.second[:size]] & ~woke[self.first[:size]]
        keep &= ~woke[self.second[:size]]
        if woke[1:].any():
            self._keep(np.flatnonzero(keep), self._edges(alive, woke, table))
        elif not keep.all():
            self._keep(np.flatnonzero(keep), np.empty((0, 2), np.int64))

    @staticmethod
    def _edges(alive: Array, woke: Array, table: Array) -> Array:
        """Return (N, 2) the edges of which one end woke just now, the other being alive."""
        usable = alive[table] & (table > 0)
        rows = np.flatnonzero((woke[table] & usable).any(axis=1))
        left, right = np.triu_indices(table.shape[1], 1)
        pairs = np.stack([table[rows][:, left], table[rows][:, right]], axis=2).reshape(-1, 2)
        good = alive[pairs].all(axis=1) & (pairs > 0).all(axis=1) & woke[pairs].any(axis=1)
        found: Array = np.sort(pairs[good], axis=1)
        return found

    def _keep(self, kept: Array, news: Array) -> None:
        """Lay the edges out anew: those kept, and new ones, in the order of their ends."""
        size, old = len(kept) + len(news), [column[kept] for column in self.snapshot()]
        fresh = [np.full((len(news), *each.shape), each.fill, each.dtype) for each in self.columns()]
        fresh[0], fresh[1] = news[:, 0], news[:, 1]
        joined = [np.concatenate(both) for both in zip(old, fresh, strict=True)]
        order = np.lexsort((joined[1], joined[0]))
        self.resize(size)
        self.size = size
        for column, values in zip(self.columns(), joined, strict=True):
            getattr(self, column.name)[:size] = values[order]

    def _accumulate(self, spoke: Array) -> None:
        """Add the newest residuals to the moments of the edges."""
        size = self.size
        if not size:
            return
        ends = np.stack([self.first[:size], self.second[:size]], axis=1)
        said, past = spoke[ends], self.series.past[ends]
        newest, mine, yours = past[:, :, 0], past[:, 0, :], past[:, 1, :]
        # Lag k > 0: the second's newest against the first's k bins ago; k < 0 the other way round.
        late = [mine[:, 0] * yours[:, k] for k in range(LAGS, 0, -1)]
        products = np.stack([*late, *(mine[:, k] * yours[:, 0] for k in range(LAGS + 1))], axis=1)
        for name, news in (
            ("weight", 1.0),
            ("spoken", said),
            ("means", newest),
            ("squares", newest**2),
            ("lagged", newest * past[:, :, 1]),
            ("products", products),
        ):
            getattr(self, name)[:size] = getattr(self, name)[:size] * _KEEP + news
        keep = np.array([_KEEP, _KEEP**2])
        self.samples[:size] = self.samples[:size] * keep + said.any(axis=1)[:, None]

    def evaluate(self, pairs: Array) -> Correlated:
        """Return what is known of pairs of pairs (..., 2)."""
        flat = np.sort(pairs.reshape(-1, 2), axis=1)
        at, found = self._find(flat)
        if not found.any():
            return Correlated(*([np.full(pairs.shape[:-1], np.nan)] * len(Correlated._fields)))
        if self._newest is None:
            self._newest = self._evaluate(np.arange(self.size))
        told = (np.where(found, each[at], np.nan).reshape(pairs.shape[:-1]) for each in self._newest)
        shaped = Correlated(*told)
        turned = pairs[..., 0] > pairs[..., 1]
        return shaped._replace(lead=np.where(turned, -shaped.lead, shaped.lead))

    def _find(self, wanted: Array) -> tuple[Array, Array]:
        """Return (rows, found) of edges (N, 2)."""
        size = self.size
        if not size:
            return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.bool_)
        known = self.first[:size] << 32 | self.second[:size]
        key = wanted[:, 0] << 32 | wanted[:, 1]
        at = np.minimum(np.searchsorted(known, key), size - 1)
        return at, known[at] == key

    def _evaluate(self, at: Array) -> Correlated:
        weight = self.weight[at][:, None]
        means = self.means[at] / weight
        variances = np.maximum(self.squares[at] / weight - means**2, TINY)
        auto = self.lagged[at] / weight - means**2
        covariances = self.products[at] / weight - means.prod(axis=1)[:, None]
        samples = self._samples(at, auto / variances)
        told = (samples >= FEWEST) & (self.spoken[at] >= FEWEST_SPOKEN).all(axis=1)
        broad = 2 * covariances[:, LAGS] + covariances[:, LAGS - 1] + covariances[:, LAGS + 1]
        spread = np.sqrt(np.maximum(2 * variances + 2 * auto, TINY).prod(axis=1))
        raw = np.where(told, np.clip(broad / spread, -1, 1), np.nan)
        curve = np.where(told[:, None], covariances / np.sqrt(variances.prod(axis=1))[:, None], np.nan)
        p = 2 * tail(np.abs(_fisher(raw, samples)))
        shrunk = raw * samples / (samples + SHRINK)
        return Correlated(shrunk, raw, np.where(told, samples, np.nan), p, _lead(curve, samples))

    def _samples(self, at: Array, auto: Array) -> Array:
        """Return (N,) effective samples of edges whose ends have the autocorrelations (N, 2)."""
        kish = self.samples[at, 0] ** 2 / np.maximum(self.samples[at, 1], TINY)
        both = np.clip(auto.prod(axis=1), 0, 0.9)
        found: Array = kish / OVERLAP * (1 - both) / (1 + both)
        return found


def _fisher(r: Array, samples: Array) -> Array:
    """Return correlations in standard errors."""
    found: Array = np.arctanh(np.clip(r, -0.999, 0.999)) * np.sqrt(np.maximum(samples - 3, 0))
    return found


def _lead(curve: Array, samples: Array) -> Array:
    """Return (N,) the lags of peaks of curves (N, 5) in seconds, NaN where no peak is sure."""
    peak = np.argmax(np.where(np.isnan(curve), -2, curve), axis=1)
    rows = np.arange(len(curve))
    high = curve[rows, peak]
    sure = _fisher(high, samples) > SURE_ERRORS
    before, after = curve[rows, np.maximum(peak - 1, 0)], curve[rows, np.minimum(peak + 1, 2 * LAGS)]
    bend = before - 2 * high + after
    inner = (peak > 0) & (peak < 2 * LAGS) & (bend < 0)
    shift = np.where(inner, 0.5 * (before - after) / np.where(inner, bend, 1), 0)
    return np.where(sure, (peak - LAGS + shift) * (BIN_NS / 1e9), np.nan)
