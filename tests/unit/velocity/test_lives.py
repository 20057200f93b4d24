"""How much of the market is seen, as velocity tells it from what feeds say."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.velocity.entries_made import MS, NOW, SECOND, Row, Writer, metrics_of

from foreshock_model.entries import InputEntry
from foreshock_model.sight import Sight
from foreshock_velocity.domain.lives import FORGET_NS
from foreshock_velocity.domain.state import VelocityState

BOTH = {"binance": (1.0, 0.3), "okx": (1.0, 0.1)}
FULL = Sight(coverage=0.4, possible=0.4, used=("binance", "okx"))
HALF = Sight(coverage=0.1, possible=0.4, used=("okx",), missing=("binance",))


def sight_after(state: VelocityState, entry: InputEntry) -> Sight | None:
    """Return what the answer to an entry tells, None for an answer without metrics."""
    answer = state.advance("1-0", entry)
    return metrics_of(answer).sight if answer.kind == "metrics" else None


def test_every_answer_with_rows_carries_what_the_newest_tick_said() -> None:
    state, feeds = VelocityState(), Writer()
    assert sight_after(state, feeds.batch(NOW, Row())) is None
    assert sight_after(state, feeds.life(NOW + MS, **BOTH)) == FULL
    assert sight_after(state, feeds.batch(NOW + 2 * MS, Row(ts=NOW))) == FULL


def test_a_change_is_told_at_once_though_no_symbol_has_news_and_else_once_a_second() -> None:
    state, feeds = VelocityState(), Writer()
    told = [sight_after(state, feeds.life(NOW + at * 100 * MS, **BOTH)) for at in range(11)]
    assert told == [FULL, *[None] * 9, FULL]
    assert sight_after(state, feeds.life(NOW + 1_050 * MS, binance=(0.0, 0.3), okx=(1.0, 0.1))) == HALF
    assert sight_after(state, feeds.life(NOW + 1_060 * MS, binance=(0.0, 0.3), okx=(1.0, 0.1))) is None


def test_two_processes_add_up_and_one_venue_is_as_live_as_the_better_sees_it() -> None:
    state, first, second = VelocityState(), Writer("feeds:0"), Writer("feeds:1")
    sight_after(state, first.life(NOW, binance=(0.0, 0.2), okx=(1.0, 0.1)))
    assert sight_after(state, second.life(NOW + MS, binance=(1.0, 0.3))) == FULL
    assert sight_after(state, first.life(NOW + 2 * MS, binance=(0.0, 0.3), okx=(0.0, 0.1))) == Sight(
        coverage=0.3, possible=0.4, used=("binance",), missing=("okx",)
    )


def test_a_process_that_no_longer_ticks_is_missed_within_two_seconds_and_forgotten_after_an_hour() -> None:
    state, first, second = VelocityState(), Writer("feeds:0"), Writer("feeds:1")
    sight_after(state, first.life(NOW, binance=(1.0, 0.3)))
    sight_after(state, second.life(NOW, okx=(1.0, 0.1)))
    assert sight_after(state, second.batch(NOW + 1_990 * MS, Row(ts=NOW))) == FULL
    sight_after(state, second.life(NOW + 2_000 * MS, okx=(1.0, 0.1)))
    assert sight_after(state, second.batch(NOW + 2_001 * MS, Row(ts=NOW))) == HALF
    alone = Sight(coverage=0.1, possible=0.1, used=("okx",))
    assert sight_after(state, second.life(NOW + FORGET_NS + MS, okx=(1.0, 0.1))) == alone


def test_all_processes_gone_is_no_coverage_not_an_unknown_one() -> None:
    state, feeds = VelocityState(), Writer()
    sight_after(state, feeds.life(NOW, **BOTH))
    gone = Sight(coverage=0, possible=0.4, missing=("binance", "okx"))
    assert sight_after(state, feeds.batch(NOW + 3 * SECOND, Row(ts=NOW))) == gone


def test_the_key_of_a_symbol_tells_it() -> None:
    state, feeds = VelocityState(), Writer()
    state.advance("1-0", feeds.batch(NOW, Row()))
    unknown = msgspec.json.decode(dict(state.publications())["velocity:BTCUSDT:current"])
    assert (unknown["coverage"], unknown["venues_used"], unknown["venues_missing"]) == (None, [], [])
    sight_after(state, feeds.life(NOW + MS, binance=(0.0, 0.3), okx=(1.0, 0.1)))
    state.advance("1-0", feeds.batch(NOW + SECOND, Row(ts=NOW)))
    told = msgspec.json.decode(dict(state.publications())["velocity:BTCUSDT:current"])
    assert (told["coverage"], told["venues_used"], told["venues_missing"]) == (0.1, ["okx"], ["binance"])


steps = st.lists(
    st.tuples(
        st.sampled_from(["batch", "tick", "life"]),
        st.sampled_from(["feeds:0", "feeds:1", "feeds:2"]),
        st.sampled_from([1, 50, 900, 2_100, FORGET_NS // MS]),
        st.sampled_from([0.0, 0.5, 1.0]),
    ),
    max_size=25,
)


@given(steps, st.integers(0, 25))
def test_a_run_that_goes_on_from_a_snapshot_tells_the_same_bytes(
    steps: list[tuple[str, str, int, float]], at: int
) -> None:
    writers = {name: Writer(name) for name in ("feeds:0", "feeds:1", "feeds:2")}
    clock, entries = NOW, []
    for kind, writer, later, live in steps:
        clock += later * MS
        entries.append(
            writers[writer].batch(clock, Row(ts=clock))
            if kind == "batch"
            else writers[writer].life(clock, binance=(live, 0.3), **{writer[-1:] * 3: (1.0, 0.1)})
            if kind == "life"
            else writers[writer].tick(clock)
        )
    whole, broken = VelocityState(), VelocityState()
    for number, entry in enumerate(entries):
        if number == at:
            broken = VelocityState.load(broken.dump())
        assert broken.advance(f"{number}-0", entry) == whole.advance(f"{number}-0", entry)
