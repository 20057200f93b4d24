"""Order books of simulated venues: made of the best prices known, told whole or by what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from foreshock_sdk.columns import Level
from foreshock_sdk.events import ContextField

SPREAD = 0.0001
"""From the mark price to the best, where that is not told."""
REACH = (0.0, 0.0001, 0.0005, 0.003, 0.012)
"""From the best price to each level: beyond 1 % of the mid price, so that the depth within it is known."""
Sides = tuple[list[Level], list[Level]]


def ladder(prices: Mapping[ContextField, float]) -> Sides:
    """Return bids and asks, best first: from the best prices known, else around the mark price, which must be there."""
    mark = prices[ContextField.MARK]
    bid, ask = prices.get(ContextField.BID, mark * (1 - SPREAD)), prices.get(ContextField.ASK, mark * (1 + SPREAD))
    sizes = prices.get(ContextField.BID_QUANTITY, 1.0), prices.get(ContextField.ASK_QUANTITY, 1.0)
    return _side(bid, sizes[0], -1), _side(ask, sizes[1], 1)


def _side(best: float, size: float, direction: int) -> list[Level]:
    return [(best * (1 + direction * reach), size) for reach in REACH]


def changes(before: Sequence[Level], after: Sequence[Level]) -> list[Level]:
    """Return the levels of one side that are new or other than before, and with size 0 those that are gone."""
    old, new = dict(before), dict(after)
    gone = [(price, 0.0) for price in old if price not in new]
    return gone + [(price, size) for price, size in after if old.get(price) != size]


class SimBooks:
    """What a venue has told of each contract's book, at most once in every_ms a contract."""

    def __init__(self, every_ms: int) -> None:
        self._every_ms = every_ms
        self._told: dict[str, Sides] = {}
        self._told_ms: dict[str, int] = {}

    def whole(self, contract: str) -> Sides | None:
        """Return the book as last told, None before the first."""
        return self._told.get(contract)

    def news(self, contract: str, prices: Mapping[ContextField, float], now_ms: int) -> tuple[Sides, bool] | None:
        """Return what to tell and whether that is the whole book; None too soon or without a price."""
        if ContextField.MARK not in prices or now_ms - self._told_ms.get(contract, -self._every_ms) < self._every_ms:
            return None
        before, after = self._told.get(contract), ladder(prices)
        self._told[contract], self._told_ms[contract] = after, now_ms
        if before is None:
            return after, True
        return (changes(before[0], after[0]), changes(before[1], after[1])), False
