"""A market entry is believed within bounds only: none can make calm look like a burst."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.signals.metrics_made import NOW, SECOND, entry, entry_id, market_entry, measure

from foreshock_model.entries import OutputEntry
from foreshock_signals.domain import regime
from foreshock_signals.domain.market import Market
from foreshock_signals.domain.state import SignalsState

FIELDS = Market.__struct_fields__
ODD: list[Any] = [0, -1, 0.0, -1.0, 0.49, 2.51, 1e308, 2**63, -(2**70), 2**200, "", "CALM", "NORMAL\n", None, True, []]


def encoded(name: str, value: Any) -> bytes:
    """Return an entry's data with one field replaced; integers of any size are written out."""
    plain = msgspec.to_builtins(Market(clock=NOW)) | {name: None}
    written = str(value) if type(value) is int else msgspec.json.encode(value).decode()
    items = (f'"{key}":{written if key == name else msgspec.json.encode(each).decode()}' for key, each in plain.items())
    return f"{{{','.join(items)}}}".encode()


def calm(state: SignalsState) -> float:
    """Return the probability on silence."""
    outcome = state.advance(entry_id(SECOND), entry(measure([], SECOND, ("BTCUSDT",)), SECOND))
    return max(each.probability or 0.0 for each in outcome.assessments)


@given(
    st.sampled_from(FIELDS),
    st.one_of(st.sampled_from(ODD), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
)
def test_any_value_of_any_field_is_refused_or_harmless(name: str, value: Any) -> None:
    state = SignalsState()
    before = state.dump()
    try:
        state.advance(entry_id(0), OutputEntry("market", NOW, encoded(name, value)))
    except ValueError:
        assert state.dump() == before
    assert calm(state) < 0.05
    SignalsState().load(state.dump())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("multiplier", "0"),
        ("multiplier", "-1"),
        ("multiplier", "0.49"),
        ("multiplier", "2.51"),
        ("multiplier", "NaN"),
        ("multiplier", "1e999"),
        ("clock", "-1"),
        ("clock", str(2**63)),
        ("regime", '"CALM"'),
        ("volatility_bp", "-0.1"),
        ("btc_mark", "0"),
        ("max_probability", "1.1"),
    ],
)
def test_what_is_out_of_bounds_is_no_market(name: str, value: str) -> None:
    good = msgspec.to_builtins(Market(clock=NOW))
    good.pop(name)
    data = msgspec.json.encode(good)[:-1] + f',"{name}":{value}}}'.encode()
    with pytest.raises(ValueError):
        SignalsState().advance(entry_id(0), OutputEntry("market", NOW, data))


@pytest.mark.parametrize("multiplier", regime.MULTIPLIERS)
def test_what_the_regimes_ask_for_is_believed(multiplier: float) -> None:
    state = SignalsState()
    state.advance(entry_id(0), market_entry(0, multiplier=multiplier))
    assert state.market is not None
    assert state.market.multiplier == multiplier
