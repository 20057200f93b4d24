"""Residual correlation: independent venues on a common ramp are not correlated, shared bursts are."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.signals.metrics_made import NOW, SECOND

from foreshock_signals.domain import correlation
from foreshock_signals.domain.table import MAX_VENUES, ROW

VENUES = np.arange(3)


def play(counts: np.ndarray, venues: np.ndarray = VENUES, step: int = 1) -> np.ndarray:
    """Feed counts (seconds, venues) of LONG second by second; return LONG's correlation after each."""
    rows = np.zeros(1, ROW)
    totals = np.zeros((1, 2, counts.shape[1]))
    found = []
    for second, row in enumerate(counts):
        totals[0, 0] += row
        correlation.update(rows, np.array([NOW + second * step * SECOND]), totals, venues)
        found.append(correlation.correlation(rows)[0, 0])
    return np.array(found)


def test_independent_venues_on_a_common_ramp_are_not_correlated() -> None:
    rng = np.random.default_rng(1)
    ramp = np.linspace(1, 20, 240)[:, None]
    found = play(rng.poisson(np.repeat(ramp, 3, axis=1)))
    assert abs(np.nanmean(found[60:])) < 0.15


def test_shared_bursts_are_correlated() -> None:
    rng = np.random.default_rng(2)
    shared = rng.poisson(1.0, (240, 1)) * rng.poisson(6.0, (240, 1))
    found = play(rng.poisson(0.85 * shared + 0.3, (240, 3)))
    assert np.nanmean(found[60:]) > 0.4
    assert np.nanmax(found) < 1.0


def test_identical_venues_stay_below_one() -> None:
    same = np.repeat(np.random.default_rng(3).poisson(2.0, (120, 1)), 3, axis=1)
    found = play(same)
    assert 0.5 < np.nanmax(found) < 1.0


def test_it_is_undefined_with_one_venue_or_few_bins() -> None:
    alone = np.zeros((120, 3))
    alone[:, 0] = np.random.default_rng(4).poisson(3.0, 120)
    assert np.isnan(play(alone)).all()
    assert np.isnan(play(np.ones((9, 3)))).all()
    assert np.isnan(play(np.zeros((120, 3)))).all()


def test_several_updates_within_a_second_are_one_bin() -> None:
    rows, again = np.zeros(1, ROW), np.zeros(1, ROW)
    for second in range(60):
        totals = np.full((1, 2, 3), float(second % 7 + second))
        correlation.update(rows, np.array([NOW + second * SECOND]), totals, VENUES)
        for part in (0, SECOND // 2):
            correlation.update(again, np.array([NOW + second * SECOND + part]), totals, VENUES)
    assert rows.tobytes() == again.tobytes()


def test_more_venues_than_columns_do_no_harm() -> None:
    many = np.random.default_rng(5).poisson(2.0, (60, MAX_VENUES + 3))
    places = np.minimum(np.arange(MAX_VENUES + 3), MAX_VENUES)
    assert np.isfinite(play(many, places)[30:]).all()


def test_a_long_gap_forgets() -> None:
    shared = np.repeat(np.random.default_rng(6).poisson(2.0, (60, 1)), 3, axis=1)
    rows = np.zeros(1, ROW)
    totals = np.zeros((1, 2, 3))
    for second, row in enumerate(shared):
        totals[0, 0] += row
        correlation.update(rows, np.array([NOW + second * SECOND]), totals, VENUES)
    assert np.isfinite(correlation.correlation(rows)[0, 0])
    correlation.update(rows, np.array([NOW + 3_600 * SECOND]), totals, VENUES)
    assert correlation.correlation(rows)[0, 0] == pytest.approx(np.nan, nan_ok=True)
