"""Rows of the tables hold what stood in the entries."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.archive.archive_parts import SYMBOLS, batch_of, tick, with_insight
from tests.unit.model.batches import batches
from tests.unit.model.batches import metrics as any_metrics
from tests.unit.model.test_signal import SIGNAL
from tests.unit.signals.metrics_made import NOW, SECOND, Hit, measure

from foreshock_archive.domain.columns import Origin
from foreshock_archive.domain.event_rows import ContextRows, EventRows, check
from foreshock_archive.domain.metric_rows import MetricRows
from foreshock_archive.domain.schemas import SCHEMAS, SIGNALS
from foreshock_archive.domain.seen import Seen
from foreshock_archive.domain.signal_rows import CoverageRows, SignalRows
from foreshock_model import signal
from foreshock_model.batch import EventBatch
from foreshock_model.errors import CodecError
from foreshock_model.metrics import WindowMetrics
from foreshock_model.sight import Sight
from foreshock_sdk.events import ContextField, EventFlag, LiquidatedSide, PriceKind

HERE = Origin(3, "1700000000000-7")


def ns(value: Any) -> int:
    """A time as Arrow gives it back, as ns."""
    return int(value.value)


def events_of(told: EventBatch) -> list[dict[str, Any]]:
    rows = EventRows(Seen())
    rows.add(HERE, told)
    return list(rows.table().to_pylist())


def test_a_liquidation_is_spelled_out() -> None:
    (row,) = events_of(batch_of([Hit(SECOND, 90_000.0, 1, "okx", "ETHUSDT")], 9, SECOND))
    assert (ns(row.pop("ts_event")), ns(row.pop("ts_recv"))) == (NOW + SECOND - 50_000_000, NOW + SECOND)
    assert row == {
        "venue": "okx",
        "symbol": "ETHUSDT",
        "instrument": "ETHUSDT-PERP.OKX",
        "raw_symbol": "ethusdt",
        "liquidated_side": "SHORT",
        "price_kind": "MARK",
        "price": 60_000.0,
        "quantity": 1.5,
        "notional_usd": 90_000.0,
        "multiplier": 1.0,
        **{str(flag.name).lower(): flag is EventFlag.REPLAYED for flag in EventFlag},
        "event_id": "0000000000001b61",
        "partition": 3,
        "entry_id": "1700000000000-7",
    }


def known(told: EventBatch) -> EventBatch:
    """Make the codes of arbitrary bits known ones, and its keys distinct."""
    liquidations, context = dict(told.liquidations), dict(told.context)
    liquidations["liquidated_side"] = liquidations["liquidated_side"] % len(LiquidatedSide)
    liquidations["price_kind"] = liquidations["price_kind"] % len(PriceKind)
    liquidations["event_id"] = np.arange(len(liquidations["price"]), dtype="<u8")
    context["field"] = context["field"] % len(ContextField)
    return EventBatch(told.instruments, liquidations, context)


@given(batches().map(known))
def test_every_liquidation_is_as_its_one_row_view(told: EventBatch) -> None:
    check(told)
    for row, event in zip(events_of(told), told.events(), strict=True):
        assert (row["venue"], row["symbol"], row["instrument"]) == (event.venue, event.symbol, event.instrument)
        assert (row["liquidated_side"], row["price_kind"]) == (event.liquidated_side.name, event.price_kind.name)
        assert (ns(row["ts_event"]), ns(row["ts_recv"])) == (event.ts_event, event.ts_recv)
        assert {flag for flag in EventFlag if row[str(flag.name).lower()]} == {*EventFlag} & {
            flag for flag in EventFlag if event.flags & flag
        }
        assert row["event_id"] == event.event_id
        for name in ("price", "quantity", "notional_usd"):
            value = getattr(event, name)
            assert row[name] == (None if math.isnan(value) else value)


@given(batches().map(known))
def test_every_row_of_context_is_there(told: EventBatch) -> None:
    rows = ContextRows()
    rows.add(HERE, told)
    found = rows.table().to_pylist()
    assert [row["field"] for row in found] == [ContextField(each).name.lower() for each in told.context["field"]]
    assert [ns(row["ts_event"]) for row in found] == told.context["ts_event"].tolist()
    assert [row["symbol"] for row in found] == [told.instruments[at].symbol for at in told.context["instrument"]]


@pytest.mark.parametrize("column", ["liquidated_side", "price_kind"])
def test_a_code_without_a_name_is_refused(column: str) -> None:
    told = batch_of([Hit(0)], 0, 0)
    told.liquidations[column] = told.liquidations[column] + 100
    with pytest.raises(CodecError, match=column):
        check(told)


def metric_rows(told: WindowMetrics) -> list[dict[str, Any]]:
    rows = MetricRows()
    rows.add(HERE, told)
    assert len(rows) == rows.table().num_rows
    return list(rows.table().to_pylist())


def test_metrics_in_long_form() -> None:
    told = measure([Hit(0, 500.0), Hit(0, 700.0, venue="okx")], 0, SYMBOLS, mark=60_000.0)
    told.sight = Sight(coverage=0.75, possible=0.8)
    rows = metric_rows(told)
    assert len([row for row in rows if row["venue"] == "all"]) == len(SYMBOLS) * 2 * len(told.windows_ms)
    both = {
        row["venue"]: (row["count"], row["usd"], row["total_usd"])
        for row in rows
        if (row["symbol"], row["side"], row["window_ms"]) == ("BTCUSDT", "LONG", 500)
    }
    assert both == {"all": (2, 1_200.0, 1_200.0), "bybit": (1, 500.0, 500.0), "okx": (1, 700.0, 700.0)}
    assert {row["coverage"] for row in rows} == {0.75}
    assert {row["ts_recv"] for row in rows} == {None}
    assert {ns(row["as_of"]) for row in rows} == {NOW}


def cells(rows: list[dict[str, Any]], window_ms: int = 500) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the rows of BTCUSDT in a window by side and venue."""
    found = [row for row in rows if (row["symbol"], row["window_ms"]) == ("BTCUSDT", window_ms)]
    return {(row["side"], row["venue"]): row for row in found}


def test_what_throttled_venues_hide_stands_beside_what_was_told() -> None:
    hits = [Hit(0, 500.0), Hit(0, 700.0, venue="binance"), Hit(0, 900.0, 1, "okx")]
    found = cells(metric_rows(with_insight(measure(hits, 0, SYMBOLS), gain=1.5)))
    told = {at: (row["usd"], row["estimated_usd"], row["censored"]) for at, row in found.items()}
    assert told == {
        ("LONG", "all"): (1_200.0, 1_800.0, True),
        ("LONG", "binance"): (700.0, None, True),
        ("LONG", "bybit"): (500.0, None, False),
        ("SHORT", "all"): (900.0, 1_350.0, False),
        ("SHORT", "okx"): (900.0, None, False),
    }


def test_nobody_hides_anything() -> None:
    rows = metric_rows(with_insight(measure([Hit(0)], 0, SYMBOLS), "", 1.0))
    assert {row["censored"] for row in rows} == {False}
    assert all(row["estimated_usd"] == row["usd"] for row in rows if row["venue"] == "all")


def test_what_velocity_does_not_tell_is_none() -> None:
    told = measure([Hit(0)], 0, SYMBOLS)
    told.largest = np.full_like(told.largest, np.nan)
    assert {(row["estimated_usd"], row["censored"], row["largest"]) for row in metric_rows(told)} == {(None,) * 3}


def test_the_largest_by_venue_and_over_all() -> None:
    told = measure([Hit(0), Hit(0, venue="okx")], 0, SYMBOLS)
    told.largest[0, 0, :, :] = np.array([0.0, 500.0, 700.0])[:, None]
    found = cells(metric_rows(told))
    assert {venue: row["largest"] for (side, venue), row in found.items() if side == "LONG"} == {
        "all": 700.0,
        "bybit": 500.0,
        "okx": 700.0,
    }
    assert found["SHORT", "all"]["largest"] == 0


def test_derivatives_have_their_errors_and_venues_neither() -> None:
    told = measure([Hit(0)], 0, SYMBOLS)
    random = np.random.default_rng(7)
    for name in ("count_oldest", "count_middle", "count_newest", "usd_oldest", "usd_middle", "usd_newest", "usd_unit"):
        setattr(told, name, random.uniform(1, 9, told.usd_unit.shape).astype(np.float32))
    told.usd_unit[0, 0, 1] = np.nan
    found, at = cells(metric_rows(told), 2_000), (0, 0, told.windows_ms.index(2_000))
    long = found["LONG", "all"]
    for prefix, wanted in (("", told.usd_derivatives), ("count_", told.count_derivatives)):
        assert long[f"{prefix}acceleration_error"] == pytest.approx(wanted.acceleration_error[at], rel=1e-5)
        assert long[f"{prefix}jerk_error"] == pytest.approx(wanted.jerk_error[at], rel=1e-5)
    assert found["LONG", "bybit"]["jerk_error"] is None
    assert cells(metric_rows(told), 500)["LONG", "all"]["acceleration_error"] is None


@given(any_metrics())
def test_a_missing_venue_means_zero(told: WindowMetrics) -> None:
    with np.errstate(all="ignore"):
        rows = metric_rows(told)
    there = {(row["symbol"], row["side"], row["venue"], row["window_ms"]) for row in rows if row["venue"] != "all"}
    for at, symbol in enumerate(told.symbols):
        for side in LiquidatedSide:
            for number, venue in enumerate(told.venues):
                for w, window in enumerate(told.windows_ms):
                    cell = told.count[at, side, number, w], told.usd[at, side, number, w]
                    if max(cell) > 0:
                        assert (symbol, side.name, venue, window) in there


def signal_rows(document: bytes) -> list[dict[str, Any]]:
    rows = SignalRows(Seen())
    rows.add(HERE, document, NOW)
    return list(rows.table().to_pylist())


def test_a_signal_is_flat_and_whole() -> None:
    (row,) = signal_rows(signal.encode(SIGNAL))
    assert ns(row["ts"]) == SIGNAL.ts
    assert (row["score_risk"], row["usd_10s"], row["quality_status"]) == (60, 1e6, "OK")
    assert row["quality_venues"] == '["okx"]'
    assert row["leading_venue"] is None
    assert signal.decode(row["json"].encode()) == SIGNAL
    assert ns(row["ts_read"]) == NOW


def test_every_field_of_a_signal_has_a_column() -> None:
    """Down to those within, whatever is added to them."""
    inner = {"scores": "score_", "metrics": "", "data_quality": "quality_"}
    plain = {name for name in SIGNAL.__struct_fields__ if name not in inner}
    nested = {prefix + name for at, prefix in inner.items() for name in getattr(SIGNAL, at).__struct_fields__}
    own = {"ts_read", "json", "partition", "entry_id"}
    assert set(SIGNALS.names) == (plain | nested | own) - {"schema", "kind", "signal"}


@pytest.mark.parametrize(
    "document",
    [b"no", b"{}", signal.encode(msgspec.structs.replace(SIGNAL, ts=10**30))],
    ids=["not JSON", "not a signal", "a time beyond all bounds"],
)
def test_what_is_no_signal_is_refused(document: bytes) -> None:
    with pytest.raises(CodecError):
        signal_rows(document)


def test_coverage_is_told_at_each_change_and_once_a_second() -> None:
    rows = CoverageRows({})
    ms = SECOND // 1_000
    for seq, (at, live) in enumerate([(0, 1.0), (100, 1.0), (200, 0.5), (300, 0.5), (1_199, 0.5), (1_200, 0.5)]):
        rows.add(HERE, tick(seq, at * ms, live))
    rows.add(HERE, tick(9, 900 * ms, 0.1))
    rows.add(HERE, tick(1, 300 * ms, 0.2, "feeds:1"))
    found = [
        (row["writer"], (ns(row["ts"]) - NOW) // ms, row["live"], row["coverage"])
        for row in rows.table().to_pylist()
        if row["venue"] == "okx"
    ]
    first = "feeds:0"
    assert found == [
        (first, 0, 1.0, 0.5),
        (first, 200, 0.5, 0.35),
        (first, 1_200, 0.5, 0.35),
        ("feeds:1", 300, 0.2, 0.26),
    ]


def test_a_tick_that_cannot_be_read_is_refused() -> None:
    broken = msgspec.structs.replace(tick(1, 0), data=b'{"coverage": "much"}')
    with pytest.raises(CodecError):
        CoverageRows({}).add(HERE, broken)
    beyond = msgspec.structs.replace(tick(1, 0), clock=10**30)
    with pytest.raises(CodecError, match="does not fit"):
        CoverageRows({}).add(HERE, beyond)


@pytest.mark.parametrize(
    ("name", "rows"), [("events", EventRows(Seen())), ("context", ContextRows()), ("metrics", MetricRows())]
)
def test_no_rows_are_an_empty_table(name: str, rows: EventRows | ContextRows | MetricRows) -> None:
    assert rows.table().schema == SCHEMAS[name]
    assert len(rows) == 0


@given(st.lists(st.integers(0, 40), max_size=200), st.integers(1, 20))
@example([0, *range(2, 13), 0, 1, 0], 6)
def test_the_newest_keys_are_known_and_memory_is_bounded(keys: list[int], most: int) -> None:
    seen = Seen(most)
    for at, key in enumerate(keys):
        recent = list(dict.fromkeys(reversed(keys[:at])))[:most]
        fresh = seen.fresh(key)
        assert not (fresh and key in recent), "one of the newest was forgotten"
        assert not fresh or key not in keys[:at] or len(set(keys[:at])) > most
        assert len(seen._newer) + len(seen._older) <= 2 * most
