"""Keys that were seen: exact over the newest, bounded, the same after a snapshot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_model.dedupe import FEW, FIRST_BUCKETS, LOAD, SLICE, WAYS, Array, Dedupe


def array(keys: list[int]) -> Array:
    return np.array(keys, np.uint64)


def answers(dedupe: Dedupe, keys: list[int]) -> list[bool]:
    fresh = dedupe.fresh(array(keys))
    return [True] * len(keys) if fresh is None else fresh.tolist()


few = st.lists(st.integers(0, 60), min_size=1, max_size=FEW)
many = st.lists(st.integers(0, 200), min_size=FEW + 1, max_size=5 * FEW)
batches = st.lists(few | many, max_size=12)


@given(batches, st.sampled_from([1, FIRST_BUCKETS]))
def test_it_equals_a_set_also_where_all_keys_share_a_bucket(told: list[list[int]], stride: int) -> None:
    dedupe, seen = Dedupe(), set[int]()
    for batch in told:
        keys = [key * stride for key in batch]
        expected = [not key or (key not in seen and key not in keys[:at]) for at, key in enumerate(keys)]
        assert answers(dedupe, keys) == expected
        seen.update(keys)
    assert len(dedupe) == len(seen - {0})
    assert dedupe.dropped == sum(map(len, told)) - len(seen - {0}) - sum(batch.count(0) for batch in told)


@given(batches, st.integers(0, 12), st.integers(1, 20))
def test_resuming_at_any_point_equals_the_unbroken_run(told: list[list[int]], at: int, most: int) -> None:
    unbroken, resumed = Dedupe(most), Dedupe(most)
    for number, batch in enumerate(told):
        if number == at:
            before, resumed = resumed, Dedupe(most)
            resumed.load(*before.generations())
        assert answers(resumed, batch) == answers(unbroken, batch)
    for mine, other in zip(resumed.generations(), unbroken.generations(), strict=True):
        assert mine.tolist() == other.tolist()


def test_the_newest_are_remembered_exactly_and_older_ones_go() -> None:
    dedupe = Dedupe(100_000)
    keys = np.random.default_rng(1).integers(1, 2**63, 1_000_000).astype(np.uint64)
    for start in range(0, len(keys), SLICE):
        assert dedupe.fresh(keys[start : start + SLICE]) is None
    assert len(dedupe) <= 2 * dedupe.most + SLICE
    again = dedupe.fresh(keys[-100_000:])
    assert again is not None
    assert not again.any()
    assert dedupe.fresh(keys[:1_000]) is None
    assert dedupe.dropped == 100_000
    assert dedupe.nbytes < 100_000 * 70 * 2


def test_keys_that_fill_a_bucket_among_others_are_new_once() -> None:
    dedupe = Dedupe()
    crowd = [1 + FIRST_BUCKETS * each for each in range(3 * WAYS)]
    others = list(range(2, 2 * FEW))
    keys = [key for pair in zip(crowd, crowd[::-1], others, strict=False) for key in pair] + crowd + others
    assert answers(dedupe, keys) == [key not in keys[:at] for at, key in enumerate(keys)]
    assert not any(answers(dedupe, keys))
    assert len(dedupe) == len(set(keys))


def test_a_turn_forgets_what_is_two_turns_old() -> None:
    dedupe = Dedupe()
    dedupe.remember(array([1]))
    dedupe.turn()
    dedupe.remember(array([2]))
    assert answers(dedupe, [1, 2]) == [False, False]
    dedupe.turn()
    assert answers(dedupe, [1, 2]) == [True, False]


def test_many_keys_of_one_bucket_are_all_known_and_are_loaded() -> None:
    dedupe = Dedupe()
    keys = [FIRST_BUCKETS * each for each in range(1, 3 * WAYS)]
    assert all(answers(dedupe, keys))
    assert not any(answers(dedupe, keys))
    loaded = Dedupe()
    loaded.load(*dedupe.generations())
    assert not any(answers(loaded, keys))
    dedupe.turn()
    assert not any(answers(dedupe, keys))


@pytest.mark.parametrize("rows", [1, 2, SLICE + 1])
def test_an_event_without_identity_is_always_new(rows: int) -> None:
    dedupe = Dedupe()
    for _ in range(2):
        assert dedupe.fresh(np.zeros(rows, np.uint64)) is None
    assert len(dedupe) == 0


def test_what_an_earlier_run_had_is_not_new_and_not_counted() -> None:
    dedupe = Dedupe()
    dedupe.remember(array([5, 6, 6]))
    assert dedupe.dropped == 0
    assert answers(dedupe, [5, 7]) == [False, True]


def test_nothing_is_lost_while_buckets_are_split() -> None:
    """Twice past a doubling, in batches that are looked up one by one and together, some buckets full before it."""
    random = np.random.default_rng(2)
    crowd = 1 + np.arange(1, 4 * WAYS, dtype=np.uint64) * np.uint64(FIRST_BUCKETS)
    keys = np.unique(np.concatenate((crowd, random.integers(1, 2**63, 6 * LOAD * FIRST_BUCKETS).astype(np.uint64))))
    keys = np.concatenate((crowd, random.permutation(np.setdiff1d(keys, crowd))))
    dedupe, start, half_split = Dedupe(), 0, 0
    while start < len(keys):
        end = start + int(random.choice([1, FEW, 40, 700]))
        assert dedupe.fresh(keys[start:end]) is None
        seen = keys[random.integers(0, start + 1, FEW if end % 2 else 3 * FEW)]
        assert not answers(dedupe, [*seen.tolist(), *crowd[:1].tolist()])[-1]
        assert answers(dedupe, seen.tolist()) == [False] * len(seen)
        half_split += dedupe._split > 0
        start = end
    assert half_split > 50
    assert len(dedupe) == len(keys)
    assert not any(answers(dedupe, keys.tolist()))
    resumed = Dedupe()
    resumed.load(*dedupe.generations())
    assert not any(answers(resumed, keys.tolist()))


def test_memory_in_use_grows_with_the_keys() -> None:
    dedupe = Dedupe()
    calm = dedupe.nbytes
    dedupe.remember(np.random.default_rng(3).integers(1, 2**63, 4 * LOAD * FIRST_BUCKETS).astype(np.uint64))
    assert calm < 1_000_000
    assert 2 * calm < dedupe.nbytes < 8 * calm
