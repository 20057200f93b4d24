"""What is told of symbols and the market: latest figures, data quality, what a signal rests on."""

from __future__ import annotations

from itertools import pairwise

import pytest
from tests.unit.signals.metrics_made import (
    MS,
    NOW,
    SECOND,
    VENUES,
    Tape,
    cascade,
    entry,
    entry_id,
    market_entry,
    measure,
)

from foreshock_model.entries import OutputEntry
from foreshock_model.signal import Signal
from foreshock_signals.domain.outcome import Assessment, Outcome
from foreshock_signals.domain.state import SignalsState


def test_a_signal_says_what_it_rests_on() -> None:
    tape = Tape(SignalsState(), cascade(SECOND))
    signals = tape.play(0, 6 * SECOND)
    said = signals[-1]
    assert said.signal == said.level
    assert said.metrics.venues_active == 3
    assert said.metrics.usd_10s == pytest.approx(sum(h.usd for h in tape.hits if h.at <= 6 * SECOND), rel=0.01)
    assert said.metrics.times_usual > 10
    assert said.leading_venue in VENUES
    assert "long liquidated in" in said.explanation
    assert said.data_quality.status == "WARMING"
    assert said.data_quality.venues == ("binance", "bybit", "okx")
    assert said.data_quality.missing == ("correlation", "mark", "regime")
    assert said.regime == "NORMAL"


def test_a_mark_and_derivatives_are_shown_where_they_mean_something() -> None:
    state = SignalsState()
    metrics = measure(cascade(0), 2 * SECOND, ("BTCUSDT",), mark=60_000.0)
    third = 2.0 * 17 / 52
    metrics.usd_oldest[:], metrics.usd_newest[:] = 1_000.0, 1_000.0 + 1234.5 * 2 * third**2
    metrics.usd_middle[:] = float("inf")
    said = state.advance(entry_id(2 * SECOND), entry(metrics, 2 * SECOND)).signals[0]
    assert said.metrics.mark == 60_000.0
    assert said.metrics.acceleration == pytest.approx(1234.5)
    assert said.metrics.jerk is None
    assert "mark" not in said.data_quality.missing


def test_latest_figures_come_once_a_second_in_calm_and_faster_in_a_burst() -> None:
    state = SignalsState()
    calm = [
        state.advance(entry_id(now), entry(measure([], now, ("BTCUSDT",)), now))
        for now in range(0, 10 * SECOND, 100 * MS)
    ]
    assert sum(len(each.assessments) for each in calm) == 10
    hits = cascade(10 * SECOND)
    busy: list[Outcome] = []
    for now in range(14 * SECOND, 16 * SECOND, 100 * MS):
        outcome = state.advance(entry_id(now), entry(measure(hits, now, ("BTCUSDT",)), now))
        busy.append(outcome)
    told = [each.assessments[0] for each in busy if each.assessments]
    assert 7 <= len(told) <= 12
    assert told[-1].side == "LONG"
    assert told[-1].level in {"CRITICAL", "EXTREME"}
    assert told[-1].sides["LONG"].episode_id is not None
    assert told[-1].sides["SHORT"].episode_id is None


def test_many_symbols_take_turns_and_none_waits_for_long() -> None:
    symbols = tuple(f"S{number:03}USDT" for number in range(400))
    state = SignalsState()
    served: dict[str, list[int]] = {}
    for step in range(40):
        outcome = state.advance(
            entry_id(step * 100 * MS), entry(measure([], step * 100 * MS, symbols), step * 100 * MS)
        )
        assert len(outcome.assessments) <= 134
        for each in outcome.assessments:
            served.setdefault(each.symbol, []).append(step)
    assert set(served) == set(symbols)
    assert max(other - one for steps in served.values() for one, other in pairwise([0, *steps])) < 35


def test_a_tracked_symbol_nobody_heard_of_is_unknown_not_calm() -> None:
    state = SignalsState(tracked=("BTCUSDT",))
    outcome = state.advance(entry_id(0), OutputEntry("empty", NOW))
    (told,) = outcome.assessments
    assert told.data_quality.status == "UNKNOWN"
    assert (told.probability, told.level, told.sides) == (None, None, {})


def test_a_quiet_symbol_stays_published_for_ten_minutes_a_tracked_one_for_ever() -> None:
    state = SignalsState(tracked=("BTCUSDT",))
    state.advance(entry_id(0), entry(measure([], 0, ("BTCUSDT", "ETHUSDT")), 0))
    told = {
        minute: {
            each.symbol
            for each in state.advance(
                entry_id(minute * 60 * SECOND), OutputEntry("empty", NOW + minute * 60 * SECOND)
            ).assessments
        }
        for minute in (1, 9, 11)
    }
    assert told == {1: {"BTCUSDT", "ETHUSDT"}, 9: {"BTCUSDT", "ETHUSDT"}, 11: {"BTCUSDT"}}


def test_input_that_stops_in_a_burst_is_degraded_and_ends_the_episode() -> None:
    state = SignalsState()
    Tape(state, cascade(0)).play(0, 6 * SECOND)
    told: list[Assessment] = []
    signals: list[Signal] = []
    for second in range(7, 40):
        outcome = state.advance(entry_id(second * SECOND), OutputEntry("empty", NOW + second * SECOND))
        told += outcome.assessments
        signals += outcome.signals
    assert {each.data_quality.status for each in told} == {"DEGRADED"}
    assert signals[0].explanation.startswith("input has stopped")
    assert signals[0].level != "NONE"
    assert signals[-1].level == "NONE"


def test_status_is_ok_after_an_hour_with_everything_there() -> None:
    state = SignalsState()
    state.advance(entry_id(0), entry(measure([], 0, ("BTCUSDT",), mark=1.0), 0))
    now = 3_700 * SECOND
    state.advance(entry_id(now), market_entry(now, warming=False, regime="LOW"))
    outcome = state.advance(entry_id(now), entry(measure([], now, ("BTCUSDT",), mark=1.0), now))
    quality = outcome.assessments[-1].data_quality
    assert (quality.status, quality.warming, quality.missing) == ("OK", False, ("correlation",))
    assert outcome.assessments[-1].regime == "LOW"


def test_an_input_that_is_warming_makes_the_signal_warming() -> None:
    state = SignalsState()
    state.advance(entry_id(0), entry(measure([], 0, ("BTCUSDT",)), 0))
    metrics = measure([], 4_000 * SECOND, ("BTCUSDT",))
    metrics.warming = True
    outcome = state.advance(entry_id(4_000 * SECOND), entry(metrics, 4_000 * SECOND))
    assert outcome.assessments[-1].data_quality.status == "WARMING"


def test_receipt_of_the_newest_event_is_the_input_time() -> None:
    metrics = measure(cascade(0), 6 * SECOND, ("BTCUSDT",))
    metrics.ts_recv[:] = NOW + 5 * SECOND
    said = SignalsState().advance(entry_id(6 * SECOND), entry(metrics, 6 * SECOND)).signals[0]
    assert said.data_quality.input_ts == NOW + 5 * SECOND
    assert said.data_quality.input_id == entry_id(6 * SECOND)


def test_the_market_is_told_once_a_second_while_it_is_fresh() -> None:
    state = SignalsState()
    told = []
    for now in range(0, 20 * SECOND, 100 * MS):
        item = market_entry(now) if now <= 10 * SECOND else OutputEntry("empty", NOW + now)
        told.append(state.advance(entry_id(now), item).market)
    found = [each for each in told if each is not None]
    assert 15 <= len(found) <= 17


def an_hour_old() -> SignalsState:
    """Return a state whose symbol has warmed up."""
    state = SignalsState()
    state.advance(entry_id(0), entry(measure([], 0, ("BTCUSDT",)), 0))
    now = 3_700 * SECOND
    state.advance(entry_id(now), entry(measure([], now, ("BTCUSDT",)), now))
    return state


def told(state: SignalsState, second: int) -> str:
    """Return the status told of the symbol at a second."""
    now = second * SECOND
    outcome = state.advance(entry_id(now), entry(measure([], now, ("BTCUSDT",)), now))
    return outcome.assessments[-1].data_quality.status


def test_a_state_that_misses_what_went_before_is_warming_for_five_minutes_of_entries() -> None:
    state = an_hour_old()
    assert told(state, 3_702) == "OK"
    state.warming = True
    assert told(state, 3_710) == "WARMING"
    again = SignalsState()
    again.load(state.dump())
    assert again.warming, "a restart does not end it"
    for each in (state, again):
        assert [told(each, second) for second in (3_720, 4_009, 4_010)] == ["WARMING", "WARMING", "OK"]
    assert not again.warming


def test_a_state_that_saw_all_is_not_warming() -> None:
    state = an_hour_old()
    state.warming = False
    assert told(state, 3_702) == "OK"
    assert not state.warming
