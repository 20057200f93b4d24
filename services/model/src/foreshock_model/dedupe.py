"""Which events were seen before."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
WAYS = 8
LOAD = 2
"""Keys a generation has in a bucket, on average, before there are twice as many: one in a thousand is full then."""
FIRST_BUCKETS = 1 << 12
SPLIT = 64
"""Buckets that are split at least, while there come to be twice as many, with each batch that is looked up."""
SLICE = 1_000
"""Rows that are looked at together: of so many few share a bucket."""
FEW = 16
"""Rows that are looked at one by one: array operations cost as much as a row each, and a look takes many of them."""
_NONE = np.empty(0, np.intp)


class Dedupe:
    """Remembers at least the newest `most` event keys, and at most twice as many, exactly and in bounded memory.

    Two generations of keys: the younger takes what is new until it is full, then it is the older one, which is
    forgotten. Each has 8 places in every bucket, and a set beside for the few keys that find these taken; a key takes
    35 to 70 bytes. As keys come, buckets are split in two one after the other (linear hashing: Litwin 1980), some with
    each batch, so that none pays for all: address space is taken for as many as there may be, memory for those in use.
    Keys are evenly spread (`foreshock_sdk.identity`); 0 is none and always new. Whole batches cost
    some tens of ns a key, where Python's sets, at this size, cost hundreds, and several times the memory.

    dropped: rows that were no news so far
    """

    def __init__(self, most: int = 1 << 17) -> None:
        self.most = most
        self.dropped = 0
        self._young = 0
        self._sizes = [0, 0]
        self._buckets = FIRST_BUCKETS
        self._split = 0
        """So many of the first buckets have been split: the other halves follow the last."""
        room = _buckets_for(most)
        self._table = np.zeros((room, 2 * WAYS), np.uint64)
        self._flat = self._table.reshape(-1)
        """The same memory: assigning by one index costs a third of assigning by two."""
        self._filled = np.zeros((2, room), np.uint8)
        self._claim = np.zeros(room, np.int32)
        self._beside: tuple[set[int], set[int]] = (set(), set())

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return sum(self._sizes)

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays that are in use."""
        whole = self._table.nbytes + self._filled.nbytes + self._claim.nbytes
        return whole * self._held // len(self._table)

    def remember(self, keys: Array) -> None:
        """Take keys as seen, (n,) uint64, oldest first, without counting those that were."""
        dropped = self.dropped
        self.fresh(keys)
        self.dropped = dropped

    def fresh(self, keys: Array) -> Array | None:
        """Return which rows are new, (n,) bool, None when all are, and remember them. Counts the others as dropped.

        keys is (n,) uint64; the first of equal keys is new.
        """
        if len(keys) <= SLICE:
            new = self._slice(keys)
        else:
            parts = (keys[start : start + SLICE] for start in range(0, len(keys), SLICE))
            new = np.concatenate([self._slice(part) for part in parts])
        dropped = len(keys) - int(np.count_nonzero(new))
        self.dropped += dropped
        return new if dropped else None

    def turn(self) -> None:
        """Forget the older generation; what is younger is the older one now."""
        self._young = 1 - self._young
        self._sizes[self._young] = 0
        self._places(self._young)[:] = 0
        self._filled[self._young, : self._held] = 0
        self._beside[self._young].clear()

    def generations(self) -> tuple[Array, Array]:
        """Return the keys of the older and of the younger generation, (n,) uint64, sorted."""
        return self._keys(1 - self._young), self._keys(self._young)

    def load(self, old: Array, young: Array) -> None:
        """Take up what `generations` returned."""
        self.turn()
        self.turn()  # nothing is left of what was there
        self._buckets, self._split = min(_buckets_for(max(len(old), len(young))), len(self._table)), 0
        self._fill(1 - self._young, old)
        self._fill(self._young, young)

    def _slice(self, keys: Array) -> Array:
        if self._sizes[self._young] >= self.most:
            self.turn()
        full = self._sizes[self._young] > LOAD * self._buckets and 2 * self._buckets <= len(self._table)
        if full or self._split:
            self._split_some(max(SPLIT, len(keys)))  # a bucket a key is twice as fast as they come
        if np.count_nonzero(keys) < len(keys):
            new = np.ones(len(keys), np.bool_)
            rows = np.flatnonzero(keys)
            new[rows] = self._among(keys[rows])
            return new
        return self._among(keys)

    def _among(self, keys: Array) -> Array:
        """Return which keys are new, and remember them."""
        if len(keys) <= FEW:
            return np.array([self._first_sight(key) for key in keys.tolist()], np.bool_)
        bucket = self._bucket(keys)
        new = self._unknown(bucket, keys)
        if not new.all():
            bucket, keys = bucket[new], keys[new]
        later = self._put(self._young, bucket, keys)
        if later is not None:
            # They may be equals of those that were put: once more, now that these are remembered.
            new[np.flatnonzero(new)[later]] = self._among(keys[later])
        return new

    def _later(self, bucket: Array) -> Array | None:
        """Return the rows (n,) int64 whose bucket an earlier row uses, too; None when there are none."""
        rows = np.arange(len(bucket), dtype=np.int32)
        self._claim[bucket[::-1]] = rows[::-1]  # the last assignment stands: the earliest row's
        later = np.flatnonzero(self._claim.take(bucket) != rows)
        return later if later.size else None

    def _first_sight(self, key: int) -> bool:
        bucket, young = key % self._buckets, self._young
        if bucket < self._split:
            bucket = key % (2 * self._buckets)
        if key in self._table[bucket].tolist() or key in self._beside[0] or key in self._beside[1]:
            return False
        place = self._filled.item(young, bucket)
        if place == WAYS:
            self._beside[young].add(key)
        else:
            self._table[bucket, young * WAYS + place] = key
            self._filled[young, bucket] = place + 1
        self._sizes[young] += 1
        return True

    def _unknown(self, bucket: Array, keys: Array) -> Array:
        """Return which keys are not remembered."""
        # Eight answers of one byte each are one number: looking at it is much faster than any(axis=1).
        hits = (self._table.take(bucket, axis=0) == keys[:, None]).view(np.uint64)
        new: Array = (hits[:, 0] | hits[:, 1]) == 0
        if any(self._beside):
            self._look_beside(bucket, keys, new)
        return new

    def _look_beside(self, bucket: Array, keys: Array, new: Array) -> None:
        full = self._filled[0].take(bucket) == WAYS
        full |= self._filled[1].take(bucket) == WAYS
        for row in np.flatnonzero(full & new).tolist():
            key = int(keys[row])
            new[row] = not any(key in each for each in self._beside)

    def _put(self, generation: int, bucket: Array, keys: Array) -> Array | None:
        """Take new keys, of each bucket the first. Return the rows of the others, (n,) int64, None without any."""
        later = self._later(bucket)
        self._sizes[generation] += len(keys) - (0 if later is None else len(later))
        place = self._filled[generation].take(bucket)
        full = place == WAYS
        if full.any():
            room = np.flatnonzero(~full)
            full[_NONE if later is None else later] = False
            self._beside[generation].update(keys[full].tolist())
            bucket, place, keys = bucket[room], place[room], keys[room]
        where = bucket * (2 * WAYS) + (place + generation * np.uint8(WAYS))
        self._flat[where[::-1]] = keys[::-1]  # as in `_later`: the earliest row's stands
        self._filled[generation][bucket] = place + 1
        return later

    def _fill(self, generation: int, keys: Array) -> None:
        """Take new keys, all different."""
        while keys.size:
            later = self._put(generation, self._bucket(keys), keys)
            if later is None:
                return
            keys = keys[later]

    def _split_some(self, number: int) -> None:
        """Split the next buckets: of their keys, those with one more bit go to the bucket so much further on."""
        start, end = self._split, min(self._split + number, self._buckets)
        keys = self._table[start:end].reshape(-1, 2, WAYS).copy()
        self._table[start:end] = 0
        high = (keys & np.uint64(self._buckets)) > 0
        for first, here in ((start, (keys > 0) & ~high), (start + self._buckets, high)):
            bucket, generation, _ = here.nonzero()
            place = here.cumsum(axis=2)[here] - 1
            self._table[first + bucket, generation * WAYS + place] = keys[here]
            self._filled[:, first : first + end - start] = np.count_nonzero(here, axis=2).T
        beside = [[key for key in each if start <= key % self._buckets < end] for each in self._beside]
        self._split = end
        if end == self._buckets:
            self._buckets, self._split = 2 * self._buckets, 0
        for young, found in enumerate(beside):
            self._beside[young].difference_update(found)
            self._sizes[young] -= len(found)
            self._fill(young, np.array(found, np.uint64))

    def _keys(self, generation: int) -> Array:
        table, beside = self._places(generation), self._beside[generation]
        keys = np.concatenate((table[table != 0], np.fromiter(beside, np.uint64, len(beside))))
        keys.sort()
        return keys

    @property
    def _held(self) -> int:
        """Buckets in use: the first ones of the table."""
        return self._buckets + self._split

    def _places(self, generation: int) -> Array:
        return self._table[: self._held, generation * WAYS : (generation + 1) * WAYS]

    def _bucket(self, keys: Array) -> Array:
        bucket = (keys & np.uint64(self._buckets - 1)).astype(np.intp)
        if self._split:
            further = (keys & np.uint64(self._buckets)).astype(np.intp)
            bucket += np.where(bucket < self._split, further, 0)
        return bucket


def _buckets_for(keys: int) -> int:
    """Return how many buckets so many keys of a generation want."""
    buckets = FIRST_BUCKETS
    while keys > LOAD * buckets:
        buckets *= 2
    return buckets
