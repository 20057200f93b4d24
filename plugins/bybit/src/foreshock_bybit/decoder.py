"""Frames of Bybit v5 to columns.

Liquidations (live frame of 2026-10-09), pushed every 500 ms:

    {"topic":"allLiquidation.BTCUSDT","type":"snapshot","ts":1791565601482,"data":[
     {"T":1791565600992,"s":"BTCUSDT","S":"Buy","v":"0.006","p":"82396.90"}]}

S is the side of the POSITION: Buy is a long that died (opposite to other venues' order side; shown by
prices too). v is coins on linear and USD on inverse contracts, p the bankruptcy price, which lies off the
market. No id: (s, T, S, v, p) is the event, and equal rows of one frame are twins, not duplicates. Source:
v5 documentation, "All Liquidation", "Ticker", "Orderbook", checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from foreshock_bybit.market import Tickers, take_book
from foreshock_bybit.messages import BOOKS, LIQUIDATIONS, RETIRED, TICKERS, BookPush, Push, Row, Ticker
from foreshock_bybit.specs import by_name
from foreshock_sdk import (
    Control,
    ControlKind,
    Decoded,
    Fault,
    FrameDecoder,
    FrameError,
    Instruments,
    LiquidatedSide,
    PriceKind,
    RawLiquidation,
)
from foreshock_sdk.book import LevelBooks
from foreshock_sdk.decoding import list_of, time_of

SIDES = {"Buy": LiquidatedSide.LONG, "Sell": LiquidatedSide.SHORT}
PREFIX = len(LIQUIDATIONS)
SILENT = frozenset({
    *("publicTrade", "kline", "adlAlert", "insurance", "priceLimit", "system", "rpiOrderbook"),
    *("order", "execution", "position", "wallet", "greeks", "dcp"),
})  # fmt: skip
"""First words of other topics, private ones among them: known, and nothing for us."""


class BybitDecoder(FrameDecoder):
    """Decoder of one connection. It keeps its books and the prices that amounts in USD are turned into coins by."""

    def __init__(self, canary: str, instruments: Instruments) -> None:
        super().__init__(instruments, by_name)
        self._canary = canary
        self._specs = instruments.specs
        self._decode = msgspec.json.Decoder(Push, strict=False).decode
        self._tickers = Tickers()
        self._books = LevelBooks()

    def feed(self, frames: Sequence[str | bytes]) -> Decoded:
        """Decode frames in order of arrival."""
        out = super().feed(frames)
        self._books.tell(out)
        return out

    def batch(self, frames: Sequence[str | bytes]) -> Decoded:
        """Decode a batch that holds liquidations only; raises when it holds anything else."""
        decode, known, sides = self._decode, self.index.known, SIDES
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

    def message(self, number: int, value: Any, out: Decoded) -> None:
        """Take a frame's JSON value."""
        topic = value.get("topic") if isinstance(value, dict) else None
        if isinstance(topic, str):
            self._topic(number, topic, value, out)
        elif isinstance(value, dict) and "op" in value:
            _answer(number, value, out)
        elif isinstance(value, dict) and "retCode" in value:
            out.ignored += 1  # an answer of REST, in a recording
        else:
            out.faults.append(Fault(number, None, "neither a topic nor an answer"))

    def _topic(self, number: int, topic: str, value: dict[str, Any], out: Decoded) -> None:
        if topic.startswith(LIQUIDATIONS):
            self._liquidations(number, value, out)
        elif topic.startswith(TICKERS):
            self._ticker(number, topic, value, out)
        elif topic.startswith(BOOKS):
            self._book(number, value, out)
        elif topic.startswith(RETIRED):
            successor = LIQUIDATIONS + topic.removeprefix(RETIRED)
            out.faults.append(Fault(number, None, f"topic {topic!r:.60} is retired: {successor:.60} replaced it"))
        elif topic.partition(".")[0] in SILENT:
            out.ignored += 1
        else:
            out.faults.append(Fault(number, None, f"unknown topic {topic!r:.60}"))

    def _liquidations(self, number: int, value: dict[str, Any], out: Decoded) -> None:
        try:
            rows = list_of(value, "data")
        except FrameError as error:
            out.faults.append(Fault(number, None, str(error)))
            return
        self.rows(number, rows, out, self._row)
        out.pushed_ms = max(out.pushed_ms, time_of(value))

    def _row(self, value: Any) -> RawLiquidation:
        row = msgspec.convert(value, Row, strict=False)
        return RawLiquidation(self.index.of(row.s), SIDES[row.S], row.p, PriceKind.BANKRUPTCY, row.v, row.T, row.p)

    def _ticker(self, number: int, topic: str, value: dict[str, Any], out: Decoded) -> None:
        ticker = msgspec.convert(value.get("data"), Ticker, strict=False)
        instrument, pushed_ms = self.index.of(ticker.symbol), time_of(value)
        if not pushed_ms:
            raise FrameError("`ts` is not a time")
        for field, told in self._tickers.told(ticker, self._specs[instrument]):
            out.context.append(number, instrument, field, told, pushed_ms)
        out.pushed_ms = max(out.pushed_ms, pushed_ms)
        if topic == self._canary:
            out.canary = max(out.canary, pushed_ms)

    def _book(self, number: int, value: dict[str, Any], out: Decoded) -> None:
        push = msgspec.convert(value, BookPush, strict=False)
        if not take_book(self._books, number, self.index.of(push.data.s), push):
            out.ignored += 1  # a change before the snapshot: a recording that begins in the middle
        out.pushed_ms = max(out.pushed_ms, push.ts)


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
