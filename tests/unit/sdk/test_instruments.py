from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_sdk import Instruments, InstrumentSpec, convert

AMOUNT = st.floats(1e-9, 1e9)


def spec(raw_symbol: str = "BTCUSDT", **changes: Any) -> InstrumentSpec:
    made = InstrumentSpec(venue="venue", raw_symbol=raw_symbol, base="BTC", quote="USDT")
    return msgspec.structs.replace(made, **changes)


@pytest.mark.parametrize(
    ("changes", "symbol", "instrument"),
    [
        ({}, "BTCUSDT", "BTCUSDT-PERP.VENUE"),
        ({"quote": "USD", "inverse": True}, "BTCUSDT", "BTCUSD-PERP.VENUE"),
        ({"quote": "USDC", "expiry": "261225"}, "BTCUSDT", "BTCUSDC-261225.VENUE"),
        ({"base": "ETH", "quote": "BTC"}, "ETHBTC", "ETHBTC-PERP.VENUE"),
        ({"base": "PEPE", "contract_base": "1000PEPE"}, "PEPEUSDT", "1000PEPEUSDT-PERP.VENUE"),
    ],
)
def test_names(changes: dict[str, Any], symbol: str, instrument: str) -> None:
    made = spec(**changes)
    assert (made.symbol, made.instrument) == (symbol, instrument)


def test_linear_sizes_are_coins() -> None:
    assert convert(82655.7, 8.55, 0.01, 0.0, 1.0) == pytest.approx((82655.7, 0.0855, 7067.06235))


def test_inverse_sizes_are_usd() -> None:
    assert convert(9352.7, 3.0, 100.0, 1.0, 1.0) == pytest.approx((9352.7, 300 / 9352.7, 300.0))


@given(AMOUNT, AMOUNT, st.sampled_from([1.0, 1000.0, 1e6]), st.sampled_from([0.0, 1.0]))
def test_a_multiplier_leaves_the_notional_alone(price: float, size: float, multiplier: float, inverse: float) -> None:
    """1000PEPE at p is PEPE at p / 1000, a thousand times as many of them, worth the same."""
    plain = convert(price, size, 1.0, inverse, 1.0)
    scaled = convert(price, size, 1.0, inverse, multiplier)
    assert scaled[2] == plain[2]
    assert scaled[0] * scaled[1] == pytest.approx(plain[0] * plain[1])


def test_context_is_told_in_coins() -> None:
    """Of 1000PEPE in thousands, as the venue spells the coin."""
    assert spec("A", contract_value=0.01).coins(500.0, 100.0) == 5.0
    assert spec("B", contract_value=100.0, inverse=True).coins(3.0, 60.0) == 5.0
    assert spec("C", multiplier=1000.0).coins(5.0, 0.1) == 5.0


class TestTable:
    def test_indices_never_change(self) -> None:
        table = Instruments("venue", [spec("A"), spec("B")])
        table.put(spec("C"))
        assert table.put(spec("A", multiplier=2.0)) == 0
        assert [table.find(name) for name in ("A", "B", "C", "D")] == [0, 1, 2, None]
        assert table.specs[0].multiplier == 2.0
        assert len(table) == 3

    def test_the_version_tells_of_every_change(self) -> None:
        table = Instruments("venue")
        seen = {table.version}
        for name in ("A", "B", "A"):
            table.put(spec(name))
            seen.add(table.version)
        assert len(seen) == 4

    def test_contracts_of_a_market(self) -> None:
        table = Instruments("venue", [spec("A"), spec("B", base="ETH"), spec("C", quote="USD")])
        assert [each.raw_symbol for each in table.of_symbols(["BTCUSDT"])] == ["A", "C"]
        assert len(table.of_symbols([])) == 3
