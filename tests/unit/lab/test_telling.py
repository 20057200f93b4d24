"""What venues are told of prices: in the units of each contract, and sensible beside each other."""

from __future__ import annotations

import pytest

from foreshock_lab.domain.scenario import generate
from foreshock_lab.domain.telling import BEST_USD, OPEN_INTEREST_USD, Marks
from foreshock_sdk import ContextField, InstrumentSpec

LISTINGS = {
    "alpha": [
        InstrumentSpec(venue="alpha", raw_symbol="BTC", base="BTC", quote="USDT", contract_value=0.01),
        InstrumentSpec(venue="alpha", raw_symbol="BTCUSD", base="BTC", quote="USD", contract_value=100, inverse=True),
        InstrumentSpec(venue="alpha", raw_symbol="BTCQ", base="BTC", quote="USDC", quote_sized=True),
        InstrumentSpec(venue="alpha", raw_symbol="ETH", base="ETH", quote="USDT"),
    ],
    "beta": [InstrumentSpec(venue="beta", raw_symbol="ETH", base="ETH", quote="USDT")],
}


def told(raw_symbol: str) -> dict[ContextField, float]:
    timeline = generate("steady", duration_s=1.0, listings=LISTINGS)
    rows = Marks(timeline).rows("alpha", 0, 7)
    assert {row.ts_event_ms for row in rows} == {7}
    return {row.field: row.value for row in rows if row.raw_symbol == raw_symbol}


@pytest.mark.parametrize(("raw_symbol", "unit_usd"), [("BTC", 950.0), ("BTCUSD", 100.0), ("BTCQ", 95_000.0)])
def test_quantities_are_worth_the_same_in_every_contracts_unit(raw_symbol: str, unit_usd: float) -> None:
    values = told(raw_symbol)
    assert values[ContextField.OPEN_INTEREST] * unit_usd == pytest.approx(OPEN_INTEREST_USD)
    assert values[ContextField.BID_QUANTITY] * unit_usd == pytest.approx(BEST_USD)
    assert values[ContextField.BID] < values[ContextField.MARK] == values[ContextField.INDEX] < values[ContextField.ASK]


def test_other_markets_and_venues_without_the_market_are_told_nothing() -> None:
    assert told("ETH") == {}
    assert Marks(generate("steady", duration_s=1.0, listings=LISTINGS)).rows("beta", 0, 0) == []
