"""The live view, drawn from values."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from foreshock_cli.live import drawing
from foreshock_cli.live.reading import HouseView, SymbolView
from foreshock_cli.signal_lines import Message
from foreshock_lab.summary import Phase, Progress, RunInfo

WIDTH = 100


def progress(*, duration_s: float = 30.0, port: int | None = 6379, info: bool = True) -> Progress:
    return Progress(
        phase=Phase.RUNNING,
        elapsed_s=12.3,
        duration_s=duration_s,
        sent=1_234,
        processed=1_230,
        throttled=56,
        signals={"WATCH": 3, "EXTREME": 1, "NONE": 9},
        info=RunInfo(redis_url="unix://u:hunter2@/x", redis_port=port, partitions=1, run_dir=Path("/r"))
        if info
        else None,
    )


def market(symbol: str, long: float, level: str = "NONE") -> SymbolView:
    usd = {"2s": 1.2e6, "10s": 4.1e6, "60s": 9e6}
    return SymbolView(symbol, level, {"LONG": long}, usd, usd)


HOUSE = HouseView(
    regime="ELEVATED",
    mark=94_812.4,
    symbols=[market("BTCUSDT", 0.83, "CRITICAL"), market("ETHUSDT", 0.02)],
    routes={"binance/market-0": "LIVE", "okx/public-0": "DEAD"},
    recent=[
        Message(level="WATCH", symbol="BTCUSDT", side="LONG", explanation="first"),
        Message(level="CRITICAL", symbol="BTCUSDT", side="LONG", explanation="word " * 60),
        Message(kind="notice", status="DEGRADED", service="velocity"),
    ],
)


def shown(state: Progress, house: HouseView | None, height: int = 40) -> str:
    console = Console(width=WIDTH, color_system=None)
    with console.capture() as captured:
        console.print(drawing.page("demo cascade, seed 3", state, house, height))
    return captured.get()


def test_the_page_has_what_a_person_looks_for() -> None:
    text = shown(progress(), HOUSE)
    for words in (
        "FORESHOCK  demo cascade, seed 3",
        "12 s of 30 s",
        "regime ELEVATED",
        "BTC $94,812",
        "sent 1,234",
        "processed 1,230",
        "throttled 56",
        "EXTREME 1  WATCH 3",
        "83%",
        "$4.1M",
        "CRITICAL",
        "binance/market-0 LIVE",
        "okx/public-0 DEAD",
        "velocity does not answer",
        "redis-cli SUBSCRIBE cascade:critical",
        "redis-cli GET regime:current",
    ):
        assert words in text
    assert "hunter2" not in text


def test_nothing_wraps_at_a_hundred_columns() -> None:
    text = shown(progress(port=45_678), HOUSE)
    assert max(map(len, text.splitlines())) <= WIDTH
    assert sum("word" in line for line in text.splitlines()) == 1
    assert "redis-cli -p 45678 GET" in text


def test_the_newest_signal_comes_first() -> None:
    text = shown(progress(), HOUSE)
    assert text.index("velocity does not answer") < text.index("word word") < text.index("first")


def test_before_the_house_answers_nothing_is_claimed() -> None:
    text = shown(progress(info=False), None)
    assert "regime not known" in text
    assert "running ..." in text


def test_absent_is_not_calm() -> None:
    text = shown(msgspec.structs.replace(progress(), signals={}), HouseView(None, None, [], {}, []))
    assert "no market is assessed: nothing known is not the same as calm" in text
    assert "no feed has spoken yet" in text
    assert "none yet" in text


def test_how_much_of_the_market_is_seen_is_shown_and_unknown_is_not_all() -> None:
    assert "market seen 53%" in shown(progress(), msgspec.structs.replace(HOUSE, coverage=0.53))
    assert "market seen -" in shown(progress(), HOUSE)


def test_an_endless_run_shows_neither_an_end_nor_a_ledger() -> None:
    text = shown(progress(duration_s=0.0, port=None), HOUSE)
    assert "liquidations 1,230" in text
    assert "throttled" not in text
    assert "redis-cli" not in text


def test_a_low_terminal_shows_fewer_markets_and_says_so() -> None:
    many = [market(f"COIN{at}USDT", 0.1) for at in range(20)]
    text = shown(progress(), HouseView("NORMAL", None, many, {}, []), height=24)
    assert "COIN2USDT" in text
    assert "COIN3USDT" not in text
    assert "and 17 more" in text


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, "    "), (1.0, "████"), (0.5, "██  "), (0.28, "█▏  "), (7.0, "████"), (-1.0, "    ")]
)
def test_a_bar_fills_its_share_in_eighths(share: float, expected: str) -> None:
    assert drawing.bar(share, 4) == expected
