"""Frames of Binance futures to columns.

A liquidation (live frame of 2026-10-09):

    {"stream":"!forceOrder@arr","data":{"e":"forceOrder","E":1791565603055,"o":{"s":"BTCUSDT","S":"SELL","o":"LIMIT",
     "f":"IOC","q":"0.190","p":"82338.30","ap":"82651.90","X":"FILLED","l":"0.155","z":"0.190","T":1791565602120,
     "ps":"BTCUSDT","st":1}}}

S is the side of the liquidation order: SELL closes a long. ap is the average fill, p the limit (worse than
the fill), z what was filled in all (l is only the last fill), T the trade's time, E the push. No id:
(symbol, S, T, z, q, p) is the event. Source: USD-M documentation, "All Market Liquidation Order Streams",
checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from foreshock_binance.messages import Combined, MarkPriceUpdate, Order, TimedCombined
from foreshock_binance.specs import by_name
from foreshock_sdk import (
    ContextField,
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
    SMALLEST,
    UNEXPECTED,
    UNREADABLE,
    Millis,
    SpellingIndex,
)

SIDES = {"SELL": LiquidatedSide.LONG, "BUY": LiquidatedSide.SHORT}
CANARY_EVENT = "markPriceUpdate"
SILENT = frozenset({
    *("aggTrade", "trade", "bookTicker", "depthUpdate", "kline", "continuous_kline", "24hrTicker"),
    *("24hrMiniTicker", "compositeIndex", "contractInfo", "assetIndexUpdate", "indexPriceUpdate"),
    *("tradingSession", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "ACCOUNT_CONFIG_UPDATE", "MARGIN_CALL"),
    *("TRADE_LITE", "ALGO_UPDATE", "STRATEGY_UPDATE", "GRID_UPDATE"),
    *("CONDITIONAL_ORDER_TRIGGER_REJECT", "listenKeyExpired"),
})  # fmt: skip
"""Events of other channels, private ones among them: known, and nothing for us."""


class BinanceDecoder:
    """Decoder of one connection. It keeps nothing between frames."""

    def __init__(self, canary: str, instruments: Instruments) -> None:
        self._canary_symbol = canary.partition("@")[0].upper()
        self._index = SpellingIndex(instruments, by_name)
        self._decode = msgspec.json.Decoder(Combined, strict=False).decode
        self._decode_timed = msgspec.json.Decoder(TimedCombined, strict=False).decode

    def feed(self, frames: Sequence[str | bytes]) -> Decoded:
        """Decode frames in order of arrival."""
        if not frames:
            return Decoded()
        try:
            return self._liquidations(frames)
        except UNEXPECTED:
            out = Decoded()
            for number, frame in enumerate(frames):
                self._frame(number, frame, out)
            return out

    def _liquidations(self, frames: Sequence[str | bytes]) -> Decoded:
        """Decode a batch that holds filled liquidations only; raises when it holds anything else."""
        decode, known, sides = self._decode, self._index.known, SIDES
        newest = self._decode_timed(frames[-1]).data
        orders = [decode(frame).data.o for frame in frames[:-1]]
        orders.append(newest.o)
        out = Decoded()
        rows, count = out.liquidations, len(orders)
        rows.instrument = [known[order.s] for order in orders]
        rows.side = bytearray([sides[order.S] for order in orders])
        rows.price = [order.ap for order in orders]
        rows.size = [order.z for order in orders]
        rows.ts_event_ms = [order.T for order in orders]
        rows.identity_a = [order.q for order in orders]
        rows.identity_b = [order.p for order in orders]
        rows.frame = None
        rows.price_kind = bytearray(count)  # zeros: AVERAGE, and no flag
        rows.flags = bytearray(count)
        out.pushed_ms = newest.E
        return out

    def _frame(self, number: int, frame: str | bytes, out: Decoded) -> None:
        try:
            value = msgspec.json.decode(frame)
        except UNREADABLE as error:
            out.faults.append(Fault(number, None, f"not JSON: {error}"))
            return
        if isinstance(value, dict) and "stream" in value and "data" in value:
            value = value["data"]
        ignored = out.ignored
        if isinstance(value, list) and value:
            for row, each in enumerate(value):
                self._message(number, row, each, out)
        else:
            self._message(number, 0, value, out)
        out.ignored = min(out.ignored, ignored + 1)

    def _message(self, number: int, row: int, value: Any, out: Decoded) -> None:
        if not isinstance(value, dict):
            out.faults.append(Fault(number, None, "neither an event nor an answer"))
            return
        event = value.get("e")
        try:
            if event == "forceOrder":
                self._order(number, value, out)
            elif event == CANARY_EVENT:
                self._mark(number, value, out)
            elif event is None:
                self._answer(number, value, out)
            elif isinstance(event, str) and event in SILENT:
                out.ignored += 1
            else:
                out.faults.append(Fault(number, None, f"unknown event {event!r:.60}"))
        except UNREADABLE as error:
            out.faults.append(Fault(number, row, str(error)))

    def _order(self, number: int, value: dict[str, Any], out: Decoded) -> None:
        order = msgspec.convert(value.get("o"), Order, strict=False)
        price, kind = (order.ap, PriceKind.AVERAGE) if order.ap else (order.p, PriceKind.LIMIT)
        if price < SMALLEST:
            raise FrameError("neither `ap` nor `p` is a price")
        instrument = self._index.of(order.s)
        row = RawLiquidation(instrument, SIDES[order.S], price, kind, order.z, order.T, order.q, order.p)
        out.liquidations.append(number, row)
        self._pushed(value, out)

    def _mark(self, number: int, value: dict[str, Any], out: Decoded) -> None:
        mark = msgspec.convert(value, MarkPriceUpdate, strict=False)
        instrument = self._index.of(mark.s)
        told = ((ContextField.MARK, mark.p), (ContextField.INDEX, mark.i), (ContextField.FUNDING, mark.r))
        for field, number_told in told:
            if isinstance(number_told, float) and (number_told or field is ContextField.FUNDING):
                out.context.append(number, instrument, field, number_told, mark.E)
        if mark.s == self._canary_symbol:
            out.canary = max(out.canary, mark.E)
        self._pushed(value, out)

    @staticmethod
    def _pushed(value: dict[str, Any], out: Decoded) -> None:
        try:
            out.pushed_ms = max(out.pushed_ms, msgspec.convert(value.get("E", 0), Millis, strict=False))
        except msgspec.ValidationError:
            return  # the row stands without it

    @staticmethod
    def _answer(number: int, value: dict[str, Any], out: Decoded) -> None:
        """Acks, lists and errors; errors are documented flat, and seen nested elsewhere at this venue."""
        error = value.get("error", value)
        if isinstance(error, dict) and "code" in error and "msg" in error:
            refused = Control(number, ControlKind.REFUSED, str(error["code"]), str(error["msg"]))
            out.controls.append(refused)
        elif "method" in value:
            out.ignored += 1  # a client's request, in a recording
        elif "result" not in value or "id" not in value:
            out.faults.append(Fault(number, None, "neither an event nor an answer"))
        elif value["result"] is None:
            out.controls.append(Control(number, ControlKind.ACK))
        else:
            out.ignored += 1
