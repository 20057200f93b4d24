"""Hold the simulator's ledger against what came out: nothing lost, nothing twice, nothing invented."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

import msgspec

from foreshock_lab.domain.facts import Fact
from foreshock_lab.domain.observed import Observed

EXAMPLES = 5


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome, in rows.

    sent        distinct rows written to a subscribed socket
    processed   of those, the ones that velocity has counted
    lost        sent - processed
    duplicates  rows counted twice, in the stream or in the totals
    unknown     rows that came out and never went in
    missing     the rows of `sent` that the streams do not hold
    examples    some of the missing and unknown ones, for people
    """

    sent: int
    processed: int
    lost: int
    duplicates: int
    unknown: int
    missing: tuple[Hashable, ...] = ()
    examples: tuple[str, ...] = ()


def reconcile(sent: Mapping[Hashable, int], observed: Observed, *, by_id: bool = False) -> Account:
    """Compare row by row: by facts, or by event ids where `sent` holds ids."""
    lost: Sequence[Hashable]
    unknown: Sequence[Hashable]
    lost, unknown = _by_id(sent, observed) if by_id else _by_fact(sent, observed)
    uncounted, overcounted = _against_totals(observed)
    processed = max(len(sent) - len(lost) - uncounted, 0)
    return Account(
        sent=len(sent),
        processed=processed,
        lost=len(sent) - processed,
        duplicates=observed.doubled + overcounted,
        unknown=len(unknown),
        missing=tuple(lost),
        examples=tuple(f"lost {each}" for each in lost[:EXAMPLES])
        + tuple(f"unknown {each}" for each in unknown[:EXAMPLES]),
    )


def _by_id(sent: Mapping[Hashable, int], observed: Observed) -> tuple[list[Hashable], list[Hashable]]:
    return (
        [key for key in sent if key not in observed.events],
        [key for key in observed.events if key not in sent],
    )


def _by_fact(sent: Mapping[Hashable, int], observed: Observed) -> tuple[list[Fact], list[Fact]]:
    waiting: Counter[Fact] = Counter(key for key in sent if isinstance(key, Fact))
    unmatched: list[Fact] = []
    corrected: list[Fact] = []
    for fact, was_corrected in observed.events.values():
        if waiting[fact] > 0:
            waiting[fact] -= 1
        else:
            (corrected if was_corrected else unmatched).append(fact)
    left = list((+waiting).elements())
    timeless = Counter(fact.timeless() for fact in corrected)
    lost = []
    for fact in left:
        key = fact.timeless()
        if timeless[key] > 0:
            timeless[key] -= 1
        else:
            lost.append(fact)
    return lost, unmatched + list((+timeless).elements())


def _against_totals(observed: Observed) -> tuple[int, int]:
    """Rows the stream holds and the totals do not, and the other way round, symbol by symbol."""
    under = over = 0
    for symbol in observed.rows.keys() | observed.totals.keys():
        gap = observed.rows[symbol] - observed.totals.get(symbol, 0)
        under += max(gap, 0)
        over += max(-gap, 0)
    return under, over
