"""Signals name the venues whose figures are lower bounds."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from tests.unit.signals.metrics_made import MS, SECOND, VENUES, Hit, cascade, entry, entry_id, measure

from foreshock_model import insight as insights
from foreshock_model.metrics import WINDOWS_MS, WindowMetrics
from foreshock_model.signal import decode
from foreshock_signals.commands import Retention, of
from foreshock_signals.domain.outcome import Outcome
from foreshock_signals.domain.state import SignalsState

KEPT = Retention(1_000, 1_000, 10, 60)
SYMBOLS = ("BTCUSDT",)


def hiding(metrics: WindowMetrics, *venues: str) -> WindowMetrics:
    """Let velocity say that these venues hide orders of all symbols."""
    quiet = insights.nothing(len(metrics.symbols), len(VENUES), len(WINDOWS_MS))
    flags = np.array([venue in venues for venue in VENUES])
    metrics.insight = quiet._replace(censored=np.tile(flags, (len(metrics.symbols), 1)))
    return metrics


def assessed(hits: list[Hit], now: int, *venues: str) -> tuple[str, ...]:
    """Return what the latest figures of a symbol name at `now` [ns]."""
    outcome = SignalsState().advance(entry_id(now), entry(hiding(measure(hits, now, SYMBOLS), *venues), now))
    return outcome.assessments[0].data_quality.censored


def play(*venues: str) -> Outcome:
    """Return the outcome of a cascade of longs, with one short at okx."""
    hits = [*cascade(0), Hit(5 * SECOND, side=1, venue="okx")]
    now = 6 * SECOND
    return SignalsState().advance(entry_id(now), entry(hiding(measure(hits, now, SYMBOLS), *venues), now))


def test_a_signal_names_the_venues_that_hide_orders_of_its_side_in_json_and_flat() -> None:
    outcome = play("okx", "binance")
    (said,) = outcome.signals
    assert said.data_quality.censored == ("binance", "okx")
    record = next(each for each in of(outcome, 0, "1-0", KEPT) if each[0] == "XADD")
    flat = dict(zip(record[6::2], record[7::2], strict=True))
    assert flat["censored"] == "binance,okx"
    assert decode(bytes(flat["json"])).data_quality == said.data_quality  # type: ignore[arg-type]


def test_a_venue_that_told_nothing_of_the_side_is_not_named() -> None:
    longs = [Hit(5 * SECOND + k * MS, 5e6, 0, "bybit") for k in range(200)]
    hits = [*longs, Hit(5 * SECOND, side=1, venue="binance")]
    metrics = hiding(measure(hits, 6 * SECOND, SYMBOLS), "binance", "bybit")
    outcome = SignalsState().advance(entry_id(6 * SECOND), entry(metrics, 6 * SECOND))
    assert {each.side: each.data_quality.censored for each in outcome.signals} == {"LONG": ("bybit",)}
    assert outcome.assessments[0].data_quality.censored == ("binance", "bybit")


@pytest.mark.parametrize(("age", "named"), [(59, ("binance",)), (61, ())])
def test_a_venue_is_named_while_it_told_any_in_the_last_minute(age: int, named: tuple[str, ...]) -> None:
    assert assessed([Hit(SECOND, venue="binance")], (1 + age) * SECOND, "binance") == named


def test_nobody_is_named_where_velocity_does_not_tell_and_in_silence() -> None:
    state = SignalsState()
    plain = measure([Hit(SECOND)], 2 * SECOND, SYMBOLS)
    outcome = state.advance(entry_id(2 * SECOND), entry(plain, 2 * SECOND))
    assert outcome.assessments[0].data_quality.censored == ()
    state.advance(entry_id(3 * SECOND), entry(hiding(measure([Hit(SECOND)], 3 * SECOND, SYMBOLS), "bybit"), 3 * SECOND))
    market = hiding(measure([], 7 * SECOND, ()))
    silent = state.advance(entry_id(7 * SECOND), entry(market, 7 * SECOND))
    assert [each.data_quality.censored for each in silent.assessments] == [()]


def test_it_changes_neither_level_nor_probability() -> None:
    ((one,), (other,)) = play("binance").signals, play().signals
    assert msgspec.structs.replace(one, data_quality=other.data_quality) == other
