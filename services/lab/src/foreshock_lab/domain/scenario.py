"""The named scenarios: what each of them is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from foreshock_lab.domain import contagion, flow
from foreshock_lab.domain.contracts import Contracts, tabulate, to_price, to_size
from foreshock_lab.domain.flow import Draft
from foreshock_lab.domain.oddities import displace, odd_events, whales
from foreshock_lab.domain.timeline import PRICE_STEP_MS, Episode, Events, OddEvent, Prices, Timeline
from foreshock_sdk.events import LiquidatedSide
from foreshock_sdk.instruments import InstrumentSpec

Array = npt.NDArray[Any]

VOLATILITY_BP = 0.4
"""Standard deviation of one price step: about 50 % a year."""
QUOTE_NOISE_BP = 1.0
"""A liquidation's price lies so far from the market's."""
EVERY_MS = 60_000
"""A long run has a cascade a minute."""
QUIET_END_MS = 8_000
"""No cascade starts so close to the end."""


class Scenario(msgspec.Struct, frozen=True):
    """What a name stands for: normal flow a second, and cascades."""

    summary: str
    rate: float
    alerts: bool | None
    """Whether a subscriber should see an ALERT or higher; None: either may be."""
    cascades: Callable[[np.random.Generator, Contracts, int, float], list[contagion.Cascade]] | None = None
    odd: bool = False


def generate(  # noqa: PLR0913 - the generator's arguments are its interface
    scenario: str,
    *,
    seed: int = 0,
    duration_s: float = 30.0,
    rate: float | None = None,
    correlation: float = 0.7,
    listings: Mapping[str, Sequence[InstrumentSpec]],
) -> Timeline:
    """Make the timeline of a scenario. Equal arguments make equal timelines.

    rate         ordinary liquidations a second over all venues; None: the scenario's own
    correlation  0 to 1: how far bursts and cascades spread to other venues
    Raises ValueError naming the argument that is out of range.
    """
    plan = _checked(scenario, duration_s, rate, correlation)
    rng = np.random.default_rng([seed, *scenario.encode()])
    contracts = tabulate(listings)
    duration_ms = round(duration_s * 1000)
    drafts = [
        flow.normal(
            rng,
            contracts,
            duration_ms=duration_ms,
            rate=plan.rate if rate is None else rate,
            correlation=correlation,
        )
    ]
    prices = _paths(rng, contracts, duration_ms)
    cascades = plan.cascades(rng, contracts, duration_ms, correlation) if plan.cascades else []
    more, episodes = _add_cascades(rng, contracts, cascades, prices, end_ms=duration_ms)
    drafts += more
    oddities: tuple[OddEvent, ...] = ()
    if plan.odd:
        drafts.append(whales(rng, contracts, duration_ms))
        oddities = odd_events(rng, contracts.venues, duration_ms)
    events = _finish(rng, contracts, flow.join(drafts), prices, late=plan.odd)
    return Timeline(scenario, seed, duration_s, contracts.venues, contracts.specs, events, prices, episodes, oddities)


def _checked(scenario: str, duration_s: float, rate: float | None, correlation: float) -> Scenario:
    if scenario not in SCENARIOS:
        raise ValueError(f"scenario: {scenario!r} is not one of {', '.join(SCENARIOS)}")
    if not 1 <= duration_s <= 86_400:  # noqa: PLR2004 - a day of prices fits in memory
        raise ValueError(f"duration: {duration_s} is not within 1..86400 seconds")
    if rate is not None and not 0 <= rate <= 100_000:  # noqa: PLR2004
        raise ValueError(f"rate: {rate} is not within 0..100000 a second")
    if not 0 <= correlation <= 1:
        raise ValueError(f"correlation: {correlation} is not within 0..1")
    return SCENARIOS[scenario]


def _add_cascades(
    rng: np.random.Generator,
    contracts: Contracts,
    plans: Sequence[contagion.Cascade],
    prices: Prices,
    *,
    end_ms: int,
) -> tuple[list[Draft], tuple[Episode, ...]]:
    drafts = []
    episodes = []
    for plan in plans:
        draft = flow.until(end_ms, contagion.unfold(rng, contracts, plan))
        if not draft.at_ms.size:  # it would start after the end
            continue
        contagion.impact(prices, plan, draft)
        drafts.append(draft)
        episodes.append(contagion.describe(contracts, plan, draft))
    return drafts, tuple(episodes)


def _paths(rng: np.random.Generator, contracts: Contracts, duration_ms: int) -> Prices:
    """Random walks: one part shared by all markets, one part each its own."""
    steps, markets = duration_ms // PRICE_STEP_MS + 1, len(contracts.symbols)
    shared = rng.standard_normal((steps, 1))
    own = rng.standard_normal((steps, markets))
    moves = VOLATILITY_BP * 1e-4 * (0.8 * shared + 0.6 * own)
    moves[0] = 0.0
    return Prices(contracts.symbols, contracts.base_price * np.exp(np.cumsum(moves, axis=0)))


def _finish(rng: np.random.Generator, contracts: Contracts, draft: Draft, prices: Prices, *, late: bool) -> Events:
    """Give every liquidation its price and size, and put them in order; no two of them are alike."""
    market = prices.usd[prices.at(draft.at_ms), contracts.symbol[draft.contract]]
    noise = 1 + QUOTE_NOISE_BP * 1e-4 * rng.standard_normal(len(market))
    price = to_price(contracts, draft.contract, market * noise)
    size = to_size(contracts, draft.contract, price, draft.usd)
    event_ms = displace(rng, draft.at_ms) if late else draft.at_ms
    order = np.argsort(draft.at_ms, kind="stable")
    columns = (draft.at_ms, event_ms, draft.contract, draft.side, price, size)
    return _unlike(contracts, Events(*(column[order] for column in columns)))


def _unlike(contracts: Contracts, events: Events) -> Events:
    """Add a lot to the size of a row that repeats another: nobody could tell the two apart."""
    seen: set[tuple[Any, ...]] = set()
    size = events.size.copy()
    rows = zip(
        *(c.tolist() for c in (events.event_ms, events.contract, events.side, events.price, size)),
        strict=True,
    )
    for at, (event_ms, contract, side, price, amount) in enumerate(rows):
        decimals = int(contracts.size_decimals[contract])
        unique = amount
        while (event_ms, contract, side, price, unique) in seen:
            unique = round(unique + 10.0**-decimals, decimals)
        seen.add((event_ms, contract, side, price, unique))
        size[at] = unique
    return events._replace(size=size)


def _starts(duration_ms: int, every_ms: int) -> range:
    """A cascade at a third of a short run; in a long one, at 20 s and then one in every `every_ms`."""
    first = min(duration_ms // 3, 20_000)
    return range(first, max(duration_ms - QUIET_END_MS, first + 1), every_ms)


def _leaders(rng: np.random.Generator, contracts: Contracts) -> tuple[int, LiquidatedSide, int]:
    """Draw a large market that most venues list, the side that dies (mostly longs) and a leading venue."""
    spread = [len(set(contracts.venue[contracts.symbol == at])) for at in range(len(contracts.symbols))]
    candidates = [at for at, venues in enumerate(spread) if venues == max(spread)][:3]
    weight = np.array([0.6, 0.25, 0.15])[: len(candidates)]
    symbol = int(rng.choice(candidates, p=weight / weight.sum()))
    side = LiquidatedSide.LONG if rng.random() < 0.7 else LiquidatedSide.SHORT  # noqa: PLR2004
    return symbol, side, int(rng.choice(np.unique(contracts.venue[contracts.symbol == symbol])))


def _gradual(
    rng: np.random.Generator, contracts: Contracts, duration_ms: int, correlation: float
) -> list[contagion.Cascade]:
    """Ramps to tens of liquidations a second over three seconds and lasts about ten."""
    return [_one(rng, contracts, start, correlation) for start in _starts(duration_ms, EVERY_MS)]


def _one(rng: np.random.Generator, contracts: Contracts, start_ms: int, correlation: float) -> contagion.Cascade:
    symbol, side, leader = _leaders(rng, contracts)
    return contagion.Cascade(
        symbol=symbol,
        side=side,
        leader=leader,
        start_ms=start_ms,
        ramp_ms=3_000,
        hold_ms=5_000,
        decay_ms=3_000,
        rate=float(rng.uniform(35, 55)),
        correlation=correlation,
        median_usd=60_000.0,
        sigma=1.0,
        largest_usd=2_000_000.0,
        move=float(rng.uniform(0.015, 0.03)),
    )


def _flash(
    rng: np.random.Generator, contracts: Contracts, duration_ms: int, correlation: float
) -> list[contagion.Cascade]:
    """All within two to three seconds."""
    return [
        msgspec.structs.replace(
            each,
            ramp_ms=600,
            hold_ms=1_200,
            decay_ms=600,
            rate=float(rng.uniform(120, 180)),
            move=float(rng.uniform(0.02, 0.04)),
        )
        for each in _gradual(rng, contracts, duration_ms, correlation)
    ]


def _multi(
    rng: np.random.Generator, contracts: Contracts, duration_ms: int, correlation: float
) -> list[contagion.Cascade]:
    """One market pulls two to four others after it, each a little later and a little weaker."""
    plans = []
    for leader in _gradual(rng, contracts, duration_ms, correlation):
        others = [at for at in range(len(contracts.symbols)) if at != leader.symbol][:6]
        wanted = min(int(rng.integers(2, 5)), len(others))
        plans.append(leader)
        for lag, symbol in enumerate(rng.permutation(others)[:wanted], 1):
            venues = np.unique(contracts.venue[contracts.symbol == symbol])
            plans.append(
                msgspec.structs.replace(
                    leader,
                    symbol=int(symbol),
                    leader=int(leader.leader if leader.leader in venues else venues[0]),
                    start_ms=leader.start_ms + int(lag * rng.integers(300, 1_200)),
                    rate=leader.rate * 0.8,
                    median_usd=leader.median_usd * 0.6,
                )
            )
    return plans


SCENARIOS: Mapping[str, Scenario] = {
    "steady": Scenario("an ordinary day: bursts, heavy-tailed sizes, no cascade", 3.0, alerts=False),
    "cascade": Scenario("one market cascades over all venues", 3.0, alerts=True, cascades=_gradual),
    "multi": Scenario("three to five markets cascade one after another", 3.0, alerts=True, cascades=_multi),
    "flash": Scenario("a cascade within two to three seconds", 3.0, alerts=True, cascades=_flash),
    "edge": Scenario("no cascade; everything a feed does on a bad day", 2.0, alerts=False, odd=True),
    "stress": Scenario("thousands of liquidations a second on every market", 3_000.0, alerts=None),
}
