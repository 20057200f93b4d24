from __future__ import annotations

from argparse import ArgumentTypeError

import pytest

from foreshock_cli.stream_position import Start


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "0"),
        ("1795000000000-7", "1795000000000-7"),
        ("30s", "970000"),
        ("500ms", "999500"),
        ("1.5m", "910000"),
        ("2h", "0"),
    ],
)
def test_an_id_stays_and_a_time_ago_becomes_one(text: str, expected: str) -> None:
    assert Start(text).at(now_ms=1_000_000) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "-5s", "1-", "5 m", "0x1"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="neither a stream id"):
        Start(text)
