"""Rules for names that venues share. They serve when the venue's own list of contracts is not at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MULTIPLIER_PREFIXES = (
    ("10000000", 10_000_000.0),
    ("1000000", 1_000_000.0),
    ("10000", 10_000.0),
    ("1000", 1_000.0),
    ("1M", 1_000_000.0),
)
"""Longest first. A whitelist: 1INCH and 4 are coins. Source: the venues' lists, checked 2026-11-20."""

SHORTEST_AFTER_1M = 3


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


def split_quote(pair: str, quotes: Sequence[str]) -> tuple[str, str] | None:
    """Split BASEQUOTE at the first of `quotes` that fits, None when none does."""
    for quote in quotes:
        if pair.endswith(quote) and len(pair) > len(quote):
            return pair.removesuffix(quote), quote
    return None
