"""A restart at any point equals the unbroken run, byte for byte."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.signals.metrics_made import MS, NOW, SECOND, Hit, cascade, entry, entry_id, market_entry, measure
from tests.unit.signals.test_state import config_entry, steady

from foreshock_model.entries import OutputEntry
from foreshock_signals.domain import snapshot
from foreshock_signals.domain.config import SignalsConfig
from foreshock_signals.domain.outcome import Outcome
from foreshock_signals.domain.state import SignalsState
from foreshock_signals.domain.table import ROW, SymbolTable

NAMES = ("BTCUSDT", "ETHUSDT")
Entries = list[tuple[str, OutputEntry]]


def a_stream() -> Entries:
    """Return half a minute with a cascade on either side, a configuration, and the market."""
    hits = [*cascade(4 * SECOND, seconds=4), *steady(30, symbols=2)]
    hits += [Hit(hit.at + 2 * SECOND, hit.usd, 1, hit.venue, "ETHUSDT") for hit in cascade(4 * SECOND, seconds=4)]
    stream: Entries = []
    for step, now in enumerate(range(0, 32 * SECOND, 400 * MS)):
        if step % 10 == 3:
            item = market_entry(now, multiplier=1.0 + step / 200, regime="ELEVATED", warming=False)
        elif step == 25:
            item = config_entry(SignalsConfig(sensitivity=1.5), 1, now)
        elif step % 7 == 0:
            item = OutputEntry("empty", NOW + now)
        else:
            item = entry(measure(hits, now, NAMES[: 1 + step % 2]), now)
        stream.append((entry_id(now), item))
    return stream


STREAM = a_stream()


def play(state: SignalsState, stream: Entries) -> list[bytes]:
    return [msgspec.json.encode(state.advance(name, item)) for name, item in stream]


UNBROKEN = play(SignalsState(tracked=("BTCUSDT",)), STREAM)


def test_the_stream_says_something() -> None:
    outcomes = [msgspec.json.decode(each, type=Outcome) for each in UNBROKEN]
    assert {signal.side for each in outcomes for signal in each.signals} == {"LONG", "SHORT"}


@settings(max_examples=25)
@given(st.lists(st.integers(0, len(STREAM)), max_size=3).map(sorted))
def test_restarts_at_any_points_change_no_byte(points: list[int]) -> None:
    state = SignalsState(tracked=("BTCUSDT",))
    found: list[bytes] = []
    for start, end in zip([0, *points], [*points, len(STREAM)], strict=True):
        found += play(state, STREAM[start:end])
        again = SignalsState(tracked=("BTCUSDT",))
        again.load(state.dump())
        assert again.dump() == state.dump()
        state = again
    assert found == UNBROKEN


def a_blob() -> bytes:
    state = SignalsState()
    play(state, STREAM[:20])
    return state.dump()


@settings(max_examples=60)
@given(st.data())
def test_damaged_bytes_are_refused_and_leave_the_state_alone(data: st.DataObject) -> None:
    blob = bytearray(a_blob())
    blob[data.draw(st.integers(0, len(blob) - 1))] ^= data.draw(st.integers(1, 255))
    state = SignalsState()
    before = state.dump()
    with pytest.raises(ValueError):
        state.load(bytes(blob))
    assert state.dump() == before


@pytest.mark.parametrize("blob", [b"", b"FSIG", b"x" * 100])
def test_bytes_of_something_else_are_refused(blob: bytes) -> None:
    with pytest.raises(ValueError, match="snapshot"):
        SignalsState().load(blob)


def test_another_layout_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    blob = a_blob()
    monkeypatch.setattr(snapshot, "LAYOUT", "[('another', '<f8')]")
    with pytest.raises(ValueError, match="layout"):
        SignalsState().load(blob)


def test_a_table_keeps_its_rows_while_it_grows() -> None:
    table = SymbolTable()
    names = tuple(f"S{number}USDT" for number in range(100))
    for name in names:
        at = table.locate((name,))
        table.rows["last"][at] = int(name[1:-4]) + 7
    assert table.symbols == list(names)
    assert table.rows["last"].tolist() == list(range(7, 107))
    assert table.locate(("S7USDT",)).tolist() == [7]


def test_names_without_rows_are_no_table() -> None:
    table = SymbolTable()
    with pytest.raises(ValueError, match="2 symbols and 1 rows"):
        table.restore(["A", "B"], np.zeros(1, ROW))
