"""Random schedules of what can happen to a running house."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec
import numpy as np


class FaultKind(StrEnum):
    """What happens."""

    KILL = "kill"
    """SIGKILL, and a start anew a moment later."""
    STOP = "stop"
    """SIGSTOP, and SIGCONT after `seconds`: longer than a lease, others may have taken over."""


SERVER = "server"
TARGETS = ("feeds", "velocity", "signals", SERVER)
SHORTEST_STOP, LONGEST_STOP = 0.3, 3.0
"""Seconds; the lease is 2."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault, `at_s` from the start of the market. The server is only killed."""

    at_s: float
    kind: FaultKind
    target: str
    seconds: float = 0.0


def schedule(seed: int, *, duration_s: float, faults: int = 3, targets: Sequence[str] = TARGETS) -> tuple[Fault, ...]:
    """Draw faults between a tenth and nine tenths of a run. Equal arguments draw equal ones."""
    rng = np.random.default_rng(seed)
    times = np.sort(rng.uniform(0.1, 0.9, faults)) * duration_s
    return tuple(_draw(rng, float(at), str(rng.choice(list(targets)))) for at in times)


def _draw(rng: np.random.Generator, at_s: float, target: str) -> Fault:
    kind = FaultKind.KILL if target == SERVER or rng.random() < 0.5 else FaultKind.STOP  # noqa: PLR2004
    seconds = 0.0 if kind is FaultKind.KILL else float(rng.uniform(SHORTEST_STOP, LONGEST_STOP))
    return Fault(at_s=round(at_s, 3), kind=kind, target=target, seconds=round(seconds, 3))
