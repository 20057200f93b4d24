"""Which events were seen before."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
BUCKETS = 1 << 17
WAYS = 8
SLICE = 1_000
"""Rows of one batch that share a bucket are looked at one by one: in so many few do."""
_MASK = np.uint64(BUCKETS - 1)


class Dedupe:
    """Remembers the newest event keys in 8 MB, however many come.

    A set-associative table: a key lives in one of the 8 places of its bucket and goes when 8 newer ones came to the
    same bucket. Keys are evenly spread (`foreshock_sdk.identity`), so one of the last 100,000 is forgotten with
    probability 1e-6 (Poisson with mean 100,000 / 131,072 reaching 8). Whole batches cost some tens of ns a key, where
    Python's sets, at this size, cost hundreds.
    """

    def __init__(self) -> None:
        self._table = np.zeros((BUCKETS, WAYS), np.uint64)
        self._next = np.zeros(BUCKETS, np.uint8)
        self._claim = np.zeros(BUCKETS, np.int32)
        self.dropped = 0

    def remember(self, keys: Array) -> None:
        """Take keys as seen, (n,) uint64, oldest first, without counting those that were."""
        dropped = self.dropped
        for start in range(0, len(keys), SLICE):
            self.fresh(keys[start : start + SLICE])
        self.dropped = dropped

    def fresh(self, keys: Array) -> Array | None:
        """Return which rows are new, (n,) bool, None when all are, and remember them. Counts the others as dropped.

        keys is (n,) uint64; the first of equal keys is new.
        """
        bucket = (keys & _MASK).astype(np.intp)
        # Eight answers of one byte each are one number: looking at it is much faster than any(axis=1).
        new = (self._table.take(bucket, axis=0) == keys[:, None]).view(np.uint64).ravel() == 0
        later = self._later(bucket) if len(keys) > 1 else None
        if later is None:
            self._put(bucket[new], keys[new])
        else:
            first = new & ~later
            self._put(bucket[first], keys[first])
            for row in np.flatnonzero(later).tolist():
                new[row] = self._first_sight(int(keys[row]))
        dropped = len(keys) - int(np.count_nonzero(new))
        self.dropped += dropped
        return new if dropped else None

    def _later(self, bucket: Array) -> Array | None:
        """Return the rows whose bucket an earlier row of the batch uses, too; None when there are none."""
        rows = np.arange(len(bucket), dtype=np.int32)
        self._claim[bucket[::-1]] = rows[::-1]  # the last assignment stands: the earliest row's
        later: Array = self._claim.take(bucket) != rows
        return later if later.any() else None

    def _put(self, bucket: Array, keys: Array) -> None:
        place = self._next[bucket]
        self._table[bucket, place] = keys
        self._next[bucket] = (place + 1) % WAYS

    def _first_sight(self, key: int) -> bool:
        bucket = key % BUCKETS
        if (self._table[bucket] == np.uint64(key)).any():
            return False
        place = self._next[bucket]
        self._table[bucket, place] = key
        self._next[bucket] = (place + 1) % WAYS
        return True
