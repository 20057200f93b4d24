"""Acceleration and jerk of a rate from nested windows, by Newton's divided differences along the window axis.

Let f(t) be the rate, now t = 0, and M(w) the mean of f over [-w, 0]: what a window of length w measures as
sum / w. For f(t) = a + b t + c t^2 / 2 (level a, acceleration b, jerk c)

    M(w) = a - b w / 2 + c w^2 / 6

so with windows w_0 < w_1 < ... and r_i = M(w_i) the divided differences in w are

    M[i, i+1]      = (r_{i+1} - r_i) / (w_{i+1} - w_i)                    = -b / 2 + c (w_i + w_{i+1}) / 6
    M[i, i+1, i+2] = (M[i+1, i+2] - M[i, i+1]) / (w_{i+2} - w_i)          =  c / 6

and from them

    acceleration_i = -2 M[i, i+1]     = (r_i - r_{i+1}) / ((w_{i+1} - w_i) / 2)
    jerk_i         =  6 M[i, i+1, i+2] = (acceleration_i - acceleration_{i+1}) / ((w_{i+2} - w_i) / 3)

Read by eye: r_i stands for the time w_i / 2 ago, so the denominator of an acceleration is the time between two
means; it is the slope of f at (w_i + w_{i+1}) / 3 ago. The denominator of a jerk is the time between two such
points: (w_{i+2} - w_i) / 3. (A fourth, the distance of the midpoints of the centres, would be right for samples of
f at the centres; a mean over a window lies c w^2 / 24 above such a sample, and the jerk would come out 4/3 too large.)

Exact for a linear (acceleration) and a quadratic (jerk) rate; beyond that the error is that of the next divided
difference. The last acceleration and the last two jerks have no longer window to stand on: NaN.

Noise: with Poisson counts at rate r, var M(w) = r / w, and nested windows share their events, so for u < w
cov(M(u), M(w)) = r / w. Hence, with u = w_i and w = w_{i+1}, var acceleration_i = 4 r / (u w (w - u)).
At low counts an acceleration is mostly noise, a jerk more so; a reader should ask for several standard errors.

Source: divided differences, Abramowitz and Stegun, Handbook of Mathematical Functions, 25.1.3.
"""

from __future__ import annotations

import numpy as np

from foreshock_velocity.domain.arrays import Array


def derivatives(rate: Array, seconds: Array) -> tuple[Array, Array]:
    """Return (acceleration, jerk) of nested window means.

    rate (..., W) per second over windows of `seconds` (W,), shortest first. Both results are (..., W), in per
    second^2 and per second^3, NaN in the last place and in the last two.
    """
    acceleration, jerk = np.empty(rate.shape), np.empty(rate.shape)
    acceleration[..., -1:] = np.nan
    jerk[..., -2:] = np.nan
    slope = (rate[..., :-1] - rate[..., 1:]) / ((seconds[1:] - seconds[:-1]) / 2)
    acceleration[..., :-1] = slope
    jerk[..., :-2] = (slope[..., :-1] - slope[..., 1:]) / ((seconds[2:] - seconds[:-2]) / 3)
    return acceleration, jerk
