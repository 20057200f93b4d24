"""The whole step: what raises a level and what does not, episodes, repetition, latest figures."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.signals.metrics_made import (
    MS,
    NOW,
    SECOND,
    VENUES,
    Hit,
    Tape,
    cascade,
    entry,
    entry_id,
    level_of,
    market_entry,
    measure,
)

from foreshock_model.entries import ConfigDocument, OutputEntry
from foreshock_model.errors import CodecError
from foreshock_model.signal import Level
from foreshock_signals.domain import config as configs
from foreshock_signals.domain.config import Override, SignalsConfig, Thresholds
from foreshock_signals.domain.state import SignalsState

FLOATS: list[float] = [float("nan"), float("inf"), -1.0, -1e30, 1e30]
INTEGERS: list[float] = [-1, 2**62, -(2**63)]
SPOILT = [(name, FLOATS) for name in ("count", "usd", "total_usd", "mark", "usd_oldest", "usd_newest")]
SPOILT += [(name, INTEGERS) for name in ("total_count", "mark_ts")]


def config_entry(config: SignalsConfig, revision: int, now: int, service: str = "signals") -> OutputEntry:
    document = ConfigDocument(service, revision, msgspec.Raw(configs.encode(config)))
    return OutputEntry("config", NOW + now, msgspec.json.encode(document))


def steady(seconds: int, seed: int = 3, symbols: int = 5) -> list[Hit]:
    """Five liquidations a second, Poisson, with bursts of 2 to 5, heavy-tailed sizes, over five symbols."""
    rng = np.random.default_rng(seed)
    starts = list(rng.uniform(0, seconds, rng.poisson(5 * seconds)))
    for burst in rng.uniform(0, seconds, rng.poisson(0.3 * seconds)):
        starts += list(burst + rng.uniform(0, 0.5, rng.integers(2, 6)))
    sizes = 900 * np.exp(2.16 * rng.standard_normal(len(starts)))
    names = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT"][:symbols]
    return [
        Hit(int(at * SECOND), float(usd), int(rng.integers(2)), VENUES[rng.integers(3)], names[rng.integers(symbols)])
        for at, usd in zip(starts, sizes, strict=True)
    ]


def highest(tape: Tape) -> Level:
    return max((Level[each.level] for each in tape.signals), default=Level.NONE)


def test_a_cascade_is_critical_within_seconds_and_one_episode() -> None:
    tape = Tape(SignalsState(), cascade(10 * SECOND))
    tape.play(0, 60 * SECOND)
    first = {each.level: (each.ts - NOW) / SECOND - 10 for each in reversed(tape.signals)}
    assert first["ALERT"] < 3.0
    assert first["CRITICAL"] < 3.5
    assert {each.side for each in tape.signals} == {"LONG"}
    assert len({each.episode_id for each in tape.signals}) == 1
    assert tape.signals[-1].level == "NONE"


def test_steady_flow_never_reaches_alert() -> None:
    names = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT")
    tape = Tape(SignalsState(), steady(120), names)
    tape.play(0, 120 * SECOND, 500 * MS)
    assert highest(tape) < Level.ALERT


@pytest.mark.parametrize("usd", [1e3, 1e6, 5e7, 1e10, 1e12])
@pytest.mark.parametrize("orders", [1, 3])
def test_isolated_orders_of_any_size_stay_at_most_watch(usd: float, orders: int) -> None:
    hits = [Hit(5 * SECOND, usd, 0, VENUES[number % 3]) for number in range(orders)]
    tape = Tape(SignalsState(), hits)
    tape.play(0, 40 * SECOND)
    assert highest(tape) <= Level.WATCH


def test_long_and_short_are_episodes_of_their_own() -> None:
    shorts = [hit._replace(side=1, at=hit.at + 4 * SECOND) for hit in cascade(SECOND)]
    tape = Tape(SignalsState(), [*cascade(SECOND), *shorts])
    tape.play(0, 30 * SECOND)
    episodes = {each.side: each.episode_id for each in tape.signals}
    assert set(episodes) == {"LONG", "SHORT"}
    assert episodes["LONG"] != episodes["SHORT"]
    assert all(name.startswith(f"BTCUSDT-{side}-") for side, name in episodes.items())


def test_a_second_cascade_after_the_first_is_a_new_episode() -> None:
    tape = Tape(SignalsState(), [*cascade(SECOND), *cascade(100 * SECOND)])
    tape.play(0, 130 * SECOND)
    assert len({each.episode_id for each in tape.signals}) == 2


def test_a_signal_is_repeated_once_a_second_and_at_each_change() -> None:
    tape = Tape(SignalsState(), cascade(SECOND))
    signals = tape.play(0, 40 * SECOND)
    changes = [one.level != other.level for one, other in pairwise(signals)]
    gaps = [(other.ts - one.ts) / SECOND for one, other in pairwise(signals)]
    assert all(gap <= 1.0 for gap in gaps)
    assert all(changed or gap > 0.85 for changed, gap in zip(changes, gaps, strict=True))
    assert len({each.signal_id for each in signals}) == len(signals)


def test_signals_of_one_entry_are_numbered_by_symbol_then_side() -> None:
    both = [*cascade(0, symbol="ETHUSDT"), *cascade(0, symbol="BTCUSDT")]
    both += [hit._replace(side=1) for hit in both]
    state = SignalsState()
    outcome = state.advance(entry_id(6 * SECOND), entry(measure(both, 6 * SECOND, ("ETHUSDT", "BTCUSDT")), 6 * SECOND))
    ms = (NOW + 6 * SECOND) // MS
    assert [each.signal_id for each in outcome.signals] == [
        f"{ms}-0-BTCUSDT-LONG",
        f"{ms}-1-BTCUSDT-SHORT",
        f"{ms}-2-ETHUSDT-LONG",
        f"{ms}-3-ETHUSDT-SHORT",
    ]


def test_more_signals_than_ids_wait_for_the_next_input() -> None:
    symbols = tuple(f"S{number:04}USDT" for number in range(1_100))
    metrics = measure([], 0, symbols)
    metrics.count[:, 0] = 100
    metrics.usd[:, 0] = 1e8
    metrics.total_count[:, 0] = 100
    state = SignalsState()
    first = state.advance(entry_id(0), entry(metrics, 0))
    metrics.as_of[:] += 100 * MS
    second = state.advance(entry_id(100 * MS), entry(metrics, 100 * MS))
    assert len(first.signals) == 1_024
    assert {each.symbol for each in (*first.signals, *second.signals)} == set(symbols)


def test_nonsense_in_an_entry_is_survived_and_raises_no_level() -> None:
    state = SignalsState()
    tape = Tape(state, [])
    tape.play(0, SECOND)
    for value in (float("nan"), float("inf"), -5.0, 1e30):
        metrics = measure([Hit(0)], 2 * SECOND, ("BTCUSDT",))
        for name in ("count", "usd", "total_usd", "usd_oldest", "usd_newest", "mark"):
            getattr(metrics, name)[:] = value
        outcome = state.advance(entry_id(2 * SECOND), entry(metrics, 2 * SECOND))
        assert not outcome.signals
    assert level_of(state, "BTCUSDT", "LONG") == Level.NONE


@settings(max_examples=60)
@given(st.data())
def test_a_spoilt_cell_never_raises_a_level_and_is_forgotten(data: st.DataObject) -> None:
    name = data.draw(
        st.sampled_from(["count", "usd", "total_count", "total_usd", "mark", "mark_ts", "usd_oldest", "usd_newest"])
    )
    values = (
        [-1, 2**62, -(2**63)] if name in {"total_count", "mark_ts"} else [float("nan"), float("inf"), -1.0, -1e30, 1e30]
    )
    value = data.draw(st.sampled_from(values))
    shape = getattr(measure([], 0, ("BTCUSDT",)), name).shape
    cell = tuple(data.draw(st.integers(0, size - 1)) for size in shape)
    hits, found = cascade(0), []
    for replacement in (value, 0):
        state = SignalsState()
        Tape(state, hits).play(0, 2 * SECOND, 500 * MS)
        metrics = measure(hits, 3 * SECOND, ("BTCUSDT",), mark=60_000.0)
        getattr(metrics, name)[cell] = replacement
        outcome = state.advance(entry_id(3 * SECOND), entry(metrics, 3 * SECOND))
        found.append((level_of(state, "BTCUSDT", "LONG"), outcome))
        Tape(state, hits).play(3_500 * MS, 5 * SECOND, 500 * MS)
        assert level_of(state, "BTCUSDT", "LONG") >= Level.ALERT
        assert level_of(state, "BTCUSDT", "SHORT") == Level.NONE
    (spoilt, outcome), (zero, _) = found
    assert spoilt <= zero
    assert all(np.isfinite(each.probability or 0.0) for each in outcome.assessments)


def test_bytes_that_are_no_metrics_change_nothing() -> None:
    state = SignalsState()
    Tape(state, cascade(0)).play(0, 3 * SECOND)
    before = state.dump()
    for kind, data in (("metrics", b"\xff\xff"), ("market", b"{"), ("config", b"[]")):
        with pytest.raises((CodecError, msgspec.DecodeError)):
            state.advance(entry_id(9 * SECOND), OutputEntry(kind, NOW + 9 * SECOND, data))
    assert state.dump() == before


def test_a_configuration_applies_at_its_entry() -> None:
    state = SignalsState()
    state.advance(entry_id(0), entry(measure([], 0, ("BTCUSDT",)), 0))
    deaf = SignalsConfig(thresholds=Thresholds(0.96, 0.97, 0.98, 0.9999), sensitivity=0.25)
    state.advance(entry_id(1), config_entry(deaf, 3, 1))
    assert state.revision == 3
    tape = Tape(state, cascade(SECOND))
    tape.play(SECOND, 12 * SECOND)
    assert not tape.signals
    state.advance(entry_id(2), config_entry(SignalsConfig(), 2, 12 * SECOND))
    assert state.revision == 3, "an older revision changes nothing"
    state.advance(entry_id(3), config_entry(SignalsConfig(), 4, 12 * SECOND))
    found = tape.play(12 * SECOND + 100 * MS, 13 * SECOND)
    assert found
    assert found[-1].config_revision == 4


def test_another_services_configuration_is_not_ours() -> None:
    state = SignalsState()
    state.advance(entry_id(0), config_entry(SignalsConfig(sensitivity=2.0), 1, 0, service="velocity"))
    assert (state.revision, state.config) == (0, SignalsConfig())


def test_an_invalid_configuration_is_counted_and_not_applied() -> None:
    state = SignalsState()
    state.advance(entry_id(0), config_entry(SignalsConfig(sensitivity=99.0), 1, 0))
    assert (state.revision, state.rejected_configs) == (0, 1)


def test_sensitivity_of_one_symbol_leaves_others_alone() -> None:
    hits = [*cascade(0, symbol="BTCUSDT", rate=8), *cascade(0, symbol="ETHUSDT", rate=8)]
    names = ("BTCUSDT", "ETHUSDT")
    state = SignalsState()
    state.configure(SignalsConfig(overrides={"ETHUSDT": Override(sensitivity=4.0)}), 1)
    outcome = state.advance(entry_id(4 * SECOND), entry(measure(hits, 4 * SECOND, names), 4 * SECOND))
    told = {each.symbol: each.probability or 0.0 for each in outcome.assessments}
    assert told["ETHUSDT"] > told["BTCUSDT"]


def test_a_cascade_does_not_raise_its_own_bar() -> None:
    plain, frozen = Tape(SignalsState(), cascade(SECOND)), Tape(SignalsState(), cascade(SECOND))
    for tape in (plain, frozen):
        tape.play(0, 5 * SECOND)
    frozen.state.advance(entry_id(5 * SECOND + 1), market_entry(5 * SECOND, multiplier=2.0, regime="EXTREME"))
    one, other = plain.play(5 * SECOND + 100 * MS, 8 * SECOND), frozen.play(5 * SECOND + 100 * MS, 8 * SECOND)
    assert [each.probability for each in one] == [each.probability for each in other]


def test_a_regime_asks_for_more_before_a_burst() -> None:
    calm, wild = Tape(SignalsState(), cascade(SECOND)), Tape(SignalsState(), cascade(SECOND))
    wild.state.advance(entry_id(0), market_entry(0, multiplier=2.0, regime="EXTREME"))
    first = [next(each.ts for each in tape.play(0, 12 * SECOND) if each.level == "ALERT") for tape in (calm, wild)]
    assert first[0] < first[1]


def test_a_symbol_does_not_depend_on_its_neighbours() -> None:
    hits = [*cascade(SECOND), *cascade(3 * SECOND, symbol="ETHUSDT"), *steady(20)]
    alone = Tape(SignalsState(), hits, ("ETHUSDT",))
    together = Tape(SignalsState(), hits, ("BTCUSDT", "DOGEUSDT", "ETHUSDT"))
    for tape in (alone, together):
        tape.play(0, 20 * SECOND)
    stripped = [
        [msgspec.structs.replace(each, signal_id="") for each in tape.signals if each.symbol == "ETHUSDT"]
        for tape in (alone, together)
    ]
    assert stripped[0] == stripped[1]
    assert stripped[0]
