"""What is concluded beyond windows comes out of the service's state, as columns and as JSON."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from tests.unit.velocity.entries_made import MS, NOW, SECOND, Price, Row, Writer, metrics_of, row_of

from foreshock_model.entries import InputEntry
from foreshock_model.insight import GAUGES, Insight
from foreshock_sdk.events import ContextField
from foreshock_velocity.domain import VelocityState
from foreshock_velocity.domain.conclusions import conclusions

TEN, MINUTE = 3, 5


def capped(writer: Writer, clock: int = NOW, *, rows: int = 1) -> InputEntry:
    """Say that binance tells one order a second."""
    told = {"delays": {"binance": 1_500, "bybit": 1_000}, "caps": {"binance": [rows, 1_000]}}
    return writer.entry("tick", clock, msgspec.json.encode(told))


def told(state: VelocityState, entry: InputEntry, symbol: str = "BTCUSDT") -> tuple[Insight, int]:
    metrics = metrics_of(state.advance("9-9", entry))
    assert metrics.insight is not None
    return metrics.insight, row_of(metrics, symbol)


def gauge(insight: Insight, row: int, name: str) -> float:
    return float(insight.gauges[row, GAUGES.index(name)])


def saturate(state: VelocityState, writer: Writer, venue: str, seconds: int = 30) -> tuple[Insight, int]:
    """A venue tells an order of 20,000 USD every second, which is 20 times the usual."""
    for second in range(seconds):
        clock = NOW + second * SECOND + 300 * MS
        found = told(state, writer.batch(clock, Row(venue=venue, usd=20_000.0, ts=clock)))
    return found


def test_a_throttled_venue_at_its_cap_is_flagged_and_estimated() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", capped(writer))
    insight, row = saturate(state, writer, "binance")
    assert insight.censored[row].all()
    assert insight.usd_gain[row, 0, TEN] > 1.2
    assert insight.count_gain[row, 0, TEN] > 3
    assert insight.usd_gain[row, 1, TEN] == 1
    assert 0 < gauge(insight, row, "estimate_error") < 1


def test_a_venue_that_tells_all_is_believed() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", capped(writer))
    insight, row = saturate(state, writer, "bybit")
    assert not insight.censored.any()
    assert (insight.usd_gain == 1).all()
    assert (insight.count_gain == 1).all()
    assert not gauge(insight, row, "estimate_error")


def test_a_venue_that_fell_silent_hides_nothing_any_more() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", capped(writer))
    saturate(state, writer, "binance")
    last = NOW + 29 * SECOND + 300 * MS
    for after, share in ((30, 0.5), (31, 0.0)):
        clock = last + after * SECOND
        insight, row = told(state, writer.batch(clock, Row(venue="bybit", ts=clock)))
        assert insight.censored[row].sum() == 2 * share
        assert state.censored_share() == share


def test_a_cap_of_two_is_one_of_either_side() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", capped(writer, rows=2))
    clock = NOW + SECOND
    state.advance("1-1", writer.batch(clock, Row(side=0, ts=clock), Row(side=1, ts=clock)))
    assert state._analysis.lane_names == ["BTCUSDT-PERP.BINANCE#0", "BTCUSDT-PERP.BINANCE#1"]


def test_a_cap_told_later_does_not_touch_what_went_before() -> None:
    state, writer = VelocityState(), Writer()
    insight, _ = saturate(state, writer, "binance", 5)
    assert not insight.censored.any()
    state.advance("1-0", capped(writer, NOW + 5 * SECOND))
    assert not state._analysis.lane_names


def market(state: VelocityState, writer: Writer, seconds: int = 70) -> tuple[Insight, int]:
    """A price that falls by 1 bp a second and open interest by a tenth in a minute, while longs are liquidated."""
    contract: dict[str, Any] = {"venue": "bybit", "instrument": "BTCUSDT-PERP.BYBIT"}
    for second in range(seconds):
        clock = NOW + second * SECOND + 100 * MS
        rows: list[Row | Price] = [
            Price(100.0 * np.exp(-second / 1e4), clock, **contract),
            Price(1_000.0 - second * 100 / 60, clock, field=ContextField.OPEN_INTEREST, **contract),
            Price(1e-4, clock, field=ContextField.FUNDING, **contract),
            Price(2e6, clock, field=ContextField.DEPTH_BID_10BP, **contract),
            Price(4e6, clock, field=ContextField.DEPTH_ASK_10BP, **contract),
            Row(venue="bybit", usd=50_000.0, ts=clock),
        ]
        found = told(state, writer.batch(clock, *rows))
    return found


def test_context_becomes_gauges() -> None:
    insight, row = market(VelocityState(), Writer())
    flow = 50_000.0 * 59 / 1e6
    assert gauge(insight, row, "oi_change_60s") == pytest.approx(-0.1, rel=0.2)
    assert gauge(insight, row, "funding") == pytest.approx(1e-4)
    assert gauge(insight, row, "impact_60s") == pytest.approx(60 / flow, rel=0.06)
    assert gauge(insight, row, "impact_depth_60s") == pytest.approx(2 * gauge(insight, row, "impact_60s"), rel=1e-3)
    assert gauge(insight, row, "reproduction_long") == pytest.approx(1, abs=0.15)
    assert gauge(insight, row, "whale_share_long") == 0
    for missing in ("oi_change_300s", "funding_change_300s", "reproduction_short", "branching_short"):
        assert np.isnan(gauge(insight, row, missing))


def test_nothing_told_is_nothing_known() -> None:
    insight, row = told(VelocityState(), Writer().batch(NOW, Row()))
    known = {name for name in GAUGES if not np.isnan(gauge(insight, row, name))}
    assert known == {"reproduction_long", "reproduction_error_long", "estimate_error"}


def test_senseless_context_is_left_out() -> None:
    state, writer = VelocityState(), Writer()
    rows = [
        Price(value, NOW, field=field)
        for field, value in (
            (ContextField.OPEN_INTEREST, -5.0),
            (ContextField.OPEN_INTEREST, np.inf),
            (ContextField.DEPTH_BID_10BP, np.nan),
            (ContextField.FUNDING, 2.0),
        )
    ]
    insight, row = told(state, writer.batch(NOW, *rows, Row()))
    assert np.isnan(gauge(insight, row, "funding"))
    assert not [key for key, _ in state.publications() if key.startswith("oi:")]


def test_venues_that_move_together_are_told_with_their_lead() -> None:
    state, writer, dice = VelocityState(), Writer(), np.random.default_rng(4)
    state.advance("1-0", writer.tick(NOW, bybit=1_000, okx=500))
    for second in range(200):
        clock = NOW + second * SECOND
        number = int(dice.poisson(3))
        rows = [
            Row(venue=venue, ts=clock - late * MS)
            for _ in range(number)
            for venue, late in (("okx", 900), ("bybit", 0))
        ]
        entry = writer.batch(clock, *rows, Row("ETHUSDT", "bybit", ts=clock))
        if number:
            insight, row = told(state, entry)
        else:
            state.advance("2-0", entry)
    assert insight.correlation.shape == (2, 1)
    assert 0.3 < insight.correlation[row, 0] < 1
    assert insight.samples[row, 0] > 50
    assert -1.3 < insight.lead[row, 0] < -0.6  # bybit, the first by name, comes after okx
    other = 1 - row
    assert np.isnan(insight.correlation[other, 0])


def test_the_json_names_what_is_missing() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", capped(writer))
    saturate(state, writer, "binance", 20)
    document = msgspec.json.decode(dict(state.publications())["velocity:BTCUSDT:current"])
    assert document["censored"] == ["binance"]
    assert set(document["gauges"]) == set(GAUGES)
    assert document["gauges"]["funding"] is None
    assert set(document["missing"]) == {name for name, value in document["gauges"].items() if value is None}
    told_, estimated = document["windows"]["10s"]["LONG"], document["estimated"][TEN]["LONG"]
    assert estimated["usd"] > told_["usd"]
    assert estimated["count"] > told_["count"]
    assert document["correlation"] == []


def test_metrics_of_writers_that_conclude_nothing_have_no_conclusions() -> None:
    metrics = metrics_of(VelocityState().advance("1-0", Writer().batch(NOW, Row())))
    metrics.insight = None
    assert conclusions(metrics, 0) == {}


def test_open_interest_has_a_key() -> None:
    state = VelocityState()
    market(state, Writer(), 62)
    published: dict[str, bytes] = {}
    writer = Writer("other")
    for second in (63, 64):
        state.advance("3-0", writer.tick(NOW + second * SECOND))
        published |= dict(state.publications())
    document = msgspec.json.decode(published["oi:BTCUSDT:change"])
    assert document["open_interest"] == pytest.approx(1_000 - 61 * 100 / 60)
    assert document["change_60s"] == pytest.approx(-0.1, rel=0.2)
    assert document["change_300s"] is None


def test_all_of_it_survives_a_snapshot() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", capped(writer))
    saturate(state, writer, "binance", 5)
    market(state, writer)
    late = NOW + 80 * SECOND
    state.advance("4-0", writer.batch(late, Row(ts=late), Row(venue="bybit", ts=late)))
    waiting = writer.batch(late + 10 * MS, Row(ts=late), Price(3.0, late, field=ContextField.OPEN_INTEREST))
    state.advance("4-1", waiting)  # no grid point was passed: these rows wait
    resumed = VelocityState.load(state.dump())
    assert resumed.dump() == state.dump()
    state.publications()  # what was due before the snapshot
    entries = [writer.batch(late + step * 130 * MS, Row(ts=late + step * MS)) for step in range(1, 20)]
    for entry in entries:
        assert resumed.advance("5-0", entry) == state.advance("5-0", entry)
        assert resumed.publications() == state.publications()
    assert resumed.dump() == state.dump()


def test_context_of_a_symbol_that_nothing_else_named_makes_room_for_it() -> None:
    """Its first word may be an open interest, in the very entry that brings liquidations of another."""
    state, writer = VelocityState(), Writer()
    state.advance("1-0", writer.batch(NOW, Row(ts=NOW)))
    interest = Price(5.0, symbol="NEWUSDT", instrument="NEWUSDT-PERP.BINANCE", field=ContextField.OPEN_INTEREST)
    later = NOW + SECOND
    metrics = metrics_of(state.advance("2-0", writer.batch(later, Row(ts=later), interest)))
    assert "BTCUSDT" in metrics.symbols


def test_between_grid_points_rows_carry_what_is_hidden_and_nothing_else() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", capped(writer))
    _, row = saturate(state, writer, "binance")
    between = NOW + 29 * SECOND + 310 * MS
    metrics = metrics_of(state.advance("2-0", writer.batch(between, Row(ts=between))))
    assert metrics.insight is not None
    assert metrics.insight.censored[row].all()
    assert metrics.insight.usd_gain[row, 0, TEN] > 1
    assert np.isnan(metrics.insight.gauges).all()
    calm, other = VelocityState(), Writer()
    calm.advance("1-0", other.batch(NOW + 20 * MS, Row(ts=NOW)))
    quiet = metrics_of(calm.advance("2-0", other.batch(NOW + 30 * MS, Row(ts=NOW + 30 * MS))))
    assert quiet.insight is None


def test_a_venue_that_tells_more_than_its_throttle_lets_by_is_believed() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", capped(writer))
    for second in range(30):
        clock = NOW + second * SECOND + 300 * MS
        insight, _ = told(state, writer.batch(clock, *(Row(usd=20_000.0, ts=clock - at * MS) for at in range(40))))
    assert not insight.censored.any()
    assert (insight.usd_gain == 1).all()
