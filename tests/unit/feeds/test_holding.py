"""Who writes a route: rows go out in order, at most twice over two processes, and none is lost while one lives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from foreshock_feeds.domain.holding import Holding, gap_since
from foreshock_feeds.domain.ingest import Ingested
from foreshock_feeds.domain.standby import KEPT_NS
from foreshock_model.batch import CONTEXT_COLUMNS, LIQUIDATION_COLUMNS, empty

SECOND = 10**9
TTL = 2 * SECOND


class Route:
    """A holding, and what it wrote."""

    def __init__(self, start: int = 0) -> None:
        self.out: list[int] = []
        self.holding = Holding(self._write, TTL, start)

    def _write(self, found: Ingested) -> None:
        self.out += found.liquidations["event_id"].tolist()

    def take(self, key: int, at: int) -> None:
        columns = {name: np.zeros(1, dtype) for name, dtype in LIQUIDATION_COLUMNS}
        columns["event_id"][:], columns["ts_recv"][:] = key, at
        self.holding.take(Ingested(columns, empty(CONTEXT_COLUMNS)), at, at)


def test_rows_are_kept_until_the_lease_is_had_and_come_first() -> None:
    route = Route()
    route.take(1, 1)
    assert route.out == []
    route.holding.granted(2, 2)
    route.take(2, 3)
    assert (route.out, route.holding.takeovers) == ([1, 2], 1)


def test_whoever_stood_still_keeps_rows_until_the_answer() -> None:
    route = Route()
    route.holding.granted(0, 0)
    route.take(1, TTL)
    assert (route.out, route.holding.writes(TTL)) == ([], False)
    route.holding.granted(TTL + 1, TTL + 1)
    assert (route.out, route.holding.takeovers) == ([1], 1), "it was its own all the time"


def test_whoever_stood_still_and_lost_it_writes_nothing_more() -> None:
    route = Route()
    route.holding.granted(0, 0)
    route.take(1, 3 * SECOND)
    route.holding.refused(3 * SECOND, 3 * SECOND)
    route.take(2, 4 * SECOND)
    assert (route.out, route.holding.kept.rows) == ([], 2)


def test_while_the_server_is_away_the_holder_goes_on_and_the_other_keeps() -> None:
    holder, other = Route(), Route()
    holder.holding.granted(0, 0)
    for route in (holder, other):
        route.take(1, TTL)
        route.holding.unreachable(TTL, TTL)
        route.take(2, 60 * SECOND)
    assert (holder.out, other.out, other.holding.kept.rows) == ([1, 2], [], 1)


def test_after_an_outage_the_holder_asks_first() -> None:
    holder, other = Route(), Route()
    holder.holding.granted(0, 0)
    for route in (holder, other):
        route.holding.unreachable(60 * SECOND, 60 * SECOND)
    assert holder.holding.renews(60 * SECOND)
    assert not other.holding.tries(61 * SECOND, good=True)
    assert other.holding.tries(62 * SECOND, good=True)


def test_a_route_that_may_lose_something_is_left_to_others() -> None:
    holding = Route().holding
    assert not holding.tries(1, good=False), "at the start others go first"
    assert holding.tries(1, good=True)
    holding.granted(1, 1)
    assert not holding.yields(good=True)
    assert holding.yields(good=False)
    holding.given_up(2)
    assert holding.tries(3, good=True)
    assert not holding.tries(3, good=False)
    assert holding.tries(2 + TTL, good=False), "where none is better, rows must not wait for ever"


def test_an_outage_is_no_reason_to_give_a_route_up() -> None:
    holding = Route().holding
    holding.granted(0, 0)
    holding.unreachable(1, 1)
    assert not holding.yields(good=False)


def test_it_is_renewed_every_third_of_its_time() -> None:
    holding = Route().holding
    assert not holding.renews(TTL)
    holding.granted(0, 0)
    assert not holding.renews(TTL // 3 - 1)
    assert holding.renews(TTL // 3)


def test_a_gap_counts_from_the_end_of_the_other_process() -> None:
    assert gap_since(5, 0) == 5
    assert gap_since(5, KEPT_NS + 100) == 100
    assert gap_since(500, KEPT_NS + 100) == 500


class Two:
    """Two processes that hear the same rows, and the server's lease between them, which outlives its holder by TTL."""

    def __init__(self) -> None:
        self.routes = [Route(), Route()]
        self.now = self.until = self.owner = self.sent = 0
        self.still = self.dead = -1
        self.waiting: list[int] = []
        """What the venue sent to the one that stands still: it reads that before it asks for anything."""
        self.ask()

    def ask(self) -> None:
        """Let each that is awake ask, the holder first."""
        for each in (self.owner, 1 - self.owner):
            if each in {self.still, self.dead}:
                continue
            if each == self.owner or self.now >= self.until:
                self.owner, self.until = each, self.now + TTL
                self.routes[each].holding.granted(self.now, self.now)
            else:
                self.routes[each].holding.refused(self.now, self.now)

    def row(self) -> None:
        self.sent += 1
        for each, route in enumerate(self.routes):
            if each == self.still:
                self.waiting.append(self.sent)
            elif each != self.dead:
                route.take(self.sent, self.now)

    def stop(self) -> None:
        self.still = self.owner if self.still < 0 and self.dead < 0 else self.still

    def go_on(self) -> None:
        for key in self.waiting:
            self.routes[self.still].take(key, self.now)
        self.still, self.waiting = -1, []

    def kill(self) -> None:
        self.dead = self.owner if self.still < 0 and self.dead < 0 else self.dead

    def end(self) -> None:
        self.go_on()
        self.now += TTL
        self.ask()


steps = st.lists(
    st.tuples(st.sampled_from([Two.row, Two.row, Two.row, Two.stop, Two.go_on, Two.kill]), st.integers(1, SECOND))
)


@given(steps)
def test_of_two_that_hear_all_none_is_lost(story: list[tuple[Callable[[Two], None], int]]) -> None:
    two = Two()
    for happen, pause in story:
        two.now += pause
        happen(two)
        two.ask()
    two.end()
    assert {key for route in two.routes for key in route.out} == set(range(1, two.sent + 1))
    for route in two.routes:
        assert len(route.out) == len(set(route.out)), "one process writes no row twice"
