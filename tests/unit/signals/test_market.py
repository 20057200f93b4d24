"""The market stage's pure part: regime, breadth, and when an entry is due."""

from __future__ import annotations

import msgspec
import pytest
from tests.unit.signals.metrics_made import MS, NOW, SECOND, Hit, cascade, entry, measure

from foreshock_model.entries import OutputEntry
from foreshock_model.errors import CodecError
from foreshock_signals.domain.market import MarketState
from foreshock_signals.domain.prior_model import PRIOR_MODEL


def a_market() -> MarketState:
    return MarketState(PRIOR_MODEL)


def tick(state: MarketState, now: int, kind: str = "empty") -> None:
    state.observe(OutputEntry(kind, NOW + now))


def test_nothing_is_due_before_anything_came() -> None:
    assert a_market().due() is None


def test_an_entry_is_due_at_most_once_in_100_ms_of_the_metrics_clock() -> None:
    state = a_market()
    due = 0
    for now in range(0, SECOND, 10 * MS):
        tick(state, now)
        due += state.due() is not None
    assert due == 10


def test_an_answer_to_a_market_entry_makes_no_other() -> None:
    state = a_market()
    tick(state, 0)
    assert state.due() is not None
    for now in range(1, 10):
        tick(state, now * SECOND, "market")
        assert state.due() is None


def test_with_nothing_known_it_says_so() -> None:
    state = a_market()
    tick(state, 0)
    market = state.due()
    assert market is not None
    assert (market.clock, market.regime, market.multiplier) == (NOW, "NORMAL", 1.0)
    assert market.volatility_bp == pytest.approx(12.0)
    assert market.volatility_percent == pytest.approx(38.9, abs=0.1)
    assert market.warming
    assert market.btc_mark is None


def test_the_mark_of_btc_is_taken_from_its_rows() -> None:
    state = a_market()
    state.observe(entry(measure([], SECOND, ("ETHUSDT", "BTCUSDT"), mark=61_000.5), SECOND))
    market = state.due()
    assert market is not None
    assert (market.btc_mark, market.btc_mark_ts) == (61_000.5, NOW + SECOND)
    assert market.symbols == 2


def test_breadth_counts_symbols_that_burst_now() -> None:
    hits = [*cascade(0, symbol="BTCUSDT"), *cascade(0, symbol="SOLUSDT"), Hit(0, symbol="XUSDT")]
    state = a_market()
    state.observe(entry(measure(hits, 6 * SECOND, ("BTCUSDT", "SOLUSDT", "XUSDT")), 6 * SECOND))
    market = state.due()
    assert market is not None
    assert market.breadth == 2
    assert market.max_probability > 0.5
    assert market.max_symbol in {"BTCUSDT", "SOLUSDT"}
    tick(state, 9 * SECOND)
    later = state.due()
    assert later is not None
    assert (later.breadth, later.symbols, later.max_symbol) == (0, 0, "")


def test_metrics_without_rows_are_no_trouble() -> None:
    state = a_market()
    state.observe(entry(measure([], 0, ()), 0))
    assert state.due() is not None


def test_metrics_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(CodecError):
        a_market().observe(OutputEntry("metrics", NOW, b"\xff"))


def test_the_estimator_survives_a_restart() -> None:
    first, again = a_market(), a_market()
    for second in range(400):
        first.observe(
            entry(measure([], second * SECOND, ("BTCUSDT",), mark=60_000 + 9.0 * (second % 50)), second * SECOND)
        )
        first.due()
    again.load(first.dump())
    for state in (first, again):
        state.observe(entry(measure([], 401 * SECOND, ("BTCUSDT",), mark=60_100.0), 401 * SECOND))
    assert first.due() == again.due()


@pytest.mark.parametrize("blob", [b"", b"{}", b"nonsense", b'{"schema": 9, "written": 0, "regime": {}}'])
def test_a_state_that_is_none_is_refused(blob: bytes) -> None:
    with pytest.raises(ValueError):
        a_market().load(blob)


def test_the_entry_is_json_for_anyone() -> None:
    state = a_market()
    tick(state, 0)
    assert msgspec.json.decode(msgspec.json.encode(state.due()))["regime"] == "NORMAL"
