"""What the streams should hold, worked out again from the inputs alone by the services' own pure steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from foreshock_lab.domain.steps import PartitionSteps
from foreshock_model import keys, signal
from foreshock_model.entries import InputEntry

Fields = Mapping[bytes, bytes]
DIFFERENCES = 5
"""So many differences are named; there may be more."""


class Rebuilt(NamedTuple):
    """Entries of one partition, id to content: fields of `metrics:{pN}`, JSON of `signals:{pN}`."""

    metrics: dict[str, Fields]
    signals: dict[str, bytes]


def rebuild(entries: Iterable[tuple[str, InputEntry]], *, tracked: tuple[str, ...]) -> Rebuilt:
    """Run one partition's inputs, from its first, through velocity and signals in one unbroken run.

    tracked: the symbols of this partition that signals is told to track. Raises what the steps raise.
    """
    steps = PartitionSteps(0, tracked)
    rebuilt = Rebuilt({}, {})
    for entry_id, entry in entries:
        found = steps.take(entry_id, entry)
        rebuilt.metrics[entry_id] = found.answer.to_fields()
        for k, said in enumerate(found.outcome.signals):
            rebuilt.signals[keys.output_id(entry_id, k)] = signal.encode(said)
    return rebuilt


def differences(
    name: str, expected: Mapping[str, object], found: Mapping[str, object], *, most: int = DIFFERENCES
) -> list[str]:
    """Name the first entries of a stream that are missing, too many or other than expected."""
    told = []
    for entry_id in sorted(expected.keys() | found.keys(), key=order_of):
        if entry_id not in found:
            told.append(f"{name} lacks {entry_id}")
        elif entry_id not in expected:
            told.append(f"{name} should not hold {entry_id}")
        elif expected[entry_id] != found[entry_id]:
            told.append(f"{name} holds another {entry_id}")
        if len(told) == most:
            break
    return told


def order_of(entry_id: str) -> tuple[int, int]:
    """Return what orders entries by their ids."""
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number)
