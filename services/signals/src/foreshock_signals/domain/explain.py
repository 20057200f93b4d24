"""One sentence a signal: what weighed most, with units."""

from __future__ import annotations

from typing import NamedTuple

from foreshock_signals.domain.features import NAMES

SPEAKING = 0.2
"""A contribution below this in log odds is not worth words."""
MOST_PHRASES = 3


class Facts(NamedTuple):
    """One side of one symbol, as plain numbers; sequences by window 2, 10, 60, 300 s or by feature.

    orders, usd          liquidations and USD in the windows
    usual_orders, usual_usd   what is usual in them
    contributions        log odds by feature, in the order of features.NAMES
    growth               lower bound of the growth beyond noise, 0 for none
    """

    side: str
    orders: list[float]
    usd: list[float]
    usual_orders: list[float]
    usual_usd: list[float]
    contributions: list[float]
    venues: int
    growth: float


SECONDS = ("2 s", "10 s", "60 s", "5 min")


def money(usd: float) -> str:
    """Return an amount as people say it: $950, $12k, $4.1M, $1.2B."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if usd >= size * 0.9995:
            value = usd / size
            return f"${value:.1f}{letter}" if value < 9.95 else f"${value:.0f}{letter}"  # noqa: PLR2004 - two digits
    return f"${usd:.0f}"


def times(ratio: float) -> str:
    """Return a ratio to what is usual."""
    return f"{ratio:.0f} x usual" if ratio >= 9.95 else f"{ratio:.1f} x usual"  # noqa: PLR2004 - two digits


def explain(facts: Facts) -> str:
    """Return the sentence."""
    phrases = _contributions(facts)
    if not phrases:
        return f"{facts.side.lower()} liquidations are near what is usual"
    if facts.venues > 1:
        phrases.append(f"{facts.venues} venues")
    if facts.growth > 0:
        phrases.append("accelerating")
    return "; ".join(phrases)


def _contributions(facts: Facts) -> list[str]:
    """The largest USD contribution, the largest of counts, and correlation, largest first."""
    best: dict[str, tuple[float, int]] = {}
    for at, weight in enumerate(facts.contributions):
        kind = NAMES[at].split("_")[0]
        if weight >= SPEAKING and weight > best.get(kind, (0.0, 0))[0]:
            best[kind] = (weight, at)
    ranked = sorted(best.items(), key=lambda each: -each[1][0])
    phrases = [_phrase(kind, at, facts) for kind, (_, at) in ranked if kind != "breadth"]
    return phrases[:MOST_PHRASES]


def _phrase(kind: str, at: int, facts: Facts) -> str:
    if kind == "correlation":
        return "venues burst together"
    window = at % len(SECONDS)
    if kind == "usd":
        ratio = times(facts.usd[window] / facts.usual_usd[window])
        return f"{money(facts.usd[window])} {facts.side.lower()} liquidated in {SECONDS[window]}, {ratio}"
    ratio = times(facts.orders[window] / facts.usual_orders[window])
    return f"{facts.orders[window]:.0f} orders in {SECONDS[window]}, {ratio}"
