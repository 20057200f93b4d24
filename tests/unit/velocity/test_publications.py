"""The JSON of the latest state, and how often it is due."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.velocity.entries_made import MS, NOW, SECOND, Price, Row, Writer, metrics_of
from tests.unit.velocity.test_restart import story

from foreshock_model.derivatives import Derivatives
from foreshock_sdk.events import ContextField
from foreshock_velocity.domain import VelocityState
from foreshock_velocity.domain.teller import MARK_EVERY_NS, PUBLISH_EVERY_NS
from foreshock_velocity.domain.window_view import window_name


def test_the_latest_state_of_a_symbol() -> None:
    state, writer = VelocityState(), Writer()
    state.warming = True
    rows = [Row(usd=1_000.0, ts=NOW), Row(usd=500.0, ts=NOW, venue="okx"), Row(usd=70.5, ts=NOW, side=1)]
    state.advance("1-0", writer.batch(NOW, *rows, Price(65_000.5, NOW - 7)))
    published = dict(state.publications())
    document = msgspec.json.decode(published["velocity:BTCUSDT:current"])
    assert {name: document[name] for name in ("schema", "symbol", "ts", "venues", "mark", "mark_ts", "warming")} == {
        "schema": 1,
        "symbol": "BTCUSDT",
        "ts": NOW,
        "venues": ["binance", "okx"],
        "mark": 65_000.5,
        "mark_ts": NOW - 7,
        "warming": True,
    }
    assert list(document["windows"]) == ["100ms", "500ms", "2s", "10s", "30s", "60s", "300s"]
    two = document["windows"]["2s"]
    long = two["LONG"]
    assert {name: long[name] for name in ("count", "usd", "largest", "mean", "count_rate", "usd_rate")} == {
        "count": 2,
        "usd": 1_500.0,
        "largest": 1_000.0,
        "mean": 750.0,
        "count_rate": 1.0,
        "usd_rate": 750.0,
    }
    assert long["by_venue"] == {
        "binance": {"count": 1, "usd": 1_000.0, "largest": 1_000.0},
        "okx": {"count": 1, "usd": 500.0, "largest": 500.0},
    }
    assert two["SHORT"]["usd"] == 70.5
    assert document["totals"] == {"LONG": {"count": 2, "usd": 1_500.0}, "SHORT": {"count": 1, "usd": 70.5}}


def test_derivatives_stand_beside_their_errors() -> None:
    state, writer = VelocityState(), Writer()
    rows = [Row(usd=1_000.0, ts=NOW - age * 70 * MS, side=1) for age in range(100)]
    metrics = metrics_of(state.advance("1-0", writer.batch(NOW, *rows)))
    told = msgspec.json.decode(state.publications()[0][1])["windows"]["10s"]["SHORT"]
    by_count, by_usd = metrics.count_derivatives, metrics.usd_derivatives
    for name in Derivatives._fields:
        assert told[name] == pytest.approx(float(getattr(by_usd, name)[0, 1, 3]), rel=1e-6)
        assert told[f"count_{name}"] == pytest.approx(float(getattr(by_count, name)[0, 1, 3]), rel=1e-6)
    assert told["acceleration"] == pytest.approx(float(metrics.acceleration[0, 1, 3]))
    assert told["acceleration"] > 2 * told["acceleration_error"] > 0
    assert told["agreement"] == pytest.approx(float(metrics.agreement[0, 1, 3]))


def test_what_is_undefined_is_null() -> None:
    state = VelocityState()
    state.advance("1-0", Writer().batch(NOW, Row()))
    ((_, document),) = state.publications()
    assert b"NaN" not in document
    decoded = msgspec.json.decode(document)
    assert decoded["mark"] is None
    assert decoded["windows"]["300s"]["LONG"]["acceleration"] is None
    assert decoded["windows"]["60s"]["LONG"]["jerk"] is None


def test_marks_have_keys_of_their_own() -> None:
    state, writer = VelocityState(), Writer()
    eth = Price(3_000.0, NOW, "ETHUSDT", instrument="ETHUSDT-PERP.BINANCE")
    state.advance("1-0", writer.batch(NOW, eth, Price(65_000.0, NOW)))
    published = dict(state.publications())
    assert set(published) == {
        "velocity:BTCUSDT:current",
        "mark:ETHUSDT:current",
        "mark:BTCUSDT:current",
        "btc:price:current",
    }
    assert msgspec.json.decode(published["btc:price:current"]) == {
        "schema": 1,
        "symbol": "BTCUSDT",
        "price": 65_000.0,
        "ts": NOW,
        "instrument": "BTCUSDT-PERP.BINANCE",
    }


def test_the_funding_rate_of_the_marks_contract_has_a_key_of_its_own() -> None:
    state, writer = VelocityState(), Writer()
    rate = Price(-0.000125, NOW - 5, field=ContextField.FUNDING)
    other = Price(0.5, NOW - 5, venue="okx", instrument="BTCUSDT-PERP.OKX", field=ContextField.FUNDING)
    state.advance("1-0", writer.batch(NOW, Price(65_000.0, NOW), rate, other))
    expected = {"schema": 1, "symbol": "BTCUSDT", "instrument": "BTCUSDT-PERP.BINANCE", "rate": -0.000125}
    assert msgspec.json.decode(dict(state.publications())["funding:BTCUSDT:current"]) == expected | {"ts": NOW - 5}
    clock = NOW + 300 * MS
    state.advance("2-0", writer.batch(clock, Price(65_001.0, clock)))
    assert "funding:BTCUSDT:current" in dict(state.publications())  # with each mark, so that it does not run out


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 3.0])
def test_senseless_funding_rates_are_not_told(value: float) -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", writer.batch(NOW, Price(65_000.0, NOW), Price(value, NOW, field=ContextField.FUNDING)))
    assert "funding:BTCUSDT:current" not in dict(state.publications())


def test_a_funding_rate_goes_with_its_contract() -> None:
    """When another contract gives the mark, the old one's rate is not told as the new one's."""
    state, writer = VelocityState(), Writer()
    state.advance("1-0", writer.batch(NOW, Price(65_000.0, NOW), Price(0.001, NOW, field=ContextField.FUNDING)))
    clock = NOW + 6 * SECOND
    state.advance("2-0", writer.batch(clock, Price(65_001.0, clock, venue="okx", instrument="BTCUSDT-PERP.OKX")))
    published = dict(state.publications())
    assert "mark:BTCUSDT:current" in published
    assert "funding:BTCUSDT:current" not in published


def test_a_busy_symbol_is_published_twice_a_second() -> None:
    state, writer, times = VelocityState(), Writer(), []
    for at in range(2_000):
        clock = NOW + at * MS
        state.advance("1-0", writer.batch(clock, Row(ts=clock)))
        times += [clock for _ in state.publications()]
    assert len(times) == 4
    assert min(np.diff(times)) >= PUBLISH_EVERY_NS


def test_a_decaying_symbol_is_published_about_once_a_second() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", writer.batch(NOW, Row()))
    times = []
    for at in range(1, 3_001):
        state.advance("2-0", writer.tick(NOW + at * 100 * MS))
        times += [at for _ in state.publications()]
    assert 295 <= len(times) <= 301
    assert max(np.diff(times)) <= 10


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_marks_and_touched_symbols_are_never_published_more_often(seed: int) -> None:
    state = VelocityState()
    last: dict[str, int] = {}
    for entry in story(seed, 60):
        state.advance("1-0", entry)
        for key, document in state.publications():
            assert b"NaN" not in document
            if key.startswith("mark:"):
                assert state.now - last.get(key, -SECOND) >= MARK_EVERY_NS
                last[key] = state.now


@pytest.mark.parametrize(("window", "name"), [(100, "100ms"), (1_500, "1500ms"), (2_000, "2s"), (300_000, "300s")])
def test_windows_are_named_as_people_name_them(window: int, name: str) -> None:
    assert window_name(window) == name
