"""Acceleration and jerk of a rate, and of its logarithm, from three equal thirds of a window, each with its error.

**The rate.** Let a window's closed part be cut into thirds of length L, and let n1, n2, n3 be what the oldest, middle
and newest third hold. For a rate f(t) = a + b t + c t^2 / 2, t = 0 in the middle of them,

    E n1 = L (a - b L + 13/24 c L^2),   E n2 = L (a + 1/24 c L^2),   E n3 = L (a + b L + 13/24 c L^2)

    acceleration = (n3 - n1) / (2 L^2)            has the mean b
    jerk         = (n3 - 2 n2 + n1) / L^3         has the mean c

exactly, at any level and any counts: they are slope and curvature of the parabola that has the three integrals, the
Savitzky-Golay filter of three points, on counts. A slope is that of the middle of the window, half a window ago: the
price of every derivative, and what shorter windows are for.

**Errors.** Counts of disjoint spans are independent, and for Poisson counts the variance of sum c_k n_k is
sum c_k^2 E n_k, of which sum c_k^2 n_k is an unbiased estimate, whether the rate rises or not:

    error(acceleration) = sqrt(n1 + n3) / (2 L^2),   error(jerk) = sqrt(n1 + 4 n2 + n3) / L^3

USD are sums of unequal sizes: their variance is `unit` times their mean, unit = E[u^2] / E[u] (compound Poisson;
velocity's `sizes.py` says how it is estimated). So U_k / unit takes the place of n_k, and results are multiplied by
the unit again. Flow in clusters varies more than that: read the errors as those of the rate that was there, not as
those of a forecast. Where sizes are as unequal as on real venues (sigma of their logarithm about 2), no estimate from
few orders knows the tail it has not seen: intervals of USD are honest for "is there any change", and too short for
"how much" on a steep ramp of fewer than some hundred orders.

**The logarithm.** For f(t) = exp(g t) the integrals of the thirds stand in the ratio exp(g L), so

    growth = ln(m3 / m1) / (2 L)                  e-folds a second: g
    bend   = ln(m3 m1 / m2^2) / L^2               its derivative: 0; above it, growth is faster than exponential

m_k = n_k + 1/2 takes away the bias of order 1 / n that the logarithm of a Poisson count has, and bears zeros:

    error(growth) = sqrt(1/m1 + 1/m3) / (2 L),   error(bend) = sqrt(1/m1 + 4/m2 + 1/m3) / L^2

(Haldane, Annals of Human Genetics 20, 1956; Gart and Zweifel, Biometrika 54, 1967). Below about three effective orders
a third they shrink towards 0. They do not depend on how large the flow is, and are comparable between symbols.

**Why thirds.** Against the best unbiased estimate, regression on every event of the window (variances 12 r / w^3 and
720 r / w^5 at the rate r), thirds have 0.89 of the efficiency for the slope and 0.49 for the curvature: errors 1.06 and
1.42 times as large, for nothing an event beyond the sums that are kept anyway. Divided differences of nested windows,
which stood here before, have 0.48 to 0.75 for the slope, nothing for the longest window, and no logarithm that is exact
for exponential growth; moments and kernels have more, at six more additions an event and window. At a fixed rate of
false alarms each derivative costs power: a level against its baseline is earlier, acceleration qualifies and explains.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
SHORT_BELOW_MS = 1_000
THIRD, SHORT_THIRD = 17, 7
"""Buckets in a third of a window, and of one shorter than a second; a window has three thirds and one bucket more."""


class Thirds(NamedTuple):
    """What the closed part of a window holds: parallel arrays (..., W)."""

    oldest: Array
    middle: Array
    newest: Array


class Derivatives(NamedTuple):
    """Derivatives of a rate and of its logarithm, with standard errors: parallel arrays (..., W), NaN where undefined.

    acceleration, jerk  of the rate: what is counted, per second^2 and per second^3
    growth, bend        of its natural logarithm: per second and per second^2
    """

    acceleration: Array
    acceleration_error: Array
    jerk: Array
    jerk_error: Array
    growth: Array
    growth_error: Array
    bend: Array
    bend_error: Array


def third_buckets(windows_ms: Array) -> Array:
    """Return the buckets in a third of windows, (W,)."""
    return np.where(windows_ms < SHORT_BELOW_MS, SHORT_THIRD, THIRD)


class Scale(NamedTuple):
    """What turns differences of thirds of length L into derivatives, (W,): 1/(2 L^2), 1/L^3, 1/(2 L) and 1/L^2."""

    slope: Array
    curve: Array
    log_slope: Array
    log_curve: Array


@lru_cache(maxsize=8)
def scale(windows_ms: tuple[int, ...]) -> Scale:
    """Return the scale of windows, whose thirds are 17/52 of them, 7/22 of those below a second."""
    third = third_buckets(np.array(windows_ms))
    seconds = third * np.array(windows_ms) / ((3 * third + 1) * 1e3)
    return Scale(1 / (2 * seconds**2), 1 / seconds**3, 1 / (2 * seconds), 1 / seconds**2)


def of_rate(thirds: Thirds, by: Scale) -> tuple[Array, Array]:
    """Return (acceleration, jerk) of the rate of what thirds (..., W) hold, NaN where all three are empty."""
    oldest, middle, newest = thirds
    both = oldest + newest
    told = np.where(both + middle > 0, 1.0, np.nan)
    bent = (both - 2 * middle) * told
    told *= newest - oldest
    return told * by.slope, bent * by.curve


def errors_of_rate(thirds: Thirds, by: Scale) -> tuple[Array, Array]:
    """Return the standard errors of `of_rate`, NaN where all thirds are empty; of USD, give thirds over their unit."""
    both = thirds.oldest + thirds.newest
    told = np.where(both + thirds.middle > 0, np.float32(1), np.float32(np.nan))
    return np.sqrt(both) * told * by.slope, np.sqrt(both + 4 * thirds.middle) * told * by.curve


def derivatives(thirds: Thirds, by: Scale, unit: Array | float = 1.0) -> Derivatives:
    """Return all derivatives of what thirds (..., W) hold, counts, or USD over `unit` (..., W) [USD].

    All is NaN where all three are empty, and where the unit is NaN. Errors and logarithms are float32.
    """
    acceleration, jerk = of_rate(thirds, by)
    narrow = Scale(*(each.astype(np.float32) for each in by))
    thirds = Thirds(*(each.astype(np.float32) for each in thirds))
    slope_error, curve_error = errors_of_rate(thirds, narrow)
    told = np.where(np.isnan(jerk), np.float32(np.nan), np.float32(1))
    o, m, n = (each + np.float32(0.5) for each in thirds)
    ends = (1 / o + 1 / n) * told
    sized = np.asarray(unit, np.float32)
    return Derivatives(
        acceleration * unit,
        slope_error * sized,
        jerk * unit,
        curve_error * sized,
        np.log(n / o) * told * narrow.log_slope,
        np.sqrt(ends) * narrow.log_slope,
        np.log(n * o / (m * m)) * told * narrow.log_curve,
        np.sqrt(ends + 4 / m) * narrow.log_curve,
    )


def agreement(count: Array, windows_ms: Array) -> Array:
    """Return how far each window's rate stands above that of the next longer one, in standard errors: (..., W).

    count (..., W) of nested windows. Given the N events of the longer window, and one rate in it, the shorter holds a
    binomial share p of them, p the ratio of lengths: z = (n - N p) / sqrt(N p (1 - p)). Near 0 the two agree; NaN where
    the longer one is empty, and for the longest.
    """
    z = np.full(count.shape, np.nan)
    share = windows_ms[:-1] / windows_ms[1:]
    longer = count[..., 1:].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        z[..., :-1] = (count[..., :-1] - longer * share) / np.sqrt(longer * share * (1 - share))
    return z
