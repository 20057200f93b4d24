"""A cascade: each liquidation moves the price into the next ones, on one venue first and then on all.

A branching process: first ones arrive along a ramp, and every one, first or not, brings about others
shortly after. The venues follow their leader with a lag, and the price falls (or rises) with the USD forced
through.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from foreshock_lab.domain.contracts import Contracts
from foreshock_lab.domain.flow import Draft, pick, sizes
from foreshock_lab.domain.timeline import PRICE_STEP_MS, Episode, Prices
from foreshock_sdk.events import LiquidatedSide

Array = npt.NDArray[Any]

BRANCHING = 0.7
"""Liquidations that one brings about directly, in the mean."""
CHILD_DELAY_MS = 350.0
VENUE_LAG_MS = (150, 800)
RECOVERY_MS = 30_000
"""Afterwards the price takes back a part of the move, with this time constant."""
RECOVERED = 0.4
END_SHARE = 0.97
"""An episode ends when so much of its USD is done."""


class Cascade(msgspec.Struct, frozen=True, kw_only=True):
    """What is to happen.

    symbol, leader   index of the market, index of the venue where it starts
    rate             liquidations a second at the peak, over all venues
    correlation      share of the way (0 to 1) to every venue having as many as the leader
    move             fraction the price moves against the dying positions
    """

    symbol: int
    side: LiquidatedSide
    leader: int
    start_ms: int
    ramp_ms: int
    hold_ms: int
    decay_ms: int
    rate: float
    correlation: float
    median_usd: float
    sigma: float
    largest_usd: float
    move: float

    @property
    def length_ms(self) -> int:
        """From the first to the last of its own accord; what those bring about may come a little later."""
        return self.ramp_ms + self.hold_ms + self.decay_ms


def unfold(rng: np.random.Generator, contracts: Contracts, plan: Cascade) -> Draft:
    """Draw the liquidations of a cascade."""
    at_ms = _branch(rng, _first_ones(rng, plan))
    venues = _venues(rng, contracts, plan, len(at_ms))
    lags = rng.integers(*VENUE_LAG_MS, len(contracts.venues))
    lags[plan.leader] = 0
    chosen = np.array([pick(rng, contracts, plan.symbol, int(venue)) for venue in venues], np.int64)
    return Draft(
        (plan.start_ms + at_ms + lags[venues]).astype(np.int64),
        chosen,
        np.full(len(at_ms), int(plan.side)),
        sizes(rng, len(at_ms), median=plan.median_usd, sigma=plan.sigma, largest=plan.largest_usd),
    )


def impact(prices: Prices, plan: Cascade, draft: Draft) -> None:
    """Move the market's price along with the USD forced through, and let it take back a part afterwards."""
    edges = np.arange(len(prices.usd) + 1) * PRICE_STEP_MS
    forced = np.cumsum(np.histogram(draft.at_ms, edges, weights=draft.usd)[0])
    share = forced / max(float(draft.usd.sum()), 1.0)
    over = np.maximum(edges[:-1] - draft.at_ms.max(), 0)
    share *= 1 - RECOVERED * (1 - np.exp(-over / RECOVERY_MS))
    direction = -1 if plan.side == LiquidatedSide.LONG else 1
    prices.usd[:, plan.symbol] *= 1 + direction * plan.move * share


def describe(contracts: Contracts, plan: Cascade, draft: Draft) -> Episode:
    """Return the truth about a cascade that was drawn."""
    order = np.argsort(draft.at_ms, kind="stable")
    at_ms, done = draft.at_ms[order], np.cumsum(draft.usd[order])
    seconds = np.bincount((at_ms // 1000).astype(int), weights=draft.usd[order])
    return Episode(
        symbol=contracts.symbols[plan.symbol],
        side=plan.side.name,
        start_ms=int(at_ms[0]),
        peak_ms=int(np.argmax(seconds)) * 1000,
        end_ms=int(at_ms[np.searchsorted(done, END_SHARE * done[-1])]),
        leader=contracts.venues[plan.leader],
        orders=len(at_ms),
        usd=round(float(done[-1]), 2),
    )


def _first_ones(rng: np.random.Generator, plan: Cascade) -> Array:
    """Arrivals along ramp, plateau and decay, by thinning; never none, for a cascade has a first one."""
    peak = plan.rate * (1 - BRANCHING)
    count = rng.poisson(peak * plan.length_ms / 1000)
    at_ms = rng.uniform(0, plan.length_ms, count)
    rising = at_ms / plan.ramp_ms
    falling = (plan.length_ms - at_ms) / plan.decay_ms
    kept = at_ms[rng.random(count) < np.minimum(np.minimum(rising, falling), 1.0)]
    return np.concatenate((np.zeros(1), kept))


def _branch(rng: np.random.Generator, generation: Array) -> Array:
    everyone = [generation]
    while generation.size:
        parents = np.repeat(generation, rng.poisson(BRANCHING, generation.size))
        generation = parents + rng.exponential(CHILD_DELAY_MS, parents.size)
        everyone.append(generation)
    return np.concatenate(everyone)


def _venues(rng: np.random.Generator, contracts: Contracts, plan: Cascade, count: int) -> Array:
    """Draw a venue for each; the first is the leader's, and only venues that list the market take part."""
    lists = np.isin(np.arange(len(contracts.venues)), contracts.venue[contracts.symbol == plan.symbol])
    weight = np.where(lists, plan.correlation, 0.0)
    weight[plan.leader] = 1.0
    venues = rng.choice(len(weight), size=count, p=weight / weight.sum())
    venues[0] = plan.leader
    return venues
