"""Windows against lists of integers, whatever happens to them and whenever they are read."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from foreshock_velocity.domain.windows import PARTS, SIDES, Windows

MS = 1_000_000
SECOND = 1_000 * MS
START = 1_700_000_000 * SECOND
LENGTHS = st.lists(st.sampled_from([10, 100, 500, 999, 1_000, 2_000, 7_777, 60_000]), min_size=1, unique=True).map(
    sorted
)
JUMPS = st.one_of(
    st.integers(0, 5 * MS),
    st.integers(0, 3 * SECOND),
    st.sampled_from([0, 1, 60 * SECOND, 61 * SECOND, 86_400 * SECOND]),
)
AGES = st.one_of(st.just(0), st.integers(0, 30 * MS), st.integers(0, 70 * SECOND))
STEPS = st.one_of(st.integers(1, 10**9), st.sampled_from([1, 10**14]))
PAIRS = 3


class WindowsMachine(RuleBasedStateMachine):
    """Rows of any age come, frontiers move or jump, slots are taken away: each cell is what integers say."""

    @initialize(lengths=LENGTHS)
    def begin(self, lengths: list[int]) -> None:
        self.lengths = lengths
        self.windows = Windows(tuple(lengths))
        self.windows.resize(PAIRS + 1)
        self.rows: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        self.fronts = [0, *[START] * PAIRS]
        self.windows.move_to(np.arange(1, PAIRS + 1), np.full(PAIRS, START))

    @rule(pair=st.integers(1, PAIRS), jump=JUMPS)
    def move(self, pair: int, jump: int) -> None:
        before = {side: self.inside(pair, side, at) for side in range(SIDES) for at in range(len(self.lengths))}
        held = sum(len(self.inside(pair, side, at)) for side in range(SIDES) for at in range(len(self.lengths)))
        self.fronts[pair] += jump
        lost = self.windows.move_to(np.array([pair]), np.array([self.fronts[pair]]))
        holds = sum(len(self.inside(pair, side, at)) for side in range(SIDES) for at in range(len(self.lengths)))
        assert bool(lost[0]) == (holds < held)
        assert before is not None

    @rule(pair=st.integers(1, PAIRS), back=JUMPS)
    def cannot_move_back(self, pair: int, back: int) -> None:
        self.windows.move_to(np.array([pair]), np.array([self.fronts[pair] - back]))

    @rule(rows=st.lists(st.tuples(st.integers(1, PAIRS), st.integers(0, 1), AGES, STEPS), min_size=1, max_size=12))
    def place(self, rows: list[tuple[int, int, int, int]]) -> None:
        pair, side, age, usd = (np.array(each, np.int64) for each in zip(*rows, strict=True))
        ts = np.array(self.fronts)[pair] - age
        self.windows.add_totals(pair, side, usd)
        self.windows.place(pair, side, ts=ts, usd=usd)
        for row, at in zip(rows, ts.tolist(), strict=True):
            self.rows[row[0], row[1]].append((at, row[3]))

    @rule()
    def evict(self) -> None:
        self.windows.evict()
        empty = [pair for pair in range(1, PAIRS + 1) if not any(self.inside(pair, side, -1) for side in range(SIDES))]
        assert not self.windows.slot[empty].any()

    @precondition(lambda self: hasattr(self, "windows"))
    @rule()
    def through_a_snapshot(self) -> None:
        old, new = self.windows, Windows(tuple(self.lengths))
        new.resize(PAIRS + 1)
        new.front[: PAIRS + 1], new.totals[: PAIRS + 1] = old.front[: PAIRS + 1], old.totals[: PAIRS + 1]
        held = np.flatnonzero(old.slot[: PAIRS + 1])
        row, side, cell = old.cells["count"][old.slot[held]].nonzero()
        found = old.cells[old.slot[held[row]], side, cell]
        columns = {name: found[name] for name in ("count", "usd", "largest")}
        new.fill(held[row], side * old.rings.cells + cell, **columns)
        self.windows = new

    def inside(self, pair: int, side: int, number: int) -> list[tuple[int, int]]:
        """Return (age in buckets, steps) of the rows in a window."""
        length = self.lengths[number]
        buckets = 52 if length >= 1_000 else 22
        bucket = length * MS // buckets
        head = self.fronts[pair] // bucket
        ages = [(head - ts // bucket, steps) for ts, steps in self.rows[pair, side]]
        return [(age, steps) for age, steps in ages if age < buckets]

    @precondition(lambda self: hasattr(self, "windows"))
    @invariant()
    def every_cell_is_what_integers_say(self) -> None:
        for pair in range(1, PAIRS + 1):
            slot = self.windows.slot[pair]
            for side in range(SIDES):
                everything = self.rows[pair, side]
                assert self.windows.totals[pair, side].tolist() == [
                    len(everything),
                    sum(each for _, each in everything),
                ]
                for number, length in enumerate(self.lengths):
                    rows = self.inside(pair, side, number)
                    third = 17 if length >= 1_000 else 7
                    parts = [[steps for age, steps in rows if -(-age // third) == part] for part in range(PARTS)]
                    found = self.windows.parts[slot, side, number]
                    assert found[0].tolist() == [len(part) for part in parts]
                    assert found[1].tolist() == [sum(part) for part in parts]
                    top = max((steps for _, steps in rows), default=0)
                    assert self.windows.top[slot, side, number] == np.float32(top)


TestWindowsMachine = WindowsMachine.TestCase
TestWindowsMachine.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_slots_go_round_among_thousands_of_pairs(seed: int) -> None:
    """Bursts wander over 3,000 pairs: no more slots than pairs that are awake, and totals never go back."""
    random = np.random.default_rng(seed)
    windows, pairs, now = Windows((100, 2_000)), 3_000, START
    windows.resize(pairs + 1)
    counts = np.zeros(pairs + 1, np.int64)
    for _ in range(6):
        pair = random.integers(1, pairs + 1, 200)
        windows.move_to(np.arange(1, pairs + 1), np.full(pairs, now))
        windows.evict()
        assert windows.held == 0
        windows.add_totals(pair, np.zeros(200, np.int64), np.ones(200, np.int64))
        windows.place(pair, np.zeros(200, np.int64), ts=np.full(200, now), usd=np.ones(200, np.int64))
        np.add.at(counts, pair, 1)
        assert windows.held == len(np.unique(pair))
        assert windows.parts[windows.slot[pair], 0, 1, 0, 0].tolist() == np.bincount(pair)[pair].tolist()
        assert (windows.totals[: pairs + 1, 0, 0] == counts).all()
        now += 3 * SECOND
    assert len(windows.owner) == 256
