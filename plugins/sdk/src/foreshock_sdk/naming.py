"""Rules for names that venues share. They serve when the venue's own list of contracts is not at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from foreshock_sdk.instruments import InstrumentSpec

MULTIPLIER_PREFIXES = (
    ("10000000", 10_000_000.0),
    ("1000000", 1_000_000.0),
    ("10000", 10_000.0),
    ("1000", 1_000.0),
    ("1M", 1_000_000.0),
)
"""Longest first. A whitelist: 1INCH and 4 are coins. Source: the venues' lists, checked 2026-11-20."""

SHORTEST_AFTER_1M = 3
MAJORS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT")


def peel_multiplier(base: str, known: Mapping[str, tuple[str, float]] | None = None) -> tuple[str, float]:
    """Split a venue's spelling of a base coin into (coin, how many of it): 1000PEPE is (PEPE, 1000).

    `known` names exceptions that no prefix explains. What follows a prefix must begin as a coin does, not
    with a digit.
    """
    if known and base in known:
        return known[base]
    for prefix, multiplier in MULTIPLIER_PREFIXES:
        coin = base.removeprefix(prefix)
        if coin != base and coin and not coin[0].isdigit() and (prefix != "1M" or len(coin) >= SHORTEST_AFTER_1M):
            return coin, multiplier
    return base, 1.0


def named_spec(venue: str, raw_symbol: str, base: str, quote: str, **more: Any) -> InstrumentSpec:
    """Return a contract whose base is spelled with or without a multiplier; more: further fields of its spec."""
    coin, multiplier = peel_multiplier(base)
    spelled = base if base != coin else ""
    names: dict[str, Any] = {"base": coin, "contract_base": spelled, "quote": quote, "multiplier": multiplier}
    return InstrumentSpec(venue=venue, raw_symbol=raw_symbol, **names, **more)


def split_quote(pair: str, quotes: Sequence[str]) -> tuple[str, str] | None:
    """Split BASEQUOTE at the first of `quotes` that fits, None when none does."""
    for quote in quotes:
        if pair.endswith(quote) and len(pair) > len(quote):
            return pair.removesuffix(quote), quote
    return None


def depth_symbols(symbols: Sequence[str]) -> frozenset[str]:
    """Return the underlying markets whose books are read: those named, else MAJORS: books are the heaviest channels."""
    return frozenset(symbols or MAJORS)
