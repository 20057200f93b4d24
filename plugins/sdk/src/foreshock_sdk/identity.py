"""One number for one event: equal in every process and every run, so that duplicates are found anywhere.

Each raw field is folded in by a multiplication and a shift, both invertible, and the finaliser of
splitmix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014) spreads the
result. `foreshock_feeds.domain` has the same over arrays; a test holds the two together. 64 bits: among a
million remembered events two share a number with probability 3e-8.
"""

from __future__ import annotations

import struct
from hashlib import blake2b

MASK = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15
MIX_1 = 0xBF58476D1CE4E5B9
MIX_2 = 0x94D049BB133111EB


def seed_of(venue: str, raw_symbol: str) -> int:
    """Return the 64-bit seed of one contract."""
    return int.from_bytes(blake2b(f"{venue}\0{raw_symbol}".encode(), digest_size=8).digest(), "little")


def fold(state: int, value: int) -> int:
    """Fold one 64-bit value into the state."""
    state = ((state ^ value) * GAMMA) & MASK
    return state ^ (state >> 32)


def finish(state: int) -> int:
    """Spread every bit of the state over the whole key."""
    state = ((state ^ (state >> 30)) * MIX_1) & MASK
    state = ((state ^ (state >> 27)) * MIX_2) & MASK
    return state ^ (state >> 31)


def float_bits(value: float) -> int:
    """Return the IEEE 754 bits of a float."""
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def text_identity(text: str) -> tuple[float, float]:
    """Return the two identity columns of an event that the venue names by a text: 48 bits of its hash each, exact."""
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest()
    return float(int.from_bytes(digest[:6], "little")), float(int.from_bytes(digest[6:], "little"))


def event_key(  # noqa: PLR0913, PLR0917 - the raw fields
    seed: int, side: int, ts_event_ms: int, size: float, identity: tuple[float, float], ordinal: int = 0
) -> int:
    """Return the 64-bit key of one event; ordinal counts equal rows of one frame from 0."""
    state = fold(seed, 2 * ts_event_ms + side)
    for value in (size, *identity):
        state = fold(state, float_bits(value))
    return finish((state + ordinal) & MASK)


def format_key(key: int) -> str:
    """Return the text form of a key, as `event_id` shows it."""
    return f"{key:016x}"
