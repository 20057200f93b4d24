"""Self-excitation: do liquidations beget more than themselves just now?

**Reproduction number.** Let each event be expected to cause R others, after a delay of density w(u) = b exp(-b u)
with mean 1 / b = 2 s. The intensity is R L(t) with L(t) the sum of w(t - t_i) over past events. Weighing the past with
exp(-d u), 1 / d = 10 s, the likelihood estimate of R is

    R = N / A,   N = sum of exp(-d (t - t_i)),   A = integral of exp(-d (t - s)) L(s) ds

An event that is u old adds to A b times the integral of exp(-d (u - v)) exp(-b v) dv over v in 0..u, which is
b / (b - d) x (exp(-d u) - exp(-b u)). Hence A = b / (b - d) x (N_d - N_b) with N_r the count decayed at rate r: two
decayed counts a side are all the state, an event costs O(1), and no order of events matters. N - R A is a martingale
with (optional) variation N_2d, so the standard error is sqrt(N_2d) / A. A prior of one event in an expectation of one
(R = 1) keeps few events quiet: R = (1 + N) / (1 + A), error sqrt(1 + N_2d) / (1 + A).

The error is that of a flow in which past events cause all others; in a steady flow fed from outside it is about
twice too wide, never too narrow.

R is 1 in any steady flow, above in one that grows, below in one that dies; a constant share of events that is not
seen cancels. With growth at rate g, R tends to 1 + g / b.

**Branching ratio**, for display: the share n of events that others caused, in the long run. In a stationary Hawkes
process the variance of counts in long bins is mean / (1 - n)^2, so n = 1 - 1 / sqrt(D), D = variance / mean of
counts in bins of 30 s, over about 30 minutes; error of n: sqrt(2 / (bins - 1)) / (2 sqrt(D)) from that of a variance.
Bins of a finite length cut clusters: n comes out up to 0.05 too low. It is near 1 in all real flow and rises with any
change of regime: no warning.

Sources: Cori et al. (2013) and Gostic et al. (2020) for the renewal equation; Andersen et al., Statistical Models
Based on Counting Processes, for the variation; Hardiman and Bouchaud (2014, arXiv 1403.5227) for D; its limits:
1308.6756.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from foreshock_velocity.domain.arrays import Array, distinct, pile
from foreshock_velocity.domain.table import Column, Table
from foreshock_velocity.domain.windows import LONG_AGO, SIDES

GENERATION_S = 2.0
MEMORY_S = 10.0
PRIOR = 1.0
BIN_NS = 30_000_000_000
BINS_KEPT = 60.0
FEWEST_BINS = 20.0
"""Effective number of bins, and of events in them, below which no branching ratio is told."""
_KEEP = float(np.exp(-1 / BINS_KEPT))
_RATES = np.array([1 / MEMORY_S, 1 / GENERATION_S, 2 / MEMORY_S]) / 1e9
_SCALE = (1 / GENERATION_S) / (1 / GENERATION_S - 1 / MEMORY_S)


class Excited(NamedTuple):
    """By symbol and side, (R, 2) each; NaN where undefined.

    reproduction, its error: above 1 the flow grows;  branching, its error: share of events caused by others
    """

    reproduction: Array
    reproduction_error: Array
    branching: Array
    branching_error: Array


class Excitation(Table):
    """Columns over symbols.

    stamp (S,) ns UTC, time of the newest event;  decayed (S, 2, 3) counts of a side at the three rates
    bin (S,) number of the running bin;  running (S, 2) its counts
    weight (S,) of closed bins;  moments (S, 2, 2) first and second, decayed alike
    """

    COLUMNS = (
        Column("stamp", "<i8", LONG_AGO),
        Column("decayed", "<f8", 0, (SIDES, 3)),
        Column("bin", "<i8", -1),
        Column("running", "<f8", 0, (SIDES,)),
        Column("weight", "<f8"),
        Column("moments", "<f8", 0, (SIDES, 2)),
    )
    stamp: Array
    decayed: Array
    bin: Array
    running: Array
    weight: Array
    moments: Array

    def advance(self, *, symbol: Array, side: Array, ts: Array) -> tuple[Array, Array]:
        """Take events: parallel (N,) arrays of known symbols, sides 0 or 1 and times in ns UTC, in any order.

        Returns the symbols (R,), distinct, and the numbers of their running bins as they were.
        """
        ids, at = distinct(symbol, self.size)
        bins = self.bin[ids]
        newest = self.stamp[ids]
        np.maximum.at(newest, at, ts)
        passed = np.minimum(newest - self.stamp[ids], 1 << 60).astype(np.float64)
        self.decayed[ids] *= np.exp(-passed[:, None] * _RATES)[:, None, :]
        self.stamp[ids] = newest
        aged = np.exp((ts - newest[at])[:, None] * _RATES)
        cell, cells = symbol * SIDES + side, self.decayed.reshape(-1, 3)
        for rate in range(3):
            pile(cells[:, rate], cell, aged[:, rate])
        self._fill(symbol, side, ts // BIN_NS)
        return ids, bins

    def _fill(self, symbol: Array, side: Array, number: Array) -> None:
        """Count events in bins, one bin after another; those of a bin that is closed count in the running one."""
        first, last = int(number.min()), int(number.max())
        for each in (first,) if first == last else np.unique(number).tolist():
            mine = slice(None) if first == last else number == each
            ids, _ = distinct(symbol[mine], self.size)
            if np.count_nonzero(over := self.bin[ids] < each):
                self._close(ids[over], each)
            pile(self.running.reshape(-1), symbol[mine] * SIDES + side[mine])

    def _close(self, ids: Array, number: int) -> None:
        """Close the running bins of symbols, and the empty ones before bin `number`."""
        self.weight[ids], self.moments[ids] = self._closed(ids, np.full(len(ids), number))
        self.running[ids] = 0
        self.bin[ids] = number

    def _closed(self, ids: Array, number: Array) -> tuple[Array, Array]:
        """Return (weight, moments) of symbols as they are when bin `number` (N,) begins."""
        begun = self.bin[ids] >= 0
        steps = np.where(begun, np.clip(number - self.bin[ids], 0, 10_000), 0)
        some = steps > 0
        keep = _KEEP**steps
        empty = _KEEP ** np.maximum(steps - 1, 0)
        running = self.running[ids]
        news = np.stack([running, running**2], axis=2) * (1 - _KEEP)
        moments = self.moments[ids] * keep[:, None, None] + news * np.where(some, empty, 0)[:, None, None]
        return self.weight[ids] * keep + 1 - keep, moments

    def evaluate(self, ids: Array, at: Array) -> Excited:
        """Return what is known of symbols (R,) at `at` (R,), ns UTC; the state does not change."""
        return Excited(*self.reproduction(ids, at), *self.branching(ids, at))

    def reproduction(self, ids: Array, at: Array) -> tuple[Array, Array]:
        """Return reproduction numbers and their errors, as `evaluate` does."""
        passed = np.minimum(np.maximum(at - self.stamp[ids], 0), 1 << 60).astype(np.float64)
        slow, fast, twice = (self.decayed[ids] * np.exp(-passed[:, None] * _RATES)[:, None, :]).transpose(2, 0, 1)
        expected = PRIOR + _SCALE * np.maximum(slow - fast, 0)
        known = slow > 0
        reproduction = np.where(known, (PRIOR + slow) / expected, np.nan)
        error = np.where(known, np.sqrt(PRIOR + twice) / expected, np.nan)
        return reproduction, error

    def branching(self, ids: Array, at: Array) -> tuple[Array, Array]:
        """Return branching ratios and their errors, as `evaluate` does.

        They change when a bin ends, and by events that come after the end of theirs.
        """
        weight, moments = self._closed(ids, at // BIN_NS)
        bins = (1 + _KEEP) / (1 - _KEEP) * weight[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = moments[:, :, 0] / weight[:, None]
            variance = (moments[:, :, 1] / weight[:, None] - mean**2) * bins / (bins - 1)
            dispersion = variance / mean
            told = (bins >= FEWEST_BINS) & (mean * bins >= FEWEST_BINS)
            ratio = np.where(told, 1 - 1 / np.sqrt(np.maximum(dispersion, 1)), np.nan)
            error = np.where(told, np.sqrt(2 / (bins - 1)) / (2 * np.sqrt(np.maximum(dispersion, 1))), np.nan)
        return ratio, error
