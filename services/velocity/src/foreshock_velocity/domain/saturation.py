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
from collections.abc import Sequence

import numpy as np

from foreshock_velocity.domain.arrays import Array, grown
from foreshock_velocity.domain.normal import tail_and_density
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
_FIRST = np.array([FIRST_WEIGHT, FIRST_WEIGHT * FIRST_MU, FIRST_WEIGHT * (FIRST_SIGMA**2 + FIRST_MU**2)])
_LEAST, _MOST = (each**2 for each in SIGMA_RANGE)


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
        self._hide = np.zeros(0, np.bool_)
        """Of pairs: a gain above 1, or censored."""
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
        if not pair.size:
            return np.empty(0)
        order, rounds = _in_rounds(pair)
        lane, pair, usd, at, slot_ns = (each[order] for each in (lane, pair, usd, at, slot_ns))
        keep, slots = self._passed(lane, pair, at=at, slot_ns=slot_ns, rounds=rounds)
        log, aged, hidden = np.log(usd), _aged(slots), np.empty(len(order))
        first = pair[rounds[0]]
        place, newest = np.searchsorted(first, pair), np.empty((len(first), *self.sums.shape[1:]))
        for each in rounds:
            hidden[each], newest[place[each]] = self._step(
                lane[each], pair[each], usd[each], log=log[each], keep=keep[each], aged=aged[:, :, each]
            )
        self._conclude(first, newest)
        found = np.empty(len(order))
        found[order] = hidden
        return found

    def _passed(
        self, lane: Array, pair: Array, *, at: Array, slot_ns: Array, rounds: list[slice]
    ) -> tuple[Array, Array]:
        """Move times on; return what a row leaves of its pair's sums (N, W), and whole slots since its lane's last."""
        before, lately, last = np.empty(len(at), np.int64), np.empty(len(at), np.int64), self.lanes.last
        now = at.copy()
        for each in rounds:
            lately[each], before[each] = last[lane[each]], self.stamp[pair[each]]
            last[lane[each]] = np.maximum(lately[each], at[each])
            self.stamp[pair[each]] = now[each] = np.maximum(before[each], at[each])
        gap = np.minimum(np.maximum((at - lately) / slot_ns, 0), MOST_SLOTS)
        passed = np.minimum((now - before)[:, None], 1e15) / self._kernel_ns
        return np.exp(-passed), np.rint(gap)

    def _step(  # noqa: PLR0913 - columns of rows
        self, lane: Array, pair: Array, usd: Array, *, log: Array, keep: Array, aged: Array
    ) -> tuple[Array, Array]:
        """Take one row of each of some pairs; return the USD hidden, and their sums (N, 4, W)."""
        mu, sigma = self.distribution(pair)
        both = np.empty((2, len(pair)))
        z = np.divide(log - mu, sigma, out=both[0])
        np.subtract(sigma, z, out=both[1])
        (above, below), (thin, _) = tail_and_density(both)
        rate, level = self._rates(lane, above, aged)
        hidden = rate * (1 - above)
        hidden_usd: Array = np.minimum(rate * np.exp(mu + sigma**2 / 2) * below, hidden * usd)
        self._learn(pair, level < TEACHES_BELOW, (log, z, rate, above, thin, mu, sigma))
        sums: Array = self.sums[pair] * keep[:, None, :]
        for kind, news in ((RAW_USD, usd), (HIDDEN_USD, hidden_usd), (HIDDEN_COUNT, hidden)):
            sums[:, kind] += news[:, None]
        sums[:, RAW_COUNT] += 1
        self.sums[pair] = sums
        return hidden_usd, sums

    def _conclude(self, pair: Array, sums: Array) -> None:
        """Say what is hidden of pairs (N,), distinct, whose newest sums these are, (N, 4, W)."""
        self.gain[pair] = 1 + sums[:, HIDDEN_USD::2] / sums[:, RAW_USD::2]
        seen, unseen = sums[:, RAW_COUNT, self._flag_at], sums[:, HIDDEN_COUNT, self._flag_at]
        self.censored[pair] = unseen > CENSORED_SHARE * (seen + unseen)
        self._note_hiding(pair)

    def _note_hiding(self, pair: Array | slice) -> None:
        self._hide[pair] = self.censored[pair] | (self.gain[pair, 0, 0] > 1)

    def resize(self, rows: int) -> None:
        """Make room for the rows 0 to `rows` - 1."""
        super().resize(rows)
        self._hide = grown(self._hide, len(self.censored))

    def restore(self, arrays: Sequence[Array]) -> None:
        """Take up a snapshot. Raises ValueError when its columns are of another number or length."""
        super().restore(arrays)
        self._note_hiding(slice(self.size))

    def hide(self, pairs: Array) -> bool:
        """Tell whether any of these pairs may hide orders; pairs that `resize` was not told of do not."""
        if not self.lanes.size:
            return False
        known = pairs if self.size > pairs.max(initial=0) else pairs[pairs < self.size]
        return bool(np.count_nonzero(self._hide.take(known)))

    def _rates(self, lane: Array, above: Array, aged: Array) -> tuple[Array, Array]:
        """Return (orders a slot now, level of it) of lanes, after a row each whose size `above` of all exceed.

        aged: as of `_aged`, used up.
        """
        found = []
        for state, (keep, news) in zip((self.lanes.level, self.lanes.own), aged, strict=True):
            news[:, 1] += above
            moved = state.take(lane, axis=0)
            moved *= keep
            moved += news
            state[lane] = moved
            found.append(moved.T)
        (orders, exposure), (own, own_exposure) = found
        level = orders / (exposure + LEAST_EXPOSURE)
        return (1 + own) / (1 / level + own_exposure), level

    def distribution(self, pair: Array) -> tuple[Array, Array]:
        """Return (mu, sigma) of ln USD, (N,) each, of single orders of pairs."""
        total, *moments = (self.sizes.take(pair, axis=0) + _FIRST).T
        mu, square = (each / total for each in moments)
        square -= mu * mu
        np.minimum(np.maximum(square, _LEAST, out=square), _MOST, out=square)
        return mu, np.sqrt(square, out=square)

    def _learn(self, pair: Array, sure: Array, columns: tuple[Array, ...]) -> None:
        """Learn sizes from the largest orders of slots, of pairs of which that is `sure` to say something.

        columns: ln USD, its z, orders a slot, what part of orders is larger, the density at z, mu and sigma: (N,) each.
        """
        if not np.count_nonzero(sure):
            return
        if np.count_nonzero(sure) < len(sure):
            pair, columns = pair[sure], tuple(each[sure] for each in columns)
        log, z, rate, above, thin, mu, sigma = columns
        below, thin = rate * (1 - above), rate * thin
        first = mu * below - sigma * thin
        second = mu**2 * below - 2 * mu * sigma * thin + sigma**2 * (below - z * thin)
        self.sizes[pair] = self.sizes[pair] * KEEP + np.array((1 + below, log + first, log**2 + second)).T

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


def _in_rounds(pair: Array) -> tuple[Array, list[slice]]:
    """Return an order (N,) of rows, and its parts: in each every pair stands at most once, all of them in the first."""
    by_pair = np.argsort(pair, kind="stable")
    grouped = pair[by_pair]
    other = grouped[1:] != grouped[:-1]
    if np.count_nonzero(other) == len(other):
        return by_pair, [slice(len(pair))]
    first = np.concatenate(([0], np.flatnonzero(other) + 1))
    sizes = np.concatenate((first[1:], [len(pair)])) - first
    turn = np.arange(len(pair)) - first.repeat(sizes)
    ends = np.cumsum(np.bincount(turn)).tolist()
    return by_pair[np.argsort(turn, kind="stable")], [slice(*each) for each in zip([0, *ends], ends, strict=False)]


def _aged(slots: Array) -> Array:
    """Return what becomes of LEVEL and OWN after `slots` (N,), as (2, 2, N, 2), of orders and exposure.

    First what is kept of them, then what comes: an order, and the exposure of the empty ones of these slots.
    """
    found, before = np.ones((2, 2, len(slots), 2)), np.maximum(slots - 1, 0)
    for (kept, news), memory in zip(found, (LEVEL_SLOTS, OWN_SLOTS), strict=True):
        keep = math.exp(-1 / memory)
        kept[:] = (keep**slots)[:, None]
        news[:, 1] = keep * (1 - keep**before) / (1 - keep)
    return found
