"""Features: monotone, bounded by what is believable, indifferent to nonsense."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.signals.metrics_made import SECOND, VENUES, Hit, cascade, measure, rows

from foreshock_model.metrics import WINDOWS_MS, WindowMetrics
from foreshock_signals.domain import features
from foreshock_signals.domain.baseline import Usual
from foreshock_signals.domain.prior_model import PRIOR_MODEL
from foreshock_signals.domain.probability import probability

USUAL = Usual(np.full((1, 2), 0.2), np.full((1, 2), 9_600.0))
UNDEFINED = np.full((1, 2), np.nan)
NONSENSE = [float("nan"), float("inf"), float("-inf"), -1.0, -1e300, 1e300, 1e13]
COLUMNS = ("count", "usd", "total_count", "total_usd", "usd_oldest", "usd_newest", "count_oldest", "count_newest")


def likely(metrics: WindowMetrics) -> np.ndarray:
    """Return the packaged model's probability, (1, 2)."""
    seen = features.features(features.activity(metrics, USUAL), USUAL, UNDEFINED)
    log_odds = seen @ PRIOR_MODEL.vector + PRIOR_MODEL.intercept
    return probability(log_odds, np.ones((1, 2)), PRIOR_MODEL.rate_weight)


def a_burst() -> WindowMetrics:
    return measure(cascade(0), 6 * SECOND, ("BTCUSDT",))


def doubles(metrics: WindowMetrics) -> WindowMetrics:
    """Return metrics whose columns can hold what no codec would carry."""
    for name in ("total_count", "mark_ts"):
        setattr(metrics, name, getattr(metrics, name).astype(np.float64))
    for name in COLUMNS:
        setattr(metrics, name, getattr(metrics, name).astype(np.float64))
    return metrics


def test_silence_has_no_features() -> None:
    quiet = features.features(features.silence(1), USUAL, UNDEFINED)
    assert quiet.shape == (1, 2, len(features.NAMES))
    assert (quiet == 0).all()


def test_a_ratio_is_counted_in_usual_liquidations() -> None:
    metrics = measure([Hit(0, 9_600.0)] * 20, 0, ("BTCUSDT",))
    seen = features.features(features.activity(metrics, USUAL), USUAL, UNDEFINED)[0, 0]
    expected = np.log(21 / (0.2 * 10 + 1))
    assert seen[features.NAMES.index("count_10s")] == pytest.approx(expected)
    assert seen[features.NAMES.index("usd_10s")] == pytest.approx(expected)


def test_breadth_counts_venues_far_above_their_own() -> None:
    hits = [Hit(0, venue=venue) for venue in VENUES for _ in range(12)]
    active = features.activity(measure(hits, 0, ("BTCUSDT",)), USUAL)
    assert features.breadth(active, USUAL).tolist() == [[3, 0]]


def test_a_correlation_that_is_undefined_contributes_nothing() -> None:
    active = features.activity(a_burst(), USUAL)
    undefined = features.features(active, USUAL, UNDEFINED)
    none = features.features(active, USUAL, np.zeros((1, 2)))
    negative = features.features(active, USUAL, np.full((1, 2), -0.5))
    assert (undefined == none).all()
    assert (undefined == negative).all()


def test_windows_that_are_not_there_are_named() -> None:
    with pytest.raises(ValueError, match="lack one of"):
        features.positions((100, 2_000))


@given(st.data())
def test_nonsense_never_raises_probability_above_that_of_zero(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(COLUMNS))
    value = data.draw(st.sampled_from(NONSENSE))
    shape = getattr(a_burst(), name).shape
    cell = tuple(data.draw(st.integers(0, size - 1)) for size in shape)
    bad, zero = doubles(a_burst()), doubles(a_burst())
    getattr(bad, name)[cell] = value
    getattr(zero, name)[cell] = 0.0
    if name == "total_count" and value > 0:
        return  # a large total is a possible one: the venue is then usual, which is tested below
    assert np.isfinite(likely(bad)).all()
    assert (likely(bad) <= likely(zero)).all()


@given(st.data())
def test_zero_in_place_of_activity_never_raises_probability(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["count", "usd", "total_count", "total_usd"]))
    zero = a_burst()
    cell = tuple(data.draw(st.integers(0, size - 1)) for size in getattr(zero, name).shape)
    getattr(zero, name)[cell] = 0.0
    assert (likely(zero) <= likely(a_burst()) + 1e-12).all()


@given(
    st.lists(st.tuples(st.integers(0, 280 * SECOND), st.floats(1, 1e8), st.sampled_from(VENUES)), max_size=40),
    st.floats(1, 1e9),
    st.sampled_from(VENUES),
    st.integers(0, 299 * SECOND),
)
def test_one_more_liquidation_never_lowers_probability(
    flow: list[tuple[int, float, str]], usd: float, venue: str, age: int
) -> None:
    now = 300 * SECOND
    hits = [Hit(at, money, 0, place) for at, money, place in flow]
    more = [*hits, Hit(now - age, usd, 0, venue)]
    metrics, fuller = measure(hits, now, ("BTCUSDT",)), measure(more, now, ("BTCUSDT",))
    fuller.total_count = metrics.total_count = measure(more, now, ("BTCUSDT",)).total_count
    assert (likely(fuller)[0, 0] >= likely(metrics)[0, 0] - 1e-12).all()


@given(st.floats(1, 1e7), st.floats(1, 1e3))
def test_more_usd_in_the_same_liquidations_never_lowers_probability(usd: float, factor: float) -> None:
    hits = [Hit(0, usd)] * 10
    richer = [Hit(0, usd * factor)] * 10
    assert likely(measure(richer, 0, ("BTCUSDT",)))[0, 0] >= likely(measure(hits, 0, ("BTCUSDT",)))[0, 0]


def test_a_window_that_holds_less_than_a_shorter_one_takes_it_down() -> None:
    columns = rows(("BTCUSDT",))
    columns["count"][0, 0, 1, :] = 50
    columns["usd"][0, 0, 1, :] = 5e6
    columns["count"][0, 0, 1, WINDOWS_MS.index(60_000)] = 3
    metrics = WindowMetrics(symbols=("BTCUSDT",), venues=VENUES, **columns)
    assert features.activity(metrics, USUAL).orders[0, 0].tolist() == [3, 3, 3, 50]
