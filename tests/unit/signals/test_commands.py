"""What Redis is told: record, subscribers, channels by level, histories, latest figures."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.unit.signals.metrics_made import MS, NOW, SECOND, cascade, entry, entry_id, measure

from foreshock_model.entries import OutputEntry
from foreshock_model.signal import Level, Signal, decode
from foreshock_runtime.clock import FrameClock
from foreshock_runtime.latency import LatencyRecorder
from foreshock_runtime.partitions import Journal
from foreshock_signals import commands
from foreshock_signals.commands import Retention
from foreshock_signals.domain.market import Market
from foreshock_signals.domain.outcome import Outcome
from foreshock_signals.domain.state import SignalsState
from foreshock_signals.processor import Place, SignalsProcessor, own

KEPT = Retention(record=1_000_000, subscribers=100_000, history=1_000, history_seconds=86_400)


def an_outcome() -> Outcome:
    metrics = measure(cascade(0), 6 * SECOND, ("BTCUSDT", "ETHUSDT"))
    return SignalsState().advance(entry_id(6 * SECOND), entry(metrics, 6 * SECOND))


def at_level(level: Level) -> Outcome:
    said = msgspec.structs.replace(an_outcome().signals[0], level=level.name, signal=level.name)
    return Outcome((said,))


def published(outcome: Outcome) -> list[tuple[Any, ...]]:
    latest = commands.latest_of(outcome, tells_market=True)
    return [*commands.of(outcome, 3, entry_id(6 * SECOND), KEPT), *commands.renewing(latest)]


def note(journal: Journal, outcome: Outcome) -> None:
    received = max((each.data_quality.input_ts for each in outcome.signals), default=0)
    journal.advanced(journal.start(), received, tuple(each.level for each in outcome.signals))


def a_journal() -> Journal:
    return Journal(LatencyRecorder(), FrameClock(NOW + 6 * SECOND))


def test_a_signal_is_recorded_under_the_id_that_follows_from_its_input() -> None:
    record = published(an_outcome())[0]
    ms = (NOW + 6 * SECOND) // MS
    assert record[:6] == ("XADD", "signals:{p3}", "MAXLEN", "~", 1_000_000, f"{ms}-0")
    fields = dict(zip(record[6::2], record[7::2], strict=True))
    signal = decode(fields["json"])
    assert fields["signal_id"] == signal.signal_id == f"{ms}-0-BTCUSDT-LONG"
    assert (fields["symbol"], fields["side"], fields["level"]) == ("BTCUSDT", "LONG", signal.level)
    assert (fields["ts"], fields["episode_id"]) == (signal.ts, signal.episode_id)


def test_subscribers_get_the_same_fields_in_stream_and_channel() -> None:
    record, stream, channel, *_ = published(an_outcome())
    assert stream[:6] == ("XADD", "cascade:signals", "MAXLEN", "~", 100_000, "*")
    assert stream[6:] == record[6:]
    assert channel == ("PUBLISH", "cascade:signals", record[-1])


@pytest.mark.parametrize(
    ("level", "channels"),
    [
        (Level.NONE, ["cascade:signals"]),
        (Level.WATCH, ["cascade:signals"]),
        (Level.ALERT, ["cascade:signals", "cascade:alerts"]),
        (Level.CRITICAL, ["cascade:signals", "cascade:alerts", "cascade:critical"]),
        (Level.EXTREME, ["cascade:signals", "cascade:alerts", "cascade:critical"]),
    ],
)
def test_channels_follow_the_level(level: Level, channels: list[str]) -> None:
    assert [each[1] for each in published(at_level(level)) if each[0] == "PUBLISH"] == channels


def test_histories_are_by_time_and_trimmed() -> None:
    found = [each for each in published(at_level(Level.WATCH)) if str(each[0]).startswith("Z")]
    ms = (NOW + 6 * SECOND) // MS
    for key, rows in (("cascade:signals:history", found[:3]), ("cascade:signals:history:BTCUSDT", found[3:])):
        assert rows[0][:3] == ("ZADD", key, ms)
        assert rows[1] == ("ZREMRANGEBYSCORE", key, "-inf", f"({ms - 86_400_000}")
        assert rows[2] == ("ZREMRANGEBYRANK", key, 0, -1_001)


def test_latest_figures_go_away_with_the_pipeline() -> None:
    found = {each[1]: each for each in published(an_outcome()) if each[0] == "SET"}
    assert set(found) == {"cascade:probability:BTCUSDT", "cascade:probability:ETHUSDT"}
    told = found["cascade:probability:BTCUSDT"]
    assert told[3:] == ("PX", 5_000)
    document = msgspec.json.decode(told[2])
    assert document["side"] == "LONG"
    assert set(document["sides"]) == {"LONG", "SHORT"}
    assert document["sides"]["LONG"]["episode_id"]


def test_the_market_is_told_by_one_partition_only() -> None:
    outcome = Outcome(
        market=Market(
            clock=NOW, regime="HIGH", volatility_bp=40.0, btc_mark=60_000.0, max_probability=0.7, max_symbol="SOLUSDT"
        )
    )
    found: list[tuple[Any, ...]] = list(commands.renewing(commands.latest_of(outcome, tells_market=True)))
    assert [each[1] for each in found] == ["regime:current", "volatility:btc:current"]
    regime = msgspec.json.decode(found[0][2])
    assert (regime["regime"], regime["max_probability"], regime["max_symbol"]) == ("HIGH", 0.7, "SOLUSDT")
    assert msgspec.json.decode(found[1][2])["btc_mark"] == 60_000.0
    assert commands.of(outcome, 0, "1-0", KEPT) == []
    assert commands.latest_of(outcome, tells_market=False) == {}


def test_symbols_are_tracked_by_their_own_partition() -> None:
    symbols = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BTCUSDT")
    parts = [own(symbols, partition, 4) for partition in range(4)]
    assert sorted(sum(parts, ())) == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]


def test_a_processor_answers_entries_and_survives_restarts() -> None:
    journal = a_journal()
    first, again = (SignalsProcessor(Place(0, 1, ("BTCUSDT",), KEPT), journal) for _ in range(2))
    quiet = entry(measure([], 5 * SECOND, ("BTCUSDT",)), 5 * SECOND)
    loud = entry(measure(cascade(0), 6 * SECOND, ("BTCUSDT",)), 6 * SECOND)
    first.advance(entry_id(5 * SECOND), quiet.to_fields())
    again.restore(first.snapshot())
    found = [each.advance(entry_id(6 * SECOND), loud.to_fields()) for each in (first, again)]
    assert found[0] == found[1]
    assert any(command[0] == "XADD" for command in found[0])
    assert first.poison("1-0") == []


def test_a_processor_that_is_told_of_a_hole_is_warming_and_its_snapshot_says_so() -> None:
    first, again = (SignalsProcessor(Place(0, 1, ("BTCUSDT",), KEPT), a_journal()) for _ in range(2))
    assert not first.warming
    first.warming = True
    again.restore(first.snapshot())
    assert again.warming


def test_a_rebuild_begins_with_the_stored_configuration() -> None:
    seed = SignalsState().config, 7
    processor = SignalsProcessor(Place(0, 1, (), KEPT), a_journal(), seed)
    assert processor.state.revision == 7


def test_only_acknowledged_entries_are_counted_and_measured() -> None:
    latency = LatencyRecorder()
    journal = Journal(latency, FrameClock(NOW + 6 * SECOND + 5 * MS))
    outcome = an_outcome()
    for _ in range(3):
        note(journal, outcome)
    journal.committed(1, "1-0")
    journal.committed(0, "1-0")
    assert sum(journal.acknowledged.values()) == len(outcome.signals) == 1
    assert journal.entries == 3
    assert latency.summary().n == 1
    assert latency.summary().max == pytest.approx(5.0)


def test_a_replayed_recording_is_not_measured() -> None:
    latency = LatencyRecorder()
    journal = Journal(latency, FrameClock(NOW + 3_600 * SECOND))
    note(journal, an_outcome())
    journal.committed(1, "1-0")
    assert latency.summary().n == 0


def test_a_signal_is_json_as_documented() -> None:
    (said,) = an_outcome().signals
    document = msgspec.json.decode(msgspec.json.encode(said))
    assert set(document) >= {
        "symbol", "side", "ts", "level", "signal", "probability", "scores", "metrics", "regime", "leading_venue",
        "explanation", "data_quality", "episode_id", "signal_id", "schema",
    }  # fmt: skip
    assert isinstance(said, Signal)


def test_an_entry_that_is_none_is_refused_by_name() -> None:
    processor = SignalsProcessor(Place(0, 1, (), KEPT), a_journal())
    with pytest.raises(ValueError, match="clock"):
        processor.advance("1-0", {b"kind": b"empty", b"clock": b"late", b"data": b""})
    assert OutputEntry("empty", 1).to_fields()[b"clock"] == b"1"
