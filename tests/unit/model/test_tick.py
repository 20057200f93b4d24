"""What readers take from the data of a tick."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshock_model.errors import CodecError
from foreshock_model.tick import LONGEST_DELAY_MS, TickData, VenueCap, VenueLife, decode


def test_delays_are_read_and_the_rest_is_ignored() -> None:
    data = b'{"routes":{"okx/0":"LIVE"},"delays":{"binance":1500,"okx":1000},"later":[1]}'
    assert decode(data) == TickData({"binance": 1_500, "okx": 1_000})


def test_it_says_how_venues_thin_their_liquidations() -> None:
    assert decode(b'{"caps":{"binance":[1,1000]}}').caps == {"binance": VenueCap(1, 1_000)}
    for data in (b'{"caps":{"binance":[0,1000]}}', b'{"caps":{"binance":[1,0]}}', b'{"caps":{"binance":[1,60001]}}'):
        with pytest.raises(CodecError, match="tick"):
            decode(data)


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


def test_it_says_how_far_venues_are_seen() -> None:
    found = decode(b'{"venues":{"okx":[0.5,0.12],"dydx":[1,0,"later"]},"coverage":0.06}')
    assert found.venues == {"okx": VenueLife(0.5, 0.12), "dydx": VenueLife(1.0, 0.0)}
    assert found.coverage == 0.06


@pytest.mark.parametrize("venues", ['{"okx":[2,0]}', '{"okx":[0,-1]}', '{"okx":[1]}', '{"okx":{}}', '{"okx":[null,1]}'])
def test_lives_and_shares_that_are_none_are_refused(venues: str) -> None:
    with pytest.raises(CodecError, match="tick"):
        decode(f'{{"venues":{venues}}}'.encode())
