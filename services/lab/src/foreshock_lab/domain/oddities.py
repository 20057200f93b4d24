"""The bad day of the `edge` scenario: what is late, early, huge, doubled or broken, and when."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from foreshock_lab.domain.contracts import Contracts
from foreshock_lab.domain.flow import Draft, join, single
from foreshock_lab.domain.timeline import OddEvent, Oddity

Array = npt.NDArray[Any]

WHALE_USD = 50_000_000.0
SHUFFLED, LATE, FROM_THE_FUTURE = 0.2, 0.05, 0.02
"""Shares of liquidations told up to 2 s late, 5 to 20 s late, and up to an hour before they happened."""
SECOND_MS = 1_001
REPEATS = 4
"""A duplicate is common: so many times as often as any other oddity."""


def displace(rng: np.random.Generator, at_ms: Array) -> Array:
    """Return when each liquidation happened, if this is when it is told."""
    kind = rng.random(len(at_ms))
    back = np.select(
        [kind < SHUFFLED, kind < SHUFFLED + LATE, kind < SHUFFLED + LATE + FROM_THE_FUTURE],
        [
            rng.integers(1, 2_000, len(at_ms)),
            rng.integers(5_000, 20_000, len(at_ms)),
            -rng.integers(60_000, 3_600_000, len(at_ms)),
        ],
        0,
    )
    happened: Array = at_ms - back
    return happened


def whales(rng: np.random.Generator, contracts: Contracts, duration_ms: int) -> Draft:
    """Return single orders that mean nothing: one of $50M by itself, one of each side at one millisecond.

    A cascade has many orders; an account that dies alone is none.
    """
    largest = int(np.argmax(contracts.weight))
    both = int(rng.integers(0, duration_ms // 4))
    return join(
        [
            single(duration_ms // 2, largest, 0, WHALE_USD),
            single(both, largest, 0, 40_000.0),
            single(both, largest, 1, 40_000.0),
        ]
        + [_one_of_each(contracts, kind, duration_ms) for kind in ("inverse", "multiplier") if _has(contracts, kind)]
    )


def odd_events(rng: np.random.Generator, venues: tuple[str, ...], duration_ms: int) -> tuple[OddEvent, ...]:
    """Plan every oddity at every venue, at random times; sockets are cut last, after all the rest."""
    plan = []
    for venue in venues:
        for kind in Oddity:
            times = 1 if kind in {Oddity.CUT, Oddity.STALL} else REPEATS if kind == Oddity.DUPLICATE else 2
            low, high = (0.75, 0.85) if kind == Oddity.CUT else (0.1, 0.7)
            at_ms = _apart(rng, times, low * duration_ms, high * duration_ms)
            plan += [OddEvent(each, venue, kind) for each in at_ms]
    return tuple(sorted(plan, key=lambda each: (each.at_ms, each.venue, each.kind)))


def _apart(rng: np.random.Generator, times: int, low_ms: float, high_ms: float) -> list[int]:
    """Draw times, over a second apart if there is room: to venues that tell whole seconds, equals are one event."""
    span = (high_ms - low_ms) / times
    room = max(span - SECOND_MS, 0.0)
    return [int(low_ms + number * span + rng.uniform(0, room or span)) for number in range(times)]


def _has(contracts: Contracts, kind: str) -> bool:
    return bool(_marked(contracts, kind).any())


def _marked(contracts: Contracts, kind: str) -> Array:
    return np.asarray(contracts.inverse == 1 if kind == "inverse" else contracts.multiplier > 1)


def _one_of_each(contracts: Contracts, kind: str, duration_ms: int) -> Draft:
    """One small liquidation on each contract of a kind, so that a run has seen them all."""
    chosen = np.flatnonzero(_marked(contracts, kind))
    at_ms = np.linspace(duration_ms * 0.1, duration_ms * 0.6, len(chosen)).astype(np.int64)
    return Draft(at_ms, chosen, np.arange(len(chosen)) % 2, np.full(len(chosen), 5_000.0))
