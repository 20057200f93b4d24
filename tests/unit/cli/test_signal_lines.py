"""What a person reads of a signal."""

from __future__ import annotations

import msgspec
import pytest

from foreshock_cli import signal_lines
from foreshock_model.signal import Level

ALERT = (
    b'{"kind":"signal","ts":1795000000123456789,"level":"ALERT","symbol":"BTCUSDT","side":"LONG",'
    b'"probability":0.734,"explanation":"$4.1M in 10 s","unknown":[1]}'
)


def test_a_signal_is_one_line_with_time_level_market_and_reason() -> None:
    line = signal_lines.line(signal_lines.parse(ALERT))
    assert line.plain == "11:06:40.123   ALERT     BTCUSDT      LONG   73%  $4.1M in 10 s"


@pytest.mark.parametrize("level", [level.name for level in Level])
def test_every_level_has_a_style_of_its_own(level: str) -> None:
    assert level in signal_lines.LEVEL_STYLES
    assert len(set(signal_lines.LEVEL_STYLES.values())) == len(signal_lines.LEVEL_STYLES)


def test_levels_keep_the_columns_where_they_are() -> None:
    lines = [
        signal_lines.line(signal_lines.Message(level=level.name, symbol="BTCUSDT", side="LONG")).plain
        for level in Level
    ]
    assert len({line.index("BTCUSDT") for line in lines}) == 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"kind":"notice","status":"DEGRADED","service":"signals","ts":0}', "signals does not answer"),
        (b'{"kind":"notice","status":"RECOVERED","service":"feeds","ts":0}', "feeds is back"),
        (b'{"kind":"notice","status":"DEGRADED","reason":"in words","ts":0}', "in words"),
        (b'{"kind":"notice","status":"OTHER","service":"feeds","ts":0}', "feeds"),
    ],
)
def test_a_notice_says_who_and_what(data: bytes, expected: str) -> None:
    line = signal_lines.line(signal_lines.parse(data)).plain
    assert expected in line
    assert ("DEGRADED" in line) == (b"DEGRADED" in data)


def test_characters_of_two_columns_keep_the_columns_too() -> None:
    wide, narrow = (
        signal_lines.line(signal_lines.Message(symbol=symbol, side="LONG", explanation="why"))
        for symbol in ("币安人生USDT", "BTCUSDT")
    )
    assert wide.cell_len == narrow.cell_len


def test_nothing_sent_reaches_the_terminal_as_a_control_sequence() -> None:
    evil = signal_lines.Message(symbol="\x1b[2J", explanation="\x07\x9b31m", level="\x1b]0;x\x07")
    assert not set(signal_lines.line(evil).plain) & {chr(code) for code in (*range(32), *range(127, 160))}


def test_a_signal_names_the_venues_it_has_to_do_without() -> None:
    quality = {"status": "DEGRADED", "venues_missing": ["bybit", "\x1bokx"], "later": 1}
    data = msgspec.json.encode({"level": "ALERT", "explanation": "why", "data_quality": quality})
    assert signal_lines.line(signal_lines.parse(data)).plain.endswith("why  without bybit, \\x1bokx")


def test_an_unknown_level_ranks_highest_and_is_shown() -> None:
    assert signal_lines.Message(level="CATACLYSM").rank > signal_lines.Message(level="EXTREME").rank


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"ts":"x"}'])
def test_anything_else_is_not_a_message(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        signal_lines.parse(data)
