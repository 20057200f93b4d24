"""Hold the simulator's ledger against what came out: nothing lost, nothing twice, nothing invented."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from foreshock_lab.domain.facts import Fact
from foreshock_lab.domain.ledger import Ledger
from foreshock_lab.domain.observed import Observed, Seen

EXAMPLES = 5


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome, in rows.

    sent        distinct rows written to a subscribed socket
    processed   of those, the ones that velocity has counted
    lost        sent - processed
    duplicates  rows counted twice, in the stream or in the totals
    unknown     rows that came out and never went in
    recalled    rows that came out, were never written to a subscribed socket, and were told as a venue's past
    missing     the rows of `sent` that the streams do not hold
    examples    some of the missing and unknown ones, for people
    """

    sent: int
    processed: int
    lost: int
    duplicates: int
    unknown: int
    recalled: int = 0
    missing: tuple[Hashable, ...] = ()
    examples: tuple[str, ...] = ()


def reconcile(ledger: Ledger, observed: Observed) -> Account:
    """Compare row by row: by facts, or by event ids where the ledger holds ids."""
    sent = ledger.sent
    found = _by_id(sent, observed) if ledger.by_id else _by_fact(ledger, observed)
    uncounted, overcounted = _against_totals(observed)
    processed = max(len(sent) - len(found.lost) - uncounted, 0)
    return Account(
        sent=len(sent),
        processed=processed,
        lost=len(sent) - processed,
        duplicates=observed.doubled + overcounted,
        unknown=len(found.unknown),
        recalled=found.recalled,
        missing=tuple(found.lost),
        examples=tuple(f"lost {each}" for each in found.lost[:EXAMPLES])
        + tuple(f"unknown {each}" for each in found.unknown[:EXAMPLES]),
    )


class _Found(NamedTuple):
    lost: Sequence[Hashable]
    unknown: Sequence[Hashable]
    recalled: int = 0


def _by_id(sent: Mapping[Hashable, int], observed: Observed) -> _Found:
    return _Found(
        [key for key in sent if key not in observed.events],
        [key for key in observed.events if key not in sent],
    )


class _Way(NamedTuple):
    """How a row may stand for a fact: which rows may, and what both must have in common."""

    may: Callable[[Seen], bool]
    common: Callable[[Fact], Fact]


WAYS = (
    _Way(lambda _: True, lambda fact: fact),
    _Way(lambda row: row.clamped, Fact.timeless),
    _Way(lambda row: row.backfilled, Fact.to_the_second),
)
"""The strictest first."""


def _by_fact(ledger: Ledger, observed: Observed) -> _Found:
    sent: Counter[Fact] = Counter(key for key in ledger.sent if isinstance(key, Fact))
    others: Counter[Fact] = Counter(key for key in ledger.recalled - ledger.sent.keys() if isinstance(key, Fact))
    before = others.total()
    rows = list(observed.events.values())
    for way in WAYS:
        for facts in (sent, others):
            rows = _paired(rows, facts, way)
    return _Found(list(sent.elements()), [row.fact for row in rows], before - others.total())


def _paired(rows: list[Seen], facts: Counter[Fact], way: _Way) -> list[Seen]:
    """Take from `facts` what rows stand for; return the rows that stand for none of them."""
    there: dict[Fact, list[Fact]] = {}
    for fact in facts.elements():
        there.setdefault(way.common(fact), []).append(fact)
    left = []
    for row in rows:
        fits = there.get(way.common(row.fact)) if way.may(row) else None
        if fits:
            facts[fits.pop()] -= 1
        else:
            left.append(row)
    return left


def _against_totals(observed: Observed) -> tuple[int, int]:
    """Rows the stream holds and the totals do not, and the other way round, symbol by symbol."""
    under = over = 0
    for symbol in observed.rows.keys() | observed.totals.keys():
        gap = observed.rows[symbol] - observed.totals.get(symbol, 0)
        under += max(gap, 0)
        over += max(-gap, 0)
    return under, over
