"""What a contract costs in the simulated market, and how many of its units an amount of USD is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt

from foreshock_sdk.instruments import USD_LIKE, InstrumentSpec

Array = npt.NDArray[Any]

PRICES: Mapping[str, float] = {
    "BTC": 95_000.0,
    "ETH": 3_400.0,
    "SOL": 190.0,
    "BNB": 680.0,
    "XRP": 2.3,
    "DOGE": 0.33,
    "ADA": 0.9,
    "AVAX": 36.0,
    "LINK": 22.0,
    "LTC": 104.0,
    "DOT": 6.8,
    "SUI": 4.1,
    "HYPE": 24.0,
    "1INCH": 0.38,
    "PEPE": 0.000_018,
    "SHIB": 0.000_022,
    "BONK": 0.000_031,
    "FLOKI": 0.000_17,
    "SATS": 0.000_000_2,
}
"""USD a base coin at the start of every scenario, of the order of January 2025."""

ACTIVITY: Mapping[str, float] = {"BTC": 1.0, "ETH": 0.8, "SOL": 0.5, "XRP": 0.35, "DOGE": 0.35, "BNB": 0.2}
"""How often a market liquidates beside the others; `OTHER_ACTIVITY` for those not named."""
OTHER_ACTIVITY = 0.08

SIGNIFICANT = 5
"""Decimals of a price after its first digit."""
LOT_USD = 100.0
"""A lot is worth at most so much, as on the venues (0.001 BTC)."""
MAX_DECIMALS = 12


class Contracts(NamedTuple):
    """Contracts as arrays of one length C.

    symbol  index into `symbols`; price_decimals and size_decimals as the venue writes; weight sums to 1.
    """

    specs: tuple[InstrumentSpec, ...]
    venues: tuple[str, ...]
    symbols: tuple[str, ...]
    base_price: Array
    venue: Array
    symbol: Array
    value: Array
    inverse: Array
    usd_sized: Array
    multiplier: Array
    price_decimals: Array
    size_decimals: Array
    weight: Array


def base_price(base: str) -> float:
    """Return the starting price of a coin; one not in the table gets one between 0.1 and 10 from its name."""
    return PRICES.get(base) or float(10.0 ** (crc32(base.encode()) % 2001 / 1000 - 1))


def tabulate(listings: Mapping[str, Sequence[InstrumentSpec]]) -> Contracts:
    """Turn the venues' listings into arrays, only contracts quoted in USD. Raises ValueError when none is."""
    venues = tuple(sorted(listings))
    specs = [spec for venue in venues for spec in listings[venue] if spec.quote in USD_LIKE]
    if not specs:
        raise ValueError("no venue lists a contract quoted in USD")
    prices = {spec.symbol: base_price(spec.base) for spec in specs}
    symbols = tuple(sorted(prices, key=lambda each: (-_activity(each), each)))
    value = np.array([spec.contract_value for spec in specs])
    inverse = np.array([int(spec.inverse) for spec in specs])
    usd_sized = np.array([int(spec.usd_sized) for spec in specs])
    multiplier = np.array([spec.multiplier for spec in specs])
    raw_price = np.array([prices[spec.symbol] for spec in specs]) * multiplier
    weight = np.array([_activity(spec.symbol) * _share(spec) for spec in specs])
    digits = np.ceil(np.log10(np.where(usd_sized == 1, LOT_USD, value * raw_price) / LOT_USD))
    return Contracts(
        specs=tuple(specs),
        venues=venues,
        symbols=symbols,
        base_price=np.array([prices[each] for each in symbols]),
        venue=np.array([venues.index(spec.venue) for spec in specs]),
        symbol=np.array([symbols.index(spec.symbol) for spec in specs]),
        value=value,
        inverse=inverse,
        usd_sized=usd_sized,
        multiplier=multiplier,
        price_decimals=np.clip(SIGNIFICANT - np.floor(np.log10(raw_price)), 0, MAX_DECIMALS).astype(int),
        size_decimals=np.clip(digits, 0, MAX_DECIMALS).astype(int),
        weight=weight / weight.sum(),
    )


def to_price(contracts: Contracts, index: Array, usd_price: Array) -> Array:
    """Return the venue's price of these contracts for a price of the base coin, rounded as venues do."""
    return _round(usd_price * contracts.multiplier[index], contracts.price_decimals[index])


def to_size(contracts: Contracts, index: Array, price: Array, usd: Array) -> Array:
    """Return the venue's size that is worth so many USD at the venue's price: whole lots, at least one."""
    decimals = contracts.size_decimals[index]
    unit = contracts.value[index] * np.where(contracts.usd_sized[index] == 1, 1.0, price)
    return np.maximum(_round(usd / unit, decimals), _lot(decimals))


def _lot(decimals: Array) -> Array:
    return 1.0 / 10.0**decimals


def _round(values: Array, decimals: Array) -> Array:
    # a whole number over a power of ten is the double nearest to the decimal text, so text and value agree
    scale = 10.0**decimals
    return np.rint(values * scale) / scale


def _activity(symbol: str) -> float:
    return ACTIVITY.get(symbol.removesuffix("USDT"), OTHER_ACTIVITY)


def _share(spec: InstrumentSpec) -> float:
    """Most of a market's liquidations are on its linear perpetual in USDT."""
    if spec.expiry:
        return 0.04
    if spec.inverse:
        return 0.12
    return 1.0 if spec.quote == "USDT" else 0.08
