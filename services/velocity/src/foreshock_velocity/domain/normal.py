"""The normal distribution for arrays, as far as estimates need it."""

from __future__ import annotations

import math

import numpy as np

from foreshock_velocity.domain.arrays import Array

_P = 0.2316419
_B = (0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429)


def density(z: Array) -> Array:
    """Return the standard normal density at z."""
    found: Array = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    return found


def tail(z: Array) -> Array:
    """Return P(Z > z) to 7.5e-8. Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2.17."""
    t = 1 / (1 + _P * np.abs(z))
    series = ((((_B[4] * t + _B[3]) * t + _B[2]) * t + _B[1]) * t + _B[0]) * t
    above = density(z) * series
    found: Array = np.where(z >= 0, above, 1 - above)
    return found
