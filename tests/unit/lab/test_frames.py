"""Frames read without the house, and bent on purpose."""

from __future__ import annotations

import gzip
from collections.abc import Sequence

import msgspec
import pytest

from foreshock_binance.simulation import BinanceScript
from foreshock_lab.demo import simulations
from foreshock_lab.domain.facts import FrameReader, fact_of
from foreshock_lab.domain.timeline import Oddity
from foreshock_lab.odd_frames import BENDS, GZIP, IMPOSSIBLE_MS, NAME, craft
from foreshock_sdk import Instruments, LiquidatedSide, Push, SimLiquidation

NOW_MS = 1_780_000_000_500
VENUES = sorted(simulations().scripts)
SENSIBLE = {("gate", Oddity.NEGATIVE_SIZE)}
"""What is nonsense elsewhere and is not there: a negative size is a short that died."""


class Mute(BinanceScript):
    """A venue that never speaks."""

    def due(self, now_ms: int) -> Sequence[Push]:
        return ()


def reader(venue: str) -> FrameReader:
    found = simulations()
    return FrameReader(found.connectors[venue], Instruments(venue, found.scripts[venue].listing()))


def unpacked(frame: str | bytes) -> str:
    if isinstance(frame, bytes):
        return (gzip.decompress(frame) if frame.startswith(GZIP) else frame).decode("utf-8", "replace")
    return frame


@pytest.mark.parametrize("venue", VENUES)
def test_a_told_row_is_read_back_as_the_same_fact(venue: str) -> None:
    script = simulations().scripts[venue]
    spec = script.listing()[0]
    row = SimLiquidation(0, spec.raw_symbol, LiquidatedSide.SHORT, 95_000.5, 3.0, NOW_MS - 10)
    script.offer([row])
    pushes = [push for later in range(0, 3_000, 100) for push in script.due(NOW_MS + later) if push.rows]
    assert [push.rows for push in pushes] == [(0,)]
    (told,) = reader(venue).read(pushes[0].frame)
    assert told.fact == fact_of(spec, 1, NOW_MS - 10, price=95_000.5, size=3.0)
    assert told.event_id == reader(venue).read(pushes[0].frame)[0].event_id


def test_a_row_without_a_value_in_usd_is_not_waited_for() -> None:
    script = BinanceScript()
    script.offer([SimLiquidation(0, "BTCUSDT", LiquidatedSide.LONG, 9e4, 1.0, NOW_MS)])
    (frame,) = [push.frame for later in range(0, 3_000, 100) for push in script.due(NOW_MS + later) if push.rows]
    binance = simulations().connectors["binance"]
    eyes = FrameReader(binance, Instruments("binance", binance.packaged_specs().specs))
    assert len(eyes.read(frame)) == 1
    assert eyes.read(str(frame).replace("BTCUSDT", "ETHBTC")) == []


@pytest.mark.parametrize("venue", VENUES)
def test_the_route_of_a_frame_is_one_of_the_venues_and_its_time_is_its_own(venue: str) -> None:
    script = simulations().scripts[venue]
    script.offer([SimLiquidation(0, script.listing()[0].raw_symbol, LiquidatedSide.LONG, 9e4, 1.0, NOW_MS)])
    (push,) = [push for later in range(0, 3_000, 100) for push in script.due(NOW_MS + later) if push.rows]
    eyes = reader(venue)
    route, told = eyes.read_on_route(push.frame)
    assert route in eyes.routes
    assert len(told) == 1
    assert NOW_MS <= eyes.time_ms(push.frame) <= NOW_MS + 3_000
    assert eyes.time_ms("pong") == 0
    assert eyes.read_on_route("pong") == (eyes.routes[0], [])


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("kind", BENDS)
def test_every_bend_shows_in_every_venues_frames(venue: str, kind: Oddity) -> None:
    script = simulations().scripts[venue]
    (push,) = craft(kind, script, script.listing()[0], NOW_MS)
    text = unpacked(push.frame)
    marks = {
        Oddity.NAN_PRICE: "NaN",
        Oddity.TEXT_PRICE: "about ninety",
        Oddity.NEGATIVE_SIZE: "-7.125",
        Oddity.INFINITE_SIZE: "Infinity",
        Oddity.IMPOSSIBLE_TIME: str(IMPOSSIBLE_MS),
        Oddity.NEGATIVE_TIME: "-5",
        Oddity.UNKNOWN_SYMBOL: NAME,
        Oddity.FOREIGN_SYMBOL: "测试币",
        Oddity.NOT_UTF8: "\ufffd\ufffd",
        Oddity.STRANGE_JSON: "surprise",
        Oddity.NOT_JSON: "<html>",
    }
    assert marks.get(kind, "") in text
    if kind not in {Oddity.UNKNOWN_SYMBOL, Oddity.FOREIGN_SYMBOL, Oddity.ZERO_PRICE} and (venue, kind) not in SENSIBLE:
        assert reader(venue).read(push.frame) == []
    if kind == Oddity.TRUNCATED:
        with pytest.raises(msgspec.DecodeError):
            msgspec.json.decode(text)


def test_twins_within_a_frame_have_numbers_of_their_own() -> None:
    frame = (
        '{"topic":"allLiquidation.BTCUSDT","type":"snapshot","ts":1791565601482,"data":['
        + ",".join(['{"T":1791565600992,"s":"BTCUSDT","S":"Buy","v":"0.006","p":"82396.90"}'] * 2)
        + "]}"
    )
    one, two = reader("bybit").read(frame)
    assert one.fact == two.fact
    assert one.event_id != two.event_id


def test_a_script_that_tells_nothing_gives_no_frame() -> None:
    assert craft(Oddity.NAN_PRICE, Mute(), BinanceScript().listing()[0], NOW_MS) == []
