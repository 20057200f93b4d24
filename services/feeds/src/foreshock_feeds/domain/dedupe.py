"""Which events were seen before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt


class Dedupe:
    """Remembers at least the last `remembered` event keys, at most twice as many.

    Two generations of a set: when the younger is full it becomes the elder and the elder is forgotten, so memory is
    bounded (about 100 bytes a key) and forgetting costs nothing.
    """

    def __init__(self, remembered: int = 250_000) -> None:
        self._remembered = remembered
        self._young: set[int] = set()
        self._old: set[int] = set()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def remember(self, keys: Iterable[int]) -> None:
        """Take keys as seen, without asking."""
        self._young.update(keys)
        self._age()

    def fresh(self, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_] | None:
        """Return which rows are new, None when all are, and remember them. Counts the others as dropped."""
        values: list[int] = keys.tolist()
        distinct = set(values)
        if len(distinct) == len(values) and self._young.isdisjoint(distinct) and self._old.isdisjoint(distinct):
            self._young |= distinct
            self._age()
            return None
        mask = np.fromiter((self._first_sight(key) for key in values), np.bool_, len(values))
        self.dropped += len(values) - int(np.count_nonzero(mask))
        self._age()
        return mask

    def _first_sight(self, key: int) -> bool:
        if key in self._young or key in self._old:
            return False
        self._young.add(key)
        return True

    def _age(self) -> None:
        if len(self._young) >= self._remembered:
            self._old, self._young = self._young, set()


def keys_of(columns: dict[str, npt.NDArray[Any]]) -> list[int]:
    """Return the event keys of a batch's liquidations."""
    keys: list[int] = columns["event_id"].tolist()
    return keys
