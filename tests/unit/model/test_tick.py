"""What readers take from the data of a tick."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_model.errors import CodecError
from foreshock_model.tick import LONGEST_DELAY_MS, TickData, decode


def test_delays_are_read_and_the_rest_is_ignored() -> None:
    data = b'{"routes":{"okx/0":"LIVE"},"delays":{"binance":1500,"okx":1000},"later":[1]}'
    assert decode(data) == TickData({"binance": 1_500, "okx": 1_000})


@pytest.mark.parametrize("data", [b"", b"{}", b'{"routes":{}}'])
def test_a_tick_may_say_nothing_of_delays(data: bytes) -> None:
    assert decode(data).delays == {}


@pytest.mark.parametrize(
    "data", [b"{", b"[]", b'{"delays":{"okx":-1}}', b'{"delays":{"okx":60001}}', b'{"delays":{"okx":1.5}}', b"\xff"]
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(CodecError, match="tick"):
        decode(data)


@given(st.binary(max_size=40))
def test_damage_is_never_worse_than_a_codec_error(data: bytes) -> None:
    try:
        found = decode(data)
    except CodecError:
        return
    assert all(0 <= delay <= LONGEST_DELAY_MS for delay in found.delays.values())
