"""Frames of Bybit v5 to columns.

Liquidations (live frame of 2026-10-09), pushed every 500 ms:

    {"topic":"allLiquidation.BTCUSDT","type":"snapshot","ts":1791565601482,"data":[
     {"T":1791565600992,"s":"BTCUSDT","S":"Buy","v":"0.006","p":"82396.90"}]}

S is the side of the POSITION: Buy is a long that died (opposite to other venues' order side; shown by
prices too). v is coins on linear and USD on inverse contracts, p the bankruptcy price, which lies off the
market. No id: (s, T, S, v, p) is the event, and equal rows of one frame are twins, not duplicates. Source:
v5 documentation, "All Liquidation" and "Ticker", checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from foreshock_bybit.messages import LIQUIDATIONS, RETIRED, TICKERS, Push, Row, Ticker
from foreshock_bybit.specs import by_name
from foreshock_sdk import (
    Control,
    ControlKind,
    Decoded,
    Fault,
    FrameError,
    Instruments,
    LiquidatedSide,
    PriceKind,
    RawLiquidation,
)
from foreshock_sdk.reading import (
    UNEXPECTED,
    UNREADABLE,
    Millis,
    SpellingIndex,
)

SIDES = {"Buy": LiquidatedSide.LONG, "Sell": LiquidatedSide.SHORT}
PREFIX = len(LIQUIDATIONS)
SILENT = frozenset({
    *("publicTrade", "orderbook", "kline", "adlAlert", "insurance", "priceLimit", "system", "rpiOrderbook"),
    *("order", "execution", "position", "wallet", "greeks", "dcp"),
})  # fmt: skip
"""First words of other topics, private ones among them: known, and nothing for us."""


class BybitDecoder:
    """Decoder of one connection. It keeps nothing between frames."""

    def __init__(self, canary: str, instruments: Instruments) -> None:
        self._canary = canary
        self._index = SpellingIndex(instruments, by_name)
        self._decode = msgspec.json.Decoder(Push, strict=False).decode

    def feed(self, frames: Sequence[str | bytes]) -> Decoded:
        """Decode frames in order of arrival."""
        try:
            return self._liquidations(frames)
        except UNEXPECTED:
            out = Decoded()
            for number, frame in enumerate(frames):
                self._frame(number, frame, out)
            return out

    def _liquidations(self, frames: Sequence[str | bytes]) -> Decoded:
        """Decode a batch that holds liquidations only; raises when it holds anything else."""
        decode, known, sides = self._decode, self._index.known, SIDES
        pushes = [decode(frame) for frame in frames]
        if {push.topic[:PREFIX] for push in pushes} != {LIQUIDATIONS}:
            raise FrameError("another topic")
        liquidated = [row for push in pushes for row in push.data]
        out = Decoded()
        rows, count = out.liquidations, len(liquidated)
        rows.instrument = [known[row.s] for row in liquidated]
        rows.side = bytearray([sides[row.S] for row in liquidated])
        rows.price = [row.p for row in liquidated]
        rows.size = [row.v for row in liquidated]
        rows.ts_event_ms = [row.T for row in liquidated]
        rows.identity_a = rows.price.copy()
        rows.identity_b = [0.0] * count
        rows.frame = [number for number, push in enumerate(pushes) for _ in push.data]
        rows.price_kind = bytearray([PriceKind.BANKRUPTCY]) * count
        rows.flags = bytearray(count)
        out.pushed_ms = max([push.ts for push in pushes], default=0)
        return out

    def _frame(self, number: int, frame: str | bytes, out: Decoded) -> None:
        try:
            value = msgspec.json.decode(frame)
        except UNREADABLE as error:
            out.faults.append(Fault(number, None, f"not JSON: {error}"))
            return
        topic = value.get("topic") if isinstance(value, dict) else None
        if isinstance(topic, str):
            self._topic(number, topic, value, out)
        elif isinstance(value, dict) and "op" in value:
            self._answer(number, value, out)
        elif isinstance(value, dict) and "retCode" in value:
            out.ignored += 1  # an answer of REST, in a recording
        else:
            out.faults.append(Fault(number, None, "neither a topic nor an answer"))

    def _topic(self, number: int, topic: str, value: dict[str, Any], out: Decoded) -> None:
        if topic.startswith(LIQUIDATIONS):
            self._rows(number, value, out)
        elif topic.startswith(TICKERS):
            self._ticker(number, topic, value, out)
        elif topic.startswith(RETIRED):
            successor = LIQUIDATIONS + topic.removeprefix(RETIRED)
            out.faults.append(Fault(number, None, f"topic {topic!r:.60} is retired: {successor:.60} replaced it"))
        elif topic.partition(".")[0] in SILENT:
            out.ignored += 1
        else:
            out.faults.append(Fault(number, None, f"unknown topic {topic!r:.60}"))

    def _rows(self, number: int, value: dict[str, Any], out: Decoded) -> None:
        data = value.get("data")
        if not isinstance(data, list):
            out.faults.append(Fault(number, None, "`data` is not a list of liquidations"))
            return
        for place, each in enumerate(data):
            try:
                row = msgspec.convert(each, Row, strict=False)
                instrument = self._index.of(row.s)
            except UNREADABLE as error:
                out.faults.append(Fault(number, place, str(error)))
                continue
            side = SIDES[row.S]
            told = RawLiquidation(instrument, side, row.p, PriceKind.BANKRUPTCY, row.v, row.T, row.p)
            out.liquidations.append(number, told)
        out.pushed_ms = max(out.pushed_ms, _time(value))

    def _ticker(self, number: int, topic: str, value: dict[str, Any], out: Decoded) -> None:
        try:
            ticker = msgspec.convert(value.get("data"), Ticker, strict=False)
            instrument = self._index.of(ticker.symbol)
        except UNREADABLE as error:
            out.faults.append(Fault(number, 0, str(error)))
            return
        pushed_ms = _time(value)
        if not pushed_ms:
            out.faults.append(Fault(number, 0, "`ts` is not a time"))
            return
        for field, told in ticker.told():
            out.context.append(number, instrument, field, told, pushed_ms)
        out.pushed_ms = max(out.pushed_ms, pushed_ms)
        if topic == self._canary:
            out.canary = max(out.canary, pushed_ms)

    @staticmethod
    def _answer(number: int, value: dict[str, Any], out: Decoded) -> None:
        message = str(value.get("ret_msg", ""))
        if value.get("success") is False:
            out.controls.append(Control(number, ControlKind.REFUSED, "", message))
        elif value["op"] == "pong" or message == "pong":
            out.controls.append(Control(number, ControlKind.PONG))
        elif value["op"] == "subscribe" and value.get("success") is True:
            out.controls.append(Control(number, ControlKind.ACK))
        else:
            out.ignored += 1


def _time(value: dict[str, Any]) -> int:
    """Return when a frame was pushed (ms), 0 when it does not say."""
    try:
        return msgspec.convert(value.get("ts", 0), Millis, strict=False)
    except msgspec.ValidationError:
        return 0
