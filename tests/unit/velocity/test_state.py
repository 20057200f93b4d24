"""What each kind of entry is answered with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.velocity.entries_made import MS, NOW, SECOND, Price, Row, Writer, metrics_of, row_of
from tests.unit.velocity.test_restart import config_entry, run, story

from foreshock_model import metrics as metric_codec
from foreshock_model.entries import InputEntry
from foreshock_model.errors import CodecError
from foreshock_model.keys import partition_of
from foreshock_sdk.events import ContextField
from foreshock_velocity.domain import VelocityConfig, VelocityState


def test_a_liquidation_gives_a_row_at_the_entrys_clock() -> None:
    clock = NOW + 30 * MS
    metrics = metrics_of(VelocityState().advance("1-0", Writer().batch(clock, Row(ts=clock, recv=clock - 5))))
    assert metrics.symbols == ("BTCUSDT",)
    assert metrics.venues == ("binance",)
    assert metrics.as_of.tolist() == [clock]
    assert metrics.ts_recv.tolist() == [clock - 5]
    assert metrics.count[0, 0, 0].tolist() == [1.0] * 7
    assert metrics.usd[0, 1].sum() == 0
    assert np.isnan(metrics.mark[0])
    assert metrics.mark_ts.tolist() == [0]


def test_symbols_and_venues_come_in_alphabetical_order() -> None:
    rows = [Row("ZUSDT", "okx"), Row("AUSDT", "bybit"), Row("AUSDT", "binance")]
    metrics = metrics_of(VelocityState().advance("1-0", Writer().batch(NOW, *rows)))
    assert metrics.symbols == ("AUSDT", "ZUSDT")
    assert metrics.venues == ("binance", "bybit", "okx")
    assert metrics.total_count[:, 0].tolist() == [[1, 1, 0], [0, 0, 1]]


def test_venues_of_other_symbols_are_left_out() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", writer.batch(NOW, Row("AUSDT", "okx")))
    assert metrics_of(state.advance("2-0", writer.batch(NOW, Row("BUSDT", "bybit")))).venues == ("bybit",)


def test_decay_is_evaluated_at_the_grid_point_that_was_passed() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", writer.batch(NOW, Row(ts=NOW)))
    assert state.advance("2-0", writer.tick(NOW + 99 * MS)).kind == "empty"
    metrics = metrics_of(state.advance("3-0", writer.tick(NOW + 2_730 * MS)))
    assert metrics.as_of.tolist() == [NOW + 2_700 * MS]
    assert metrics.ts_recv.tolist() == [0]
    assert state.advance("4-0", writer.tick(NOW + 2_731 * MS)).kind == "empty"


def test_a_silent_venue_decays_behind_its_delay() -> None:
    """Binance is silent for 1.5 s before its windows move on."""
    state, writer = VelocityState(), Writer()
    state.advance("1-0", writer.batch(NOW, Row(ts=NOW)))
    held = [state.advance("2-0", writer.tick(NOW + at * 100 * MS)) for at in range(1, 16)]
    for answer in held:
        if answer.kind == "metrics":
            assert metrics_of(answer).count[0, 0, 0, 0] == 1
    gone = metrics_of(state.advance("3-0", writer.tick(NOW + 1_600 * MS)))
    assert gone.count[0, 0, 0].tolist() == [0, 1, 1, 1, 1, 1, 1]


def test_an_unchanged_symbol_is_told_of_once_a_second() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", writer.batch(NOW, Row(ts=NOW)))
    # At 64 s only the 300 s window holds it; that one moves every 6 s.
    state.advance("2-0", writer.tick(NOW + 64 * SECOND))
    kinds = [state.advance("3-0", writer.tick(NOW + 64 * SECOND + at * 100 * MS)).kind for at in range(1, 41)]
    assert kinds.count("metrics") == 4
    turns = [at for at, kind in enumerate(kinds) if kind == "metrics"]
    assert set(np.diff(turns)) == {10}


def test_the_row_of_a_symbol_that_became_empty_is_written_once() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", writer.batch(NOW, Row(ts=NOW)))
    last = metrics_of(state.advance("2-0", writer.tick(NOW + 310 * SECOND)))
    assert last.count.sum() == 0
    assert last.total_count.sum() == 1
    assert state.publications()[0][0] == "velocity:BTCUSDT:current"
    assert state.advance("3-0", writer.tick(NOW + 311 * SECOND)).kind == "empty"


@pytest.mark.parametrize("symbol", [f"S{number}USDT" for number in range(6)])
def test_a_symbol_emptied_by_a_change_of_configuration_is_told_of_as_empty(symbol: str) -> None:
    """Whatever its turn is: a reader must not be left with figures that are gone."""
    shorter = VelocityConfig(venue_delay_ms={"bybit": 0})
    bucket = 300 * SECOND // 52
    gone = (NOW // bucket + 52) * bucket  # then a window that ends at the clock is empty, one 1.5 s behind is not
    emptied = (gone // (100 * MS) + 1) * 100 * MS
    state, writer = VelocityState(), Writer()
    state.advance("1-0", writer.batch(NOW, Row(symbol, "bybit", ts=NOW)))
    for clock in range(emptied - 9 * SECOND, emptied, 100 * MS):
        answer = state.advance("2-0", writer.tick(clock))
    assert answer.kind == "empty" or metrics_of(answer).count.sum() == 1
    state.advance("3-0", config_entry(writer, emptied, shorter))
    assert metrics_of(state.advance("4-0", writer.tick(emptied + 2 * MS))).count.sum() == 0
    assert state.advance("5-0", writer.tick(emptied + SECOND)).kind == "empty"


def test_a_symbol_touched_just_before_the_grid_point_waits_for_the_next() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", writer.batch(NOW + 90 * MS, Row("AUSDT", ts=NOW)))
    metrics = metrics_of(state.advance("2-0", writer.batch(NOW + 110 * MS, Row("BUSDT", ts=NOW))))
    assert metrics.symbols == ("BUSDT",)
    metrics = metrics_of(state.advance("3-0", writer.tick(NOW + 1_800 * MS)))
    assert metrics.symbols == ("AUSDT", "BUSDT")


def test_a_late_row_counts_in_totals_only() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", writer.batch(NOW, Row(ts=NOW)))
    metrics = metrics_of(
        state.advance("2-0", writer.batch(NOW, Row(ts=NOW - 10 * SECOND), Row(ts=NOW - 10 * SECOND - 1)))
    )
    assert metrics.count[0, 0, 0].tolist() == [1, 1, 1, 1, 2, 2, 2]
    assert metrics.total_count[0, 0, 0] == 3
    assert (state.counters.events, state.counters.late) == (3, 1)


def test_an_event_of_the_future_counts_as_now() -> None:
    state = VelocityState()
    metrics = metrics_of(state.advance("1-0", Writer().batch(NOW, Row(ts=NOW + SECOND), Row(ts=NOW))))
    assert metrics.count[0, 0, 0].tolist() == [2] * 7
    assert state.counters.ahead == 1


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 0.0, -1.0, 1e30])
def test_senseless_rows_are_counted_and_ignored(bad: float) -> None:
    state = VelocityState()
    entry = Writer().batch(NOW, Row("AUSDT", usd=bad), Row("AUSDT", price=bad), Row("AUSDT", side=2), Row("BUSDT"))
    metrics = metrics_of(state.advance("1-0", entry))
    assert metrics.symbols == ("BUSDT",)
    assert state.counters.ignored == 3
    assert state.symbols == 1


def test_a_batch_of_senseless_rows_only_is_answered_empty() -> None:
    assert VelocityState().advance("1-0", Writer().batch(NOW, Row(usd=0))).kind == "empty"


def test_repeats_are_answered_empty_and_change_nothing() -> None:
    state, writer = VelocityState(), Writer()
    entry = writer.batch(NOW, Row())
    state.advance("1-0", entry)
    before = state.counters.entries
    state.publications()
    assert state.advance("2-0", entry).kind == "empty"
    assert state.publications() == []
    assert (state.counters.entries, state.sequencer.repeated) == (before, 1)


def test_missing_entries_are_counted() -> None:
    state = VelocityState()
    for seq in (1, 2, 7):
        state.advance("1-0", InputEntry("tick", "feeds:0", 1, seq, NOW))
    assert state.sequencer.missing == 4


def test_now_never_goes_back() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", writer.tick(NOW))
    answer = state.advance("2-0", writer.tick(NOW - SECOND))
    assert (answer.clock, state.now) == (NOW, NOW)


@pytest.mark.parametrize("kind", ["config", "market"])
def test_market_and_foreign_config_entries_are_passed_on(kind: str) -> None:
    data = b'{"service":"signals","revision":3,"document":{"x":1}}'
    state = VelocityState()
    state.advance("1-0", Writer().tick(NOW))
    answer = state.advance("2-0", Writer("market").entry(kind, NOW + SECOND, data))
    assert (answer.kind, answer.clock, answer.data) == (kind, NOW, data)
    assert state.revision == 0


@pytest.mark.parametrize("kind", ["config", "market"])
def test_only_feeds_move_the_clock(kind: str) -> None:
    """An hour's error in the clock of who sets a configuration must not make an hour of liquidations late."""
    state, writer = VelocityState(), Writer()
    state.advance("1-0", writer.batch(NOW, Row(ts=NOW)))
    data = b'{"service":"velocity","revision":1,"document":{}}'
    answer = state.advance("2-0", Writer("control:velocity").entry(kind, NOW + 3_600 * SECOND, data))
    assert (answer.clock, state.now) == (NOW, NOW)
    clock = NOW + SECOND
    metrics = metrics_of(state.advance("3-0", writer.batch(clock, Row(ts=clock))))
    assert (metrics.as_of.tolist(), metrics.count[0, 0, 0, 3], state.counters.late) == ([clock], 2, 0)


def test_feeds_tell_how_late_a_venue_may_be() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", writer.tick(NOW, okx=3_000, bybit=200))
    state.advance("2-0", writer.batch(NOW, *(Row(venue=venue, ts=NOW) for venue in ("okx", "bybit", "other"))))
    metrics = metrics_of(state.advance("3-0", writer.tick(NOW + 1_000 * MS)))
    assert metrics.venues == ("bybit", "okx", "other")
    assert metrics.count[0, 0, :, 1].tolist() == [0, 1, 1]
    metrics = metrics_of(state.advance("4-0", writer.tick(NOW + 2_500 * MS, bybit=200)))
    assert metrics.count[0, 0, :, 1].tolist() == [0, 1, 0]


def test_the_operators_delay_goes_before_the_one_of_feeds() -> None:
    state, writer = VelocityState(VelocityConfig(venue_delay_ms={"okx": 60_000})), Writer()
    state.advance("1-0", writer.tick(NOW, okx=200))
    state.advance("2-0", writer.batch(NOW, Row(venue="okx", ts=NOW)))
    state.advance("3-0", writer.tick(NOW + 50 * SECOND))
    metrics = metrics_of(state.advance("4-0", writer.batch(NOW + 50 * SECOND, Row(venue="bybit", ts=NOW))))
    assert metrics.count[0, 0, 1].tolist() == [1] * 7


def test_a_delay_told_later_does_not_rewrite_the_past() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", writer.batch(NOW, Row(ts=NOW)))
    state.advance("2-0", writer.tick(NOW + 5 * SECOND, binance=60_000))
    metrics = metrics_of(state.advance("3-0", writer.tick(NOW + 6 * SECOND)))
    assert metrics.count[0, 0, 0].tolist() == [0, 0, 0, 1, 1, 1, 1]


def test_an_edge_that_falls_on_a_config_entry_comes_with_the_next() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", writer.batch(NOW, Row(ts=NOW)))
    state.advance("2-0", Writer("market").entry("market", NOW + 2_010 * MS, b"{}"))
    assert metrics_of(state.advance("3-0", writer.tick(NOW + 2_020 * MS))).as_of.tolist() == [NOW + 2_000 * MS]


@pytest.mark.parametrize(
    "entry",
    [
        InputEntry("batch", "w", 1, 1, NOW, b"\x0a"),
        InputEntry("config", "w", 1, 1, NOW, b"{"),
        InputEntry("config", "w", 1, 1, NOW, b'{"service":"velocity"}'),
        InputEntry("tick", "w", 1, 1, -1),
        InputEntry("tick", "w", 1, 1, NOW, b"{"),
        InputEntry("tick", "w", 1, 1, NOW, b'{"delays":{"okx":-1}}'),
        InputEntry("tick", "w", 1, 1, NOW, b'{"delays":{"okx":60001}}'),
        InputEntry("tick", "w", 1, 10**30, NOW),
        InputEntry("tick", "w", 1 << 70, 1, NOW),
    ],
)
def test_an_unreadable_entry_raises_and_changes_nothing(entry: InputEntry) -> None:
    state = VelocityState()
    state.advance("1-0", Writer().batch(NOW, Row()))
    before = state.dump()
    with pytest.raises(CodecError):
        state.advance("2-0", entry)
    assert state.dump() == before


def test_the_mark_comes_with_rows_and_bitcoins_mark_makes_one() -> None:
    state, writer = VelocityState(), Writer()
    metrics = metrics_of(state.advance("1-0", writer.batch(NOW, Price(65_000.5, ts=NOW - 5, recv=NOW - 2))))
    assert metrics.symbols == ("BTCUSDT",)
    assert (metrics.mark[0], metrics.mark_ts[0], metrics.ts_recv[0]) == (65_000.5, NOW - 5, NOW - 2)
    assert metrics.venues == ("binance",)
    assert metrics.count.sum() == 0


def test_other_marks_make_a_row_only_while_liquidations_are_in_a_window() -> None:
    state, writer = VelocityState(), Writer()
    price = Price(3_000.0, NOW, "ETHUSDT", instrument="ETHUSDT-PERP.BINANCE")
    assert state.advance("1-0", writer.batch(NOW, price)).kind == "empty"
    state.advance("2-0", writer.batch(NOW, Row("ETHUSDT", ts=NOW)))
    metrics = metrics_of(state.advance("3-0", writer.batch(NOW, price._replace(value=3_001.0))))
    assert metrics.mark.tolist() == [3_001.0]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0, -1.0])
def test_senseless_marks_and_other_context_are_ignored(value: float) -> None:
    state, writer = VelocityState(), Writer()
    assert state.advance("1-0", writer.batch(NOW, Price(value))).kind == "empty"
    assert state.advance("2-0", writer.batch(NOW, Price(1.0, field=ContextField.FUNDING))).kind == "empty"


def test_a_mark_keeps_to_its_contract_until_that_is_silent() -> None:
    state, writer = VelocityState(), Writer()
    okx = Price(65_100.0, venue="okx", instrument="BTCUSDT-PERP.OKX")

    def mark(clock: int, price: Price) -> float:
        state.advance("1-0", writer.batch(clock, price._replace(ts=clock)))
        metrics = state.advance("2-0", writer.batch(clock, Row(ts=clock)))
        return float(metrics_of(metrics).mark[0])

    assert mark(NOW, Price(65_000.0)) == 65_000.0
    assert mark(NOW + SECOND, okx) == 65_000.0
    assert mark(NOW + 2 * SECOND, Price(65_010.0)) == 65_010.0
    assert mark(NOW + 8 * SECOND, okx) == 65_100.0
    assert mark(NOW + 9 * SECOND, Price(65_020.0)) == 65_100.0


def test_the_symbols_own_perpetual_is_the_better_source_of_its_mark() -> None:
    state, writer = VelocityState(), Writer()
    dated = Price(66_000.0, instrument="BTCUSDT-251226.BINANCE")
    inverse = Price(65_500.0, instrument="BTCUSD-PERP.BINANCE")
    for price in (dated, inverse, Price(65_000.0), dated, inverse):
        state.advance("1-0", writer.batch(NOW, price))
    metrics = metrics_of(state.advance("2-0", writer.batch(NOW, Row(ts=NOW))))
    assert metrics.mark.tolist() == [65_000.0]


def test_an_older_mark_of_the_same_contract_is_ignored() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", writer.batch(NOW, Price(65_000.0, NOW)))
    assert state.advance("2-0", writer.batch(NOW, Price(64_000.0, NOW - 1))).kind == "empty"


def test_a_disabled_symbol_gets_no_rows_and_keeps_its_totals() -> None:
    state, writer, control = VelocityState(), Writer(), Writer("control:velocity")
    state.advance("1-0", writer.batch(NOW, Row("AUSDT"), Row("BUSDT")))
    off = VelocityConfig(disabled_symbols=("AUSDT", "NEVERSEENUSDT"))
    assert state.advance("2-0", config_entry(control, NOW, off)).kind == "config"
    assert state.advance("3-0", writer.batch(NOW, Row("AUSDT"))).kind == "empty"
    assert metrics_of(state.advance("4-0", writer.batch(NOW, Row("AUSDT"), Row("BUSDT")))).symbols == ("BUSDT",)
    later = metrics_of(state.advance("5-0", writer.tick(NOW + 2 * SECOND)))
    assert later.symbols == ("BUSDT",)
    state.advance("6-0", writer.batch(NOW, Row("NEVERSEENUSDT")))
    state.advance("7-0", config_entry(control, NOW, VelocityConfig(), revision=2))
    back = metrics_of(state.advance("8-0", writer.tick(NOW + 3 * SECOND)))
    assert back.symbols == ("AUSDT", "BUSDT", "NEVERSEENUSDT")
    assert back.total_count[row_of(back, "AUSDT"), 0, 0] == 3
    assert back.count[row_of(back, "AUSDT"), 0, 0, -1] == 3


def test_a_configuration_takes_effect_at_its_entry() -> None:
    state, writer = VelocityState(), Writer()
    state.advance("1-0", writer.batch(NOW, Row(ts=NOW)))
    state.advance("2-0", config_entry(writer, NOW, VelocityConfig(cadence_ms=1_000), revision=4))
    assert state.revision == 4
    assert state.advance("3-0", writer.tick(NOW + 999 * MS)).kind == "empty"
    state.advance("4-0", writer.tick(NOW + 1_000 * MS))
    assert state.advance("5-0", writer.tick(NOW + 1_999 * MS)).kind == "empty"
    metrics = metrics_of(state.advance("6-0", writer.tick(NOW + 2_001 * MS)))
    assert metrics.as_of.tolist() == [NOW + 2_000 * MS]


def test_a_new_delay_does_not_rewrite_the_past() -> None:
    """What left a window under the old delay stays out; a longer delay only holds the frontier from now on."""
    state, writer = VelocityState(), Writer()
    state.advance("1-0", writer.batch(NOW, Row(ts=NOW)))
    slow = VelocityConfig(venue_delay_ms={"binance": 60_000})
    state.advance("2-0", writer.tick(NOW + 5 * SECOND))
    state.advance("2-1", config_entry(writer, NOW, slow))
    metrics = metrics_of(state.advance("3-0", writer.tick(NOW + 6 * SECOND)))
    assert metrics.count[0, 0, 0].tolist() == [0, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize("document", [b"[]", b'{"cadence_ms":1}', b'{"late_after_ms":"x"}'])
def test_a_configuration_that_cannot_be_applied_is_counted_and_passed_on(document: bytes) -> None:
    state = VelocityState()
    data = b'{"service":"velocity","revision":2,"document":%s}' % document
    assert state.advance("1-0", Writer().entry("config", NOW, data)).kind == "config"
    assert (state.revision, state.counters.rejected_configs) == (0, 1)
    assert state.config == VelocityConfig()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 25))
def test_eight_partitions_give_the_rows_of_one(seed: int, length: int) -> None:
    import random

    dice = random.Random(seed)
    one, eight = VelocityState(), [VelocityState() for _ in range(8)]
    writer, writers, clock = Writer(), [Writer() for _ in range(8)], NOW
    for _ in range(length):
        clock += dice.choice([1, 30, 100, 250, 2_000, 70_000]) * MS
        rows = [
            Row(f"S{dice.randrange(20)}USDT", dice.choice(["okx", "bybit"]), dice.randrange(2), 10.0, clock - age)
            for age in (dice.randrange(20 * SECOND) for _ in range(dice.randrange(8)))
        ]
        expected = rows_by_symbol(one.advance("1-0", writer.batch(clock, *rows)).data)
        found: dict[str, object] = {}
        for partition, state in enumerate(eight):
            mine = [row for row in rows if partition_of(row.symbol, 8) == partition]
            entry = writers[partition].batch(clock, *mine) if mine else writers[partition].tick(clock)
            found |= rows_by_symbol(state.advance("1-0", entry).data)
        assert found == expected


def rows_by_symbol(data: bytes) -> dict[str, object]:
    """Return each row as plain values, venues that it has nothing of left out."""
    if not data:
        return {}
    metrics = metric_codec.decode(data)
    found: dict[str, object] = {}
    for row, symbol in enumerate(metrics.symbols):
        venues = {
            venue: (metrics.count[row, :, at].tolist(), metrics.usd[row, :, at].tolist(), total.tolist())
            for at, venue in enumerate(metrics.venues)
            if (total := metrics.total_count[row, :, at]).any()
        }
        found[symbol] = (int(metrics.as_of[row]), venues, metrics.acceleration[row].tobytes())
    return found


def test_memory_stays_below_48_kilobytes_a_symbol_on_four_venues() -> None:
    state, writer = VelocityState(), Writer()
    venues = ("binance", "bybit", "okx", "hyperliquid")
    rows = [Row(f"S{number}USDT", venue) for number in range(1_000) for venue in venues]
    state.advance("1-0", writer.batch(NOW, *rows))
    assert state.symbols == 1_000
    assert state.bytes_per_symbol() <= 48_000


def test_silent_symbols_hold_nothing_but_totals_and_come_back() -> None:
    state, writer = VelocityState(), Writer()
    rows = [Row(f"S{number}USDT", venue, ts=NOW) for number in range(100) for venue in ("binance", "okx")]
    state.advance("1-0", writer.batch(NOW, *rows))
    assert state.held == 200
    for clock in (NOW + 310 * SECOND, NOW + 371 * SECOND):
        state.advance("2-0", writer.tick(clock))
    assert state.held == 0
    resumed = VelocityState.load(state.dump())
    assert resumed.dump() == state.dump()
    later = NOW + 400 * SECOND
    entry = writer.batch(later, *(row._replace(ts=later) for row in rows[:20]))
    metrics = metrics_of(state.advance("3-0", entry))
    assert metrics_of(resumed.advance("3-0", entry)).usd.tobytes() == metrics.usd.tobytes()
    assert metrics.count[:, 0].tolist() == np.ones((10, 2, 7)).tolist()
    assert metrics.total_count[:, 0].tolist() == [[2, 2]] * 10
    assert state.held == 20
    assert len(state._book.windows.owner) == 256


def test_more_venues_than_room_was_made_for() -> None:
    state, writer = VelocityState(), Writer()
    rows = [Row("AUSDT", f"venue{number:02}") for number in range(21)]
    metrics = metrics_of(state.advance("1-0", writer.batch(NOW, *rows)))
    assert len(metrics.venues) == 21
    assert metrics.total_count[0, 0].tolist() == [1] * 21


def test_the_same_entries_give_the_same_bytes() -> None:
    entries = story(11, 60)
    assert run(VelocityState(), entries) == run(VelocityState(), entries)
