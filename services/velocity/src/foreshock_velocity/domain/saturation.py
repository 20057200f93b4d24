"""What a throttled venue keeps to itself, estimated from what it lets through.

A venue that tells only the largest order of a contract in each slot (Binance: a second; Bitget: a second and side)
censors counts: the sums of what came are a lower bound. Let orders in a slot be a Poisson process of lambda a slot
with sizes of distribution F. Seen from the largest size downwards, that no order was larger than m has probability
exp(-lambda (1 - F(m))), and the orders below m are not touched by knowing m. So

    an occupied slot with largest order m    has likelihood lambda f(m) exp(-lambda (1 - F(m)))
    an empty slot                            has likelihood exp(-lambda)

and over N occupied slots the maximum is at lambda = N / (empty slots + sum of 1 - F(m)), with relative error
1 / sqrt(N). (Without the sizes there is only the share o of occupied slots, and lambda = -ln(1 - o), which says
nothing once all slots are occupied.) Given m, what was hidden below it has the expectations

    orders  lambda F(m)        USD  lambda x integral of x dF(x) from 0 to m

F is lognormal, so the integral is exp(mu + sigma^2 / 2) Phi((ln m - mu) / sigma - sigma).

lambda is not constant. Its level L is taken over some 10 slots, and each slot's own value is drawn to it as a Gamma
of shape 1 and mean L would be: lambda = (1 + N') / (1 / L + E'), N' and E' being orders and exposure over about one
slot. Without that, orders that bunch within slots were underestimated two times as much in simulations.

mu and sigma are those of a symbol at a venue, learnt by expectation and maximisation: of each occupied slot while
lambda is small (only then do largest orders say much of small ones), the order seen and, with their expected number,
those hidden, whose first two moments are the truncated normal's. They begin at those of Bybit BTC (median 921 USD,
sigma 2.16: February 2026), which count as 30 orders.

Sources: order statistics of a Poisson process, Kingman, Poisson Processes (1993), sections 2.1 and 5.1; the
mixture, any text on negative binomial counts; Dempster, Laird and Rubin (1977) for the learning.

Limits. Where the venue tells the newest order of a slot, not the largest (the documents of Binance contradict one
another), or bunches orders more than a Gamma of shape 1, the estimate is too low, and still a better one than the
lower bound. Slots are counted by receipt, because venues push at the end of a slot.
"""

from __future__ import annotations

import math

import numpy as np

from foreshock_velocity.domain.arrays import Array
from foreshock_velocity.domain.normal import density, tail
from foreshock_velocity.domain.table import Column, Table
from foreshock_velocity.domain.windows import LONG_AGO

LEVEL_SLOTS = 10.0
OWN_SLOTS = 1.0
LEAST_EXPOSURE = 0.005
"""Keeps lambda below 200 a slot, and finite."""
MOST_SLOTS = 60.0
"""A longer silence teaches no more."""
FIRST_MU, FIRST_SIGMA, FIRST_WEIGHT = math.log(921.0), 2.16, 30.0
SIGMA_RANGE = (0.5, 3.0)
KEEP = 1 - 1 / 2_000
"""Sizes of so many orders are remembered."""
TEACHES_BELOW = 1.0
CENSORED_SHARE = 0.3
"""A venue counts as censored while more of its orders than this share, over 10 s, are hidden."""
SHORTEST_KERNEL_MS = 2_000
"""Windows shorter than two slots take the share of hidden orders of this one."""
FLAG_WINDOW_MS = 10_000
MODEL_ERROR = 0.3
"""Relative error of what is hidden that remains however many orders are seen: measured on bunched orders."""
RAW_USD, HIDDEN_USD, RAW_COUNT, HIDDEN_COUNT = range(4)


class Lanes(Table):
    """What is known of each throttled lane: a contract, or a side of one.

    last (N,) ns UTC of the newest push
    level, own (N, 2)  orders seen and exposure in slots, decayed over LEVEL_SLOTS and over OWN_SLOTS
    """

    COLUMNS = (
        Column("last", "<i8", LONG_AGO),
        Column("level", "<f8", 0, (2,)),
        Column("own", "<f8", 0, (2,)),
    )
    last: Array
    level: Array
    own: Array


class Saturation(Table):
    """Estimates by pair (a symbol at a venue); rows of unthrottled venues stay at zero.

    stamp (P,) ns UTC of the newest row;  sizes (P, 3) weight and the first two moments of ln USD
    sums (P, 4, W) USD seen, USD hidden, orders seen, orders hidden, decayed with each window's length
    gain (P, 2, W) what USD and counts are to be multiplied with;  censored (P,) a good part of the orders is hidden
    """

    stamp: Array
    sizes: Array
    sums: Array
    gain: Array
    censored: Array

    def __init__(self, windows_ms: tuple[int, ...]) -> None:
        self._width = len(windows_ms)
        self._kernel_ns = np.maximum(np.array(windows_ms, np.float64), SHORTEST_KERNEL_MS) * 1e6
        self._flag_at = int(np.argmin(np.abs(np.array(windows_ms) - FLAG_WINDOW_MS)))
        self._minute_at = int(np.argmin(np.abs(np.array(windows_ms) - 60_000)))
        self.lanes = Lanes()
        super().__init__()

    def columns(self) -> tuple[Column, ...]:
        """Return the columns for so many windows."""
        return (
            Column("stamp", "<i8", LONG_AGO),
            Column("sizes", "<f8", 0, (3,)),
            Column("sums", "<f4", 0, (4, self._width)),
            Column("gain", "<f4", 1, (2, self._width)),
            Column("censored", "?"),
        )

    def advance(self, *, lane: Array, pair: Array, usd: Array, at: Array, slot_ns: Array) -> Array:
        """Take rows of throttled venues in the order they came; return (N,) USD that each is expected to hide.

        Parallel (N,) arrays: lane and pair known to `resize` of lanes and of this table, a lane being of one pair;
        usd [USD]; at ns UTC of receipt; slot_ns length of the lane's slots.
        """
        rows, hidden = np.arange(len(lane)), np.zeros(len(lane))
        while rows.size:
            _, first = np.unique(pair[rows], return_index=True)
            now = rows[first]
            hidden[now] = self._step(lane[now], pair[now], usd[now], at=at[now], slot_ns=slot_ns[now])
            rows = np.delete(rows, first)
        return hidden

    def _step(self, lane: Array, pair: Array, usd: Array, *, at: Array, slot_ns: Array) -> Array:
        """Take one row of each of some pairs; return the USD hidden."""
        mu, sigma = self.distribution(pair)
        log = np.log(usd)
        z = (log - mu) / sigma
        above = tail(z)
        rate, level = self._rates(lane, above, at=at, slot_ns=slot_ns)
        hidden = rate * (1 - above)
        hidden_usd: Array = np.minimum(rate * np.exp(mu + sigma**2 / 2) * tail(sigma - z), hidden * usd)
        self._learn(pair, log, z, rate=np.where(level < TEACHES_BELOW, rate, np.nan))
        at = np.maximum(at, self.stamp[pair])
        passed = np.minimum((at - self.stamp[pair])[:, None], 1e15) / self._kernel_ns
        news = np.stack([usd, hidden_usd, np.ones(len(usd)), hidden], axis=1)
        sums = self.sums[pair] * np.exp(-passed)[:, None, :] + news[:, :, None]
        self.sums[pair] = sums
        self.gain[pair] = 1 + sums[:, HIDDEN_USD::2] / sums[:, RAW_USD::2]
        seen, unseen = sums[:, RAW_COUNT, self._flag_at], sums[:, HIDDEN_COUNT, self._flag_at]
        self.censored[pair] = unseen > CENSORED_SHARE * (seen + unseen)
        self.stamp[pair] = at
        return hidden_usd

    def _rates(self, lane: Array, above: Array, *, at: Array, slot_ns: Array) -> tuple[Array, Array]:
        """Return (orders a slot now, level of it) of lanes, after a row each whose size `above` of all exceed."""
        lanes = self.lanes
        gap = np.clip((at - lanes.last[lane]) / slot_ns, 0, MOST_SLOTS)
        lanes.last[lane] = np.maximum(lanes.last[lane], at)
        slots = np.rint(gap)
        for state, memory in ((lanes.level, LEVEL_SLOTS), (lanes.own, OWN_SLOTS)):
            keep = math.exp(-1 / memory)
            empty = keep * (1 - keep ** np.maximum(slots - 1, 0)) / (1 - keep)
            news = np.stack([np.ones(len(lane)), empty + above], axis=1)
            state[lane] = state[lane] * (keep**slots)[:, None] + news
        level = lanes.level[lane, 0] / (lanes.level[lane, 1] + LEAST_EXPOSURE)
        return (1 + lanes.own[lane, 0]) / (1 / level + lanes.own[lane, 1]), level

    def distribution(self, pair: Array) -> tuple[Array, Array]:
        """Return (mu, sigma) of ln USD, (N,) each, of single orders of pairs."""
        weight, first, second = self.sizes[pair].T
        total = weight + FIRST_WEIGHT
        mu = (first + FIRST_WEIGHT * FIRST_MU) / total
        square = (second + FIRST_WEIGHT * (FIRST_SIGMA**2 + FIRST_MU**2)) / total
        sigma = np.sqrt(np.clip(square - mu**2, SIGMA_RANGE[0] ** 2, SIGMA_RANGE[1] ** 2))
        return mu, sigma

    def _learn(self, pair: Array, log: Array, z: Array, *, rate: Array) -> None:
        """Learn sizes from the largest orders of slots; a rate that is NaN teaches nothing."""
        sure = ~np.isnan(rate)
        pair, log, z, rate = pair[sure], log[sure], z[sure], rate[sure]
        mu, sigma = self.distribution(pair)
        below, thin = rate * (1 - tail(z)), rate * density(z)
        first = mu * below - sigma * thin
        second = mu**2 * below - 2 * mu * sigma * thin + sigma**2 * (below - z * thin)
        self.sizes[pair] = self.sizes[pair] * KEEP + np.stack([1 + below, log + first, log**2 + second], axis=1)

    def minute(self, pairs: Array, now: int) -> tuple[Array, Array, Array]:
        """Return (USD seen, USD estimated, error of ln of it), (...,), of the minute before `now` of pairs (..., V).

        Of what is hidden, the rate is uncertain by 1 / sqrt(orders seen) and the model by MODEL_ERROR.
        """
        sums = self.sums[pairs][..., self._minute_at]
        keep = np.exp(-np.clip(now - self.stamp[pairs], 0, 1 << 60) / self._kernel_ns[self._minute_at])
        raw, hidden, seen, _ = np.moveaxis(sums * keep[..., None], -1, 0)
        error = hidden * np.sqrt(MODEL_ERROR**2 + 1 / np.maximum(seen, 1))
        total = np.add.reduce(raw + hidden, axis=-1)
        spread = np.sqrt(np.add.reduce(error**2, axis=-1))
        return np.add.reduce(raw, axis=-1), total, spread / np.where(total > 0, total, 1)
