from __future__ import annotations

import pytest

from foreshock_sdk.naming import depth_symbols, named_spec, peel_multiplier, split_quote

SUFFIXED = {"SHIB1000": ("SHIB", 1000.0)}


@pytest.mark.parametrize(
    ("base", "coin", "multiplier"),
    [
        ("BTC", "BTC", 1.0),
        ("1000PEPE", "PEPE", 1000.0),
        ("10000SATS", "SATS", 10_000.0),
        ("1000000MOG", "MOG", 1_000_000.0),
        ("10000000AIDOGE", "AIDOGE", 10_000_000.0),
        ("1MBABYDOGE", "BABYDOGE", 1_000_000.0),
        ("SHIB1000", "SHIB", 1000.0),
        ("1INCH", "1INCH", 1.0),
        ("4", "4", 1.0),
        ("1000", "1000", 1.0),
        ("1M", "1M", 1.0),
        ("1MX", "1MX", 1.0),
        ("100000X", "100000X", 1.0),
        ("1000币安", "币安", 1000.0),
        ("", "", 1.0),
    ],
)
def test_multipliers_come_off_by_a_whitelist(base: str, coin: str, multiplier: float) -> None:
    assert peel_multiplier(base, SUFFIXED) == (coin, multiplier)


@pytest.mark.parametrize(
    ("pair", "split"),
    [("BTCUSDT", ("BTC", "USDT")), ("ETHBTC", ("ETH", "BTC")), ("USDT", None), ("", None), ("BTCEUR", None)],
)
def test_the_first_quote_that_fits_wins(pair: str, split: tuple[str, str] | None) -> None:
    assert split_quote(pair, ("USDT", "BTC")) == split


def test_a_contract_is_named_with_its_multiplier_taken_out() -> None:
    thousand = named_spec("v", "7", "1000PEPE", "USDT", contract_value=2.0)
    assert (thousand.base, thousand.contract_base, thousand.multiplier) == ("PEPE", "1000PEPE", 1000.0)
    assert (thousand.symbol, thousand.instrument, thousand.contract_value) == ("PEPEUSDT", "1000PEPEUSDT-PERP.V", 2.0)
    assert named_spec("v", "1", "BTC", "USD", inverse=True).contract_base == ""


def test_books_are_read_of_the_markets_named_else_of_the_largest() -> None:
    assert depth_symbols(("ADAUSDT",)) == {"ADAUSDT"}
    assert "BTCUSDT" in depth_symbols(())
