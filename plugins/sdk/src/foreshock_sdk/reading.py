"""What decoders share: number types that refuse nonsense while they are read, and an index of spellings.

The types go into `msgspec.Struct` fields. msgspec checks them in C while it decodes, so a decoder pays
nothing for refusing NaN, infinities, zero and impossible times, and its slow path refuses exactly the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from msgspec import Meta, MsgspecError

from foreshock_sdk.errors import FrameError
from foreshock_sdk.instruments import Instruments, InstrumentSpec

SMALLEST = 1e-18
LARGEST = 1e18
"""Beyond these no venue trades, and products and quotients of two numbers stay finite within them."""
YEAR_2100_MS = 4_102_444_800_000

Positive = Annotated[float, Meta(ge=SMALLEST, lt=LARGEST)]
"""A price or a size."""
NonNegative = Annotated[float, Meta(ge=0, lt=LARGEST)]
"""A number that may be absent as 0, or that only tells one event from another."""
Finite = Annotated[float, Meta(gt=-LARGEST, lt=LARGEST)]
"""A rate."""
Millis = Annotated[int, Meta(gt=0, lt=YEAR_2100_MS)]
"""A venue's time in ms UTC."""

UNREADABLE = (MsgspecError, ValueError, RecursionError, FrameError)
"""What reading a frame may raise: malformed JSON, a wrong value, broken UTF-8, too many brackets, our no."""
UNEXPECTED = (*UNREADABLE, KeyError)
"""What sends a fast path to the slow one: a frame it was not made for, or a name not seen before."""

LONGEST_SPELLING = 40
MOST_CONTRACTS = 10_000


class SpellingIndex:
    """Index of a contract in the `Instruments` table by the venue's spelling.

    known  what was asked before, a plain dictionary for fast paths: a miss there is a case for `of`
    """

    def __init__(self, instruments: Instruments, learn: Callable[[str], InstrumentSpec]) -> None:
        self.known: dict[str, int] = {}
        self._instruments = instruments
        self._learn = learn

    def of(self, raw_symbol: str, learn: Callable[[str], InstrumentSpec] | None = None) -> int:
        """Return the index; a spelling that the table lacks (a new listing) is put there as `learn` reads it.

        A frame that itself tells of the contract brings a `learn` of its own. Raises FrameError when `learn` does, when
        the spelling cannot be one, or when the table is full.
        """
        index = self.known.get(raw_symbol)
        if index is None:
            index = self._instruments.find(raw_symbol)
        if index is None:
            index = self._instruments.put(self._new(raw_symbol, learn or self._learn))
        self.known[raw_symbol] = index
        return index

    def _new(self, raw_symbol: str, learn: Callable[[str], InstrumentSpec]) -> InstrumentSpec:
        shown = repr(raw_symbol[:LONGEST_SPELLING])
        if not raw_symbol.isprintable() or " " in raw_symbol or not 0 < len(raw_symbol) <= LONGEST_SPELLING:
            raise FrameError(f"{shown} is not a contract's name")
        if len(self._instruments) >= MOST_CONTRACTS:
            raise FrameError(f"contract {shown} is unknown and the table of contracts is full")
        return learn(raw_symbol)
