from __future__ import annotations

from typing import Any

import pytest

from foreshock_sdk import (
    Control,
    ControlKind,
    Decoded,
    Fault,
    FrameDecoder,
    FrameError,
    Instruments,
    InstrumentSpec,
    LiquidatedSide,
    PriceKind,
    RawLiquidation,
)
from foreshock_sdk.decoding import list_of, time_of


def learn(raw_symbol: str) -> InstrumentSpec:
    return InstrumentSpec(venue="toy", raw_symbol=raw_symbol, base=raw_symbol, quote="USDT")


class ToyDecoder(FrameDecoder):
    """Frames {"rows": [{"s": symbol, "p": price}]}, some behind "packed:". A row without "p" is nothing for us."""

    def unpacked(self, frame: str | bytes) -> str | bytes:
        text = frame if isinstance(frame, str) else frame.decode()
        if text == "packed:":
            raise FrameError("nothing is packed")
        return text.removeprefix("packed:")

    def bare(self, number: int, frame: str | bytes, out: Decoded) -> bool:
        if frame == "pong":
            out.controls.append(Control(number, ControlKind.PONG))
            return True
        return super().bare(number, frame, out)

    def message(self, number: int, value: Any, out: Decoded) -> None:
        out.pushed_ms = time_of(value)
        self.rows(number, list_of(value, "rows"), out, self._row)

    def _row(self, value: Any) -> RawLiquidation | None:
        if "p" not in value:
            return None
        if value["p"] <= 0:
            raise FrameError("`p` is no price")
        return RawLiquidation(
            self.index.of(value["s"]), LiquidatedSide.LONG, value["p"], PriceKind.MARK, 1.0, 1_700_000_000_000
        )


def feed(*frames: str | bytes) -> Decoded:
    return ToyDecoder(Instruments("toy"), learn).feed(frames)


def test_a_frame_after_the_other() -> None:
    found = feed('{"rows":[{"s":"A","p":2.0}],"ts":1700000000001}', b'packed:{"rows":[{"s":"B","p":3.0}]}')
    assert found.liquidations.price == [2.0, 3.0]
    assert list(found.liquidations.frames) == [0, 1]
    assert found.liquidations.instrument == [0, 1]


def test_a_row_that_cannot_be_read_is_its_own_fault() -> None:
    found = feed('{"rows":[{"s":"A","p":2.0},{"s":"A","p":0},{"s":"A"},{"s":"A","p":4.0}]}')
    assert found.liquidations.price == [2.0, 4.0]
    assert found.faults == [Fault(0, 1, "`p` is no price")]


@pytest.mark.parametrize(
    ("frame", "row", "words"),
    [
        ("{", None, "not JSON"),
        ("packed:", None, "nothing is packed"),
        (b"\xff", None, "not JSON"),
        ("[" * 5_000, None, "not JSON"),
        ('{"rows":{}}', 0, "`rows` is not a list"),
        ("[]", 0, "`rows` is not a list"),
    ],
)
def test_what_cannot_be_read_is_a_fault(frame: str | bytes, row: int | None, words: str) -> None:
    found = feed(frame)
    assert [(fault.frame, fault.row) for fault in found.faults] == [(0, row)]
    assert words in found.faults[0].reason


def test_a_frame_that_is_no_json_may_be_known() -> None:
    assert feed("pong").controls == [Control(0, ControlKind.PONG)]


def test_the_base_knows_no_message() -> None:
    decoder = FrameDecoder(Instruments("toy"), learn)
    assert decoder.feed(()).faults == []
    with pytest.raises(NotImplementedError):
        decoder.feed(["{}"])


def test_a_time_is_a_time_or_nothing() -> None:
    assert time_of({"ts": "1700000000001"}) == 1_700_000_000_001
    nonsense: list[Any] = [{"ts": -1}, {"ts": "soon"}, {}, []]
    assert [time_of(value) for value in nonsense] == [0, 0, 0, 0]
    assert time_of({"E": 5}, "E") == 5


def test_a_list_is_a_list_or_missing_where_it_may_be() -> None:
    assert list_of({"rows": [1]}, "rows") == [1]
    assert list_of({}, "rows", optional=True) == []
    with pytest.raises(FrameError, match="`rows` is not a list"):
        list_of({"rows": 5}, "rows", optional=True)


def test_without_rules_for_names_only_the_venues_list_counts() -> None:
    with pytest.raises(FrameError, match="contract 'X' is not in the venue's list"):
        FrameDecoder(Instruments("toy")).index.of("X")
