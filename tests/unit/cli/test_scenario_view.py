"""Scenarios as a person sees them."""

from __future__ import annotations

import numpy as np
from rich.console import Console

from foreshock_cli import scenario_view


def test_bars_show_where_the_events_are() -> None:
    spark = scenario_view.sparkline(np.array([100] * 100 + [9_900]), 10.0, columns=10)
    assert spark == "█        ▁"


def test_no_events_are_blanks() -> None:
    assert scenario_view.sparkline(np.array([]), 10.0, columns=4) == "    "


ABOUT = {
    "scenario": "cascade",
    "seed": 3,
    "duration_s": 30.0,
    "liquidations": 1_234,
    "usd": 5.6e6,
    "by_venue": {"binance": 1_000, "okx": 234},
    "by_side": {"LONG": 1_200, "SHORT": 34},
    "symbols": 7,
    "within_1s_of_previous": 0.771,
    "late": 0,
    "oddities": 0,
    "episodes": [],
}
EPISODE = {
    "symbol": "BTCUSDT",
    "side": "LONG",
    "start_ms": 10_000,
    "peak_ms": 13_500,
    "end_ms": 21_000,
    "leader": "binance",
    "orders": 321,
    "usd": 9.9e6,
}


def shown(**more: object) -> str:
    console = Console(width=100, color_system=None)
    with console.capture() as captured:
        console.print(scenario_view.rendered(ABOUT | more, "one market cascades", "▁█▁"))
    return captured.get()


def test_a_description_fits_a_hundred_columns_and_names_the_cascades() -> None:
    text = shown(episodes=[EPISODE])
    assert "1,234 over 7 symbols, $5.6M" in text
    assert all(word in text for word in ("BTCUSDT", "10.0 s", "13.5 s", "21.0 s", "binance", "321", "$9.9M", "77%"))
    assert max(map(len, text.splitlines())) <= 100


def test_a_market_without_cascade_says_so() -> None:
    assert "no cascade in it" in shown()
