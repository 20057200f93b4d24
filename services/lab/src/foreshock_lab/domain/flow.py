"""Liquidations of an ordinary day: bursts, not a Poisson process, and sizes with a heavy tail."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from foreshock_lab.domain.contracts import Contracts

Array = npt.NDArray[Any]

CONTINUES = 0.77
"""Chance that another follows: 77 % came within 1 s of the one before (Bybit BTC, February 2026)."""
MAX_BURST = 10
MEAN_GAP_MS = 250.0
LEAD_IN_MS = 2_500
"""Bursts may have begun so long before the timeline does."""
SAME_MARKET = 0.4
"""Chance that a follower is of the same symbol; the rest of a burst is the whole market's."""
SAME_SIDE = 0.8
MEDIAN_USD = 921.0
SIGMA = 2.16
"""Sizes are lognormal; median and width as measured (Bybit BTC, February 2026)."""
LARGEST_USD = 1_000_000.0


class Draft(NamedTuple):
    """Liquidations before they have a price: columns of one length, in no order. usd: what they are worth."""

    at_ms: Array
    contract: Array
    side: Array
    usd: Array


def join(drafts: list[Draft]) -> Draft:
    """Put drafts together."""
    return Draft(*(np.concatenate(columns) for columns in zip(*drafts, strict=True)))


def until(end_ms: int, draft: Draft) -> Draft:
    """Return what happens from the start of the timeline to a time."""
    inside = (draft.at_ms >= 0) & (draft.at_ms < end_ms)
    return Draft(*(column[inside] for column in draft))


def single(at_ms: int, contract: int, side: int, usd: float) -> Draft:
    """Return a draft of one liquidation."""
    return Draft(np.array([at_ms]), np.array([contract]), np.array([side]), np.array([usd]))


def sizes(rng: np.random.Generator, count: int, *, median: float, sigma: float, largest: float) -> Array:
    """Draw lognormal sizes [USD], none above `largest`."""
    return np.minimum(median * np.exp(sigma * rng.standard_normal(count)), largest)


def normal(
    rng: np.random.Generator, contracts: Contracts, *, duration_ms: int, rate: float, correlation: float
) -> Draft:
    """Draw ordinary liquidations at `rate` a second over all markets.

    A burst starts at random, holds 1 to MAX_BURST liquidations and is mostly of one side; those of its first
    one's market stay on its contract unless `correlation` moves them to another.
    """
    mean_burst = (1 - CONTINUES**MAX_BURST) / (1 - CONTINUES)
    span_ms = duration_ms + LEAD_IN_MS
    bursts = int(rng.poisson(rate * span_ms / 1000 / mean_burst))
    lengths = np.minimum(rng.geometric(1 - CONTINUES, bursts), MAX_BURST)
    parent = np.repeat(np.arange(bursts), lengths)
    count = len(parent)
    gaps = rng.exponential(MEAN_GAP_MS, count)
    first = np.r_[True, parent[1:] != parent[:-1]] if count else np.zeros(0, bool)
    elapsed = np.cumsum(gaps)
    start = rng.uniform(-LEAD_IN_MS, duration_ms, bursts)[parent]
    at_ms = start + elapsed - elapsed[first][parent] if count else elapsed
    side = rng.integers(0, 2, bursts)[parent] ^ (rng.random(count) > SAME_SIDE)
    drawn = Draft(
        np.floor(at_ms).astype(np.int64),
        _burst_contracts(rng, contracts, parent, first, correlation=correlation),
        side.astype(np.int64),
        sizes(rng, count, median=MEDIAN_USD, sigma=SIGMA, largest=LARGEST_USD),
    )
    return until(duration_ms, drawn)


def _burst_contracts(
    rng: np.random.Generator,
    contracts: Contracts,
    parent: Array,
    first: Array,
    *,
    correlation: float,
) -> Array:
    count = len(parent)
    own = rng.choice(len(contracts.weight), size=count, p=contracts.weight)
    leader = own[first][parent] if count else own
    follows = ~first & (rng.random(count) < SAME_MARKET)
    moves = rng.random(count) < correlation
    chosen = np.where(follows, leader, own)
    for at in np.flatnonzero(follows & moves):
        chosen[at] = pick(rng, contracts, int(contracts.symbol[leader[at]]), None)
    return chosen


def pick(rng: np.random.Generator, contracts: Contracts, symbol: int, venue: int | None) -> int:
    """Draw one contract of a market, by weight, of one venue if named. Raises ValueError when it has none."""
    fits = contracts.symbol == symbol
    if venue is not None:
        fits &= contracts.venue == venue
    weight = np.where(fits, contracts.weight, 0.0)
    if not weight.any():
        raise ValueError(f"{contracts.symbols[symbol]} has no contract there")
    return int(rng.choice(len(weight), p=weight / weight.sum()))
