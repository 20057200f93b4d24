"""Acceleration and jerk of a rate, and of its logarithm, from three equal thirds of a window, each with its error.

**The rate.** Let a window's closed part be cut into thirds of length L, and let n1, n2, n3 be what the oldest, middle and
newest third hold. For a rate f(t) = a + b t + c t^2 / 2, t = 0 in the middle of the window,

    E n1 = L (a - b L + c L^2 13/24),   E n2 = L (a + c L^2 / 24),   E n3 = L (a + b L + c L^2 13/24)

    acceleration = (n3 - n1) / (2 L^2)            has the mean b
    jerk         = (n3 - 2 n2 + n1) / L^3         has the mean c

exactly, for any level and at any counts: they are the slope and the curvature of the parabola that has the three
integrals, a Savitzky-Golay filter of three points on counts. A slope is that of the middle of the window, half a window
ago; that is the price of every derivative, and what the shorter windows are for.

**Errors.** Counts of disjoint spans are independent, and for Poisson counts the variance of sum c_k n_k is sum c_k^2 E n_k,
of which sum c_k^2 n_k is an unbiased estimate, rising or not:

    error(acceleration) = sqrt(n1 + n3) / (2 L^2),   error(jerk) = sqrt(n1 + 4 n2 + n3) / L^3

USD are sums of unequal sizes: their variance is `unit` times their mean, unit = E[u^2] / E[u] (compound Poisson; velocity's
`sizes.py` says how it is estimated). So U_k / unit takes the place of n_k, and results are multiplied by the unit again.
What flows in clusters varies more than that: read the errors as those of the rate that was there, not of a forecast.

**The logarithm.** For f(t) = exp(g t) the integrals of the thirds stand in the ratio exp(g L), so

    growth = ln(m3 / m1) / (2 L)                   e-folds a second, has g
    bend   = ln(m3 m1 / m2^2) / L^2                its derivative, has 0: growth that grows is faster than exponential

m_k = n_k + 1/2 takes away the bias of order 1 / n of a logarithm of a Poisson count, and bears zeros; the errors are

    error(growth) = sqrt(1/m1 + 1/m3) / (2 L),   error(bend) = sqrt(1/m1 + 4/m2 + 1/m3) / L^2

(Haldane 1955; Gart and Zweifel, Biometrika 54, 1967). Below about three effective orders a third they shrink towards 0.
They do not depend on how large the flow is, and are comparable between symbols.

**Why thirds.** Measured against the best unbiased estimate, regression on every event of the window, thirds have 0.89 of its
efficiency for the slope and 0.49 for the curvature (errors 1.06 and 1.42 times as large), at no cost an event. Divided
differences of nested windows, which stood here before, have 0.48 to 0.75 for the slope, none for the longest window, and
no logarithm that is exact for exponential growth; kernels need as many more numbers a window as moments, and a clock that
every shift of them rounds. At a fixed rate of false alarms each derivative costs power: levels against a baseline are
earlier, acceleration qualifies and explains. Ask for several errors before believing a jerk.
"""

from __future__ import annotations

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


def third_seconds(windows_ms: Array) -> Array:
    """Return the length of a third of windows, (W,) seconds."""
    third = third_buckets(windows_ms)
    seconds: Array = third * windows_ms / ((3 * third + 1) * 1e3)
    return seconds


def of_rate(thirds: Thirds, seconds: Array, unit: Array | float = 1.0) -> tuple[Array, Array]:
    """Return (acceleration, jerk) of the rate, without errors; parameters as in `derivatives`."""
    oldest, middle, newest = thirds
    both = oldest + newest
    with np.errstate(invalid="ignore"):
        told = np.where(both + middle > 0, 1.0, np.nan) * unit
        return (newest - oldest) * (told / (2 * seconds**2)), (both - 2 * middle) * (told / seconds**3)


def derivatives(thirds: Thirds, seconds: Array, unit: Array | float = 1.0) -> Derivatives:
    """Return all derivatives of what thirds of `seconds` (W,) hold.

    thirds are counts, or USD over `unit` (..., W) [USD]. All is NaN where all three are empty, and where the unit is NaN.
    """
    oldest, middle, newest = thirds
    acceleration, jerk = of_rate(thirds, seconds, unit)
    both = oldest + newest
    with np.errstate(invalid="ignore"):
        told = np.where(both + middle > 0, 1.0, np.nan)
        square, cube, scale = seconds**2, seconds**3, told * unit
        o, m, n = (np.where(each > 0, each, 0) + 0.5 for each in thirds)
        ends = 1 / o + 1 / n
        return Derivatives(
            acceleration,
            np.sqrt(both) * (scale / (2 * square)),
            jerk,
            np.sqrt(both + 4 * middle) * (scale / cube),
            np.log(n / o) * (told / (2 * seconds)),
            np.sqrt(ends) * (told / (2 * seconds)),
            np.log(n * o / m**2) * (told / square),
            np.sqrt(ends + 4 / m) * (told / square),
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
