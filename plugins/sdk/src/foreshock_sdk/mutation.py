"""Seeded damage to frames, for the contract's proof that a decoder survives anything. No global randomness."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

MASK = (1 << 64) - 1
NONSENSE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 10**30, 1.5, 1e308, -1e308, [], {}, [[]], [1], {"a": 1}),
    *("", " ", "0", "-1", "nan", "NaN", "inf", "-Infinity", "1e999", "1e-320", "abc", "9" * 400, "\x00", "币安"),
)
"""What takes the place of a value."""
LITTER = tuple(b'{}[]",:0-e\\\x00\xff\xe5n')


class Dice:
    """A small reproducible source of numbers (splitmix64)."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, limit: int) -> int:
        """Return a number from 0 to limit - 1."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & MASK
        z = ((self._state ^ (self._state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return (z ^ (z >> 31)) % limit


def damaged(frame: str, dice: Dice) -> bytes:
    """Return the frame with one to four bytes overwritten, dropped, doubled or everything behind them cut off."""
    body = bytearray(frame.encode())
    for _ in range(1 + dice.below(4)):
        place = dice.below(max(1, len(body)))
        work = dice.below(4)
        if work == 0:
            body[place : place + 1] = bytes([LITTER[dice.below(len(LITTER))]])
        elif work == 1:
            del body[place : place + 1 + dice.below(8)]
        elif work == 2:  # noqa: PLR2004 - one of four works
            body[place:place] = body[place : place + 1 + dice.below(30)]
        else:
            del body[place:]
    return bytes(body)


def variants(frame: str) -> Iterator[str]:
    """Yield the frame with each of its values in turn replaced by each nonsense, and with each key left out."""
    value = msgspec.json.decode(frame)
    for holder, key in list(_places(value)):
        kept = holder[key]
        for nonsense in NONSENSE:
            holder[key] = nonsense
            yield msgspec.json.encode(value).decode()
        holder[key] = kept
        if isinstance(holder, dict):
            order = list(holder.items())
            del holder[key]
            yield msgspec.json.encode(value).decode()
            holder.clear()
            holder.update(order)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield value, key
        yield from _places(child)
