"""The normal distribution for arrays, as far as estimates need it."""

from __future__ import annotations

import math

import numpy as np

from foreshock_velocity.domain.arrays import Array

_ROOT = math.sqrt(2 * math.pi)
_P = 0.2316419
_B = (0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429)


def tail(z: Array) -> Array:
    """Return P(Z > z) to 7.5e-8. Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2.17."""
    return tail_and_density(z)[0]


def tail_and_density(z: Array) -> tuple[Array, Array]:
    """Return P(Z > z), as `tail` does, and the standard normal density at z, which comes by the way."""
    t = 1 / (1 + _P * np.abs(z))
    series = _B[4] * t
    for factor in _B[3::-1]:
        series += factor
        series *= t
    density: Array = np.exp(-0.5 * z * z) / _ROOT
    series *= density
    return np.where(z >= 0, series, 1 - series), density
