"""How long to wait before the next attempt."""

from __future__ import annotations


def full_jitter(attempt: int, chance: float, *, base: float = 0.5, cap: float = 30.0) -> float:
    """Return seconds to wait before attempt number `attempt` (from 1): anything up to a capped exponential.

    chance is a random number in [0, 1). Full jitter spreads clients best after a common fault
    (Brooker: Exponential Backoff And Jitter, AWS Architecture Blog, 2015).
    """
    return chance * min(cap, base * 2.0 ** min(attempt - 1, 30))
