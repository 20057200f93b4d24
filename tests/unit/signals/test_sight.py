"""What signals say of how much of the market is seen."""

from __future__ import annotations

import msgspec
import pytest
from tests.unit.signals.metrics_made import MS, NOW, SECOND, Hit, cascade, entry, entry_id, market_entry, measure

from foreshock_model import metrics as metrics_codec
from foreshock_model.entries import OutputEntry
from foreshock_model.metrics import WINDOWS_MS
from foreshock_model.sight import Sight
from foreshock_model.signal import decode
from foreshock_signals.commands import Retention, latest_of, of, renewing
from foreshock_signals.domain.config import SignalsConfig
from foreshock_signals.domain.outcome import Outcome
from foreshock_signals.domain.state import SignalsState

FULL = Sight(coverage=0.65, possible=0.65, used=("binance", "bybit", "okx"))
WITHOUT_OKX = Sight(coverage=0.53, possible=0.65, used=("binance", "bybit"), missing=("okx",))
KEPT = Retention(1_000, 1_000, 10, 60)


def told(state: SignalsState, sight: Sight | None, now: int, hits: tuple[Hit, ...] = ()) -> Outcome:
    """Return the outcome of an entry with one symbol."""
    metrics = measure(hits, now, ("BTCUSDT",))
    metrics.sight = sight
    return state.advance(entry_id(now), entry(metrics, now))


@pytest.mark.parametrize(
    ("sight", "status"),
    [
        (None, "WARMING"),
        (FULL, "WARMING"),
        (WITHOUT_OKX, "DEGRADED"),
        (Sight(coverage=0, possible=0.65, missing=("binance", "bybit", "okx")), "DEGRADED"),
        (Sight(coverage=0, possible=0, used=("hyperliquid",)), "WARMING"),
        (Sight(coverage=0, possible=0, missing=("hyperliquid",)), "DEGRADED"),
    ],
)
def test_data_quality_is_degraded_when_too_much_of_what_could_be_seen_is_not(sight: Sight | None, status: str) -> None:
    (assessed,) = told(SignalsState(), sight, SECOND).assessments
    quality = assessed.data_quality
    assert quality.status == status
    assert quality.coverage == (None if sight is None else sight.coverage)
    assert quality.venues_used == (() if sight is None else sight.used)
    assert quality.venues_missing == (() if sight is None else sight.missing)


def test_how_much_may_be_missing_can_be_set() -> None:
    state = SignalsState()
    state.configure(SignalsConfig(coverage_ratio=0.8), 1)
    assert told(state, WITHOUT_OKX, SECOND).assessments[0].data_quality.status == "WARMING"


def test_metrics_without_rows_are_enough_and_silence_is_told_with_them() -> None:
    state = SignalsState()
    told(state, FULL, SECOND, (Hit(SECOND),))
    lone = metrics_codec.encode(metrics_codec.nothing(WINDOWS_MS, warming=False, sight=WITHOUT_OKX))
    outcome = state.advance(entry_id(4 * SECOND), OutputEntry("metrics", NOW + 4 * SECOND, lone))
    assert outcome.signals == ()
    (assessed,) = outcome.assessments
    assert (assessed.data_quality.coverage, assessed.data_quality.venues_missing) == (0.53, ("okx",))


def test_a_signal_says_it_in_its_json_in_flat_fields_and_in_words() -> None:
    state, signals = SignalsState(), []
    hits = tuple(cascade(SECOND))
    for now in range(0, 10 * SECOND, 100 * MS):
        seen = tuple(hit for hit in hits if hit.at <= now)
        outcome = told(state, FULL if now < 7 * SECOND else WITHOUT_OKX, now, seen)
        signals += list(outcome.signals)
    full = [each for each in signals if each.ts < NOW + 7 * SECOND]
    without = [each for each in signals if each.ts >= NOW + 7 * SECOND]
    assert full
    assert {each.data_quality.coverage for each in full} == {0.65}
    assert without
    assert all(each.explanation.startswith("53% of the market is seen; ") for each in without)
    record = next(each for each in of(Outcome((without[-1],)), 0, "1-0", KEPT) if each[0] == "XADD")
    flat = dict(zip(record[6::2], record[7::2], strict=True))
    assert (flat["coverage"], flat["venues_used"], flat["venues_missing"]) == (0.53, "binance,bybit", "okx")
    assert decode(bytes(flat["json"])).data_quality == without[-1].data_quality  # type: ignore[arg-type]


def test_the_regime_says_it_too() -> None:
    state = SignalsState()
    told(state, FULL, SECOND)
    outcome = state.advance(entry_id(2 * SECOND), market_entry(2 * SECOND))
    documents = [each[2] for each in renewing(latest_of(outcome, tells_market=True)) if each[1] == "regime:current"]
    assert [msgspec.json.decode(each)["coverage"] for each in documents] == [0.65]  # type: ignore[arg-type]


def test_it_survives_a_snapshot() -> None:
    state, later = SignalsState(), SignalsState()
    told(state, WITHOUT_OKX, SECOND)
    later.load(state.dump())
    assert later.sight == WITHOUT_OKX
    assert later.dump() == state.dump()
