"""What is usual for a symbol before anything of it was seen: packaged, by class, and deliberately on the busy side."""

from __future__ import annotations

from typing import NamedTuple


class Prior(NamedTuple):
    """Per side, over all venues: liquidations a second, and mean USD of one.

    Usual activity never falls below it: a dead market's first twenty orders are no cascade.
    """

    rate: float
    size: float


# Bybit, BTC, February 2026: 2,019 liquidations a day, lognormal sizes of sigma 2.16 with median $921 and mean $9.6k.
# 2,019 a day are 0.023/s; three venues and two sides make 0.035/s a side. The peak hour has about three times the mean
# (6 to 13 times the trough), and 77 % come within a second of the one before, so that a busy minute of an ordinary day
# runs at twice its hour: 0.035 x 3 x 2 = 0.2/s. A cold start does not know the hour, so it assumes that minute: it is
# late rather than loud. Further classes scale by their share of liquidated USD, smaller books by smaller orders.
MAJOR = Prior(rate=0.20, size=9_600.0)
LARGE = Prior(rate=0.10, size=4_000.0)
OTHER = Prior(rate=0.05, size=2_000.0)

_CLASSES = {
    "BTCUSDT": MAJOR,
    "ETHUSDT": MAJOR,
    "SOLUSDT": LARGE,
    "XRPUSDT": LARGE,
    "DOGEUSDT": LARGE,
    "BNBUSDT": LARGE,
    "HYPEUSDT": LARGE,
}


def of(symbol: str) -> Prior:
    """Return the prior of a symbol's class."""
    return _CLASSES.get(symbol, OTHER)
