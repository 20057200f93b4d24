"""Frames of Binance futures to columns.

A liquidation (live frame of 2026-10-09):

    {"stream":"!forceOrder@arr","data":{"e":"forceOrder","E":1791565603055,"o":{"s":"BTCUSDT","S":"SELL","o":"LIMIT",
     "f":"IOC","q":"0.190","p":"82338.30","ap":"82651.90","X":"FILLED","l":"0.155","z":"0.190","T":1791565602120,
     "ps":"BTCUSDT","st":1}}}

S is the side of the liquidation order: SELL closes a long. ap is the average fill, p the limit (worse than
the fill), z what was filled in all (l is only the last fill), T the trade's time, E the push. No id:
(symbol, S, T, z, q, p) is the event. Source: USD-M documentation, "All Market Liquidation Order Streams", "Mark
Price Stream for All market", "Partial Book Depth Streams", checked 2026-11-20.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from foreshock_binance.messages import (
    BookTicker,
    Combined,
    MarkPriceUpdate,
    OpenInterest,
    Order,
    PartialBook,
    TimedCombined,
)
from foreshock_binance.specs import by_name
from foreshock_sdk import (
    ContextField,
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
from foreshock_sdk.decoding import time_of
from foreshock_sdk.reading import SMALLEST, UNREADABLE

SIDES = {"SELL": LiquidatedSide.LONG, "BUY": LiquidatedSide.SHORT}
MARK, DEPTH = "markPriceUpdate", "depthUpdate"
PARTIAL = re.compile(r"[^@]+@depth(?:5|10|20)(?:@.*)?")
"""Streams whose depthUpdate is a whole book; all others tell what changed in one that we do not have."""
EVERY = "!"
"""Begins the name of a stream of all symbols."""
SILENT = frozenset({
    *("aggTrade", "trade", "kline", "continuous_kline", "24hrTicker"),
    *("24hrMiniTicker", "compositeIndex", "contractInfo", "assetIndexUpdate", "indexPriceUpdate"),
    *("tradingSession", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "ACCOUNT_CONFIG_UPDATE", "MARGIN_CALL"),
    *("TRADE_LITE", "ALGO_UPDATE", "STRATEGY_UPDATE", "GRID_UPDATE"),
    *("CONDITIONAL_ORDER_TRIGGER_REJECT", "listenKeyExpired"),
})  # fmt: skip
"""Events of other channels, private ones among them: known, and nothing for us."""


class BinanceDecoder(FrameDecoder):
    """Decoder of one connection. It keeps nothing between frames."""

    def __init__(self, canary: str, instruments: Instruments) -> None:
        super().__init__(instruments, by_name)
        symbol, _, stream = canary.partition("@")
        self._canary_symbol = "" if symbol.startswith(EVERY) else symbol.upper()
        self._canary_event = DEPTH if stream.startswith("depth") else MARK
        self._specs = instruments.specs
        self._decode = msgspec.json.Decoder(Combined, strict=False).decode
        self._decode_timed = msgspec.json.Decoder(TimedCombined, strict=False).decode

    def batch(self, frames: Sequence[str | bytes]) -> Decoded:
        """Decode a batch that holds filled liquidations only; raises when it holds anything else."""
        if not frames:
            return Decoded()
        decode, known, sides = self._decode, self.index.known, SIDES
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

    def message(self, number: int, value: Any, out: Decoded) -> None:
        """Take a frame's JSON value: an event, or a list of them, bare or in the envelope of its stream."""
        stream = ""
        if isinstance(value, dict) and "stream" in value and "data" in value:
            stream, value = str(value["stream"]), value["data"]
        ignored = out.ignored
        for row, each in enumerate(value if isinstance(value, list) and value else [value]):
            try:
                self._event(number, each, stream, out)
            except UNREADABLE as error:
                out.faults.append(Fault(number, row, str(error)))
        out.ignored = min(out.ignored, ignored + 1)

    def _event(self, number: int, value: Any, stream: str, out: Decoded) -> None:
        event = value.get("e") if isinstance(value, dict) else ""
        if event == "forceOrder":
            self._order(number, value, out)
        elif event == MARK:
            self._mark(number, value, out)
        elif event == "bookTicker":
            self._top(number, value, out)
        elif event == DEPTH and PARTIAL.fullmatch(stream):
            self._book(number, value, out)
        elif event is None and "openInterest" in value:
            self._interest(number, value, out)
        elif event is None:
            self._answer(number, value, out)
        elif event == DEPTH or (isinstance(event, str) and event in SILENT):
            out.ignored += 1
        else:
            reason = f"unknown event {event!r:.60}" if event else "neither an event nor an answer"
            out.faults.append(Fault(number, None, reason))

    def _order(self, number: int, value: dict[str, Any], out: Decoded) -> None:
        order = msgspec.convert(value.get("o"), Order, strict=False)
        price, kind = (order.ap, PriceKind.AVERAGE) if order.ap else (order.p, PriceKind.LIMIT)
        if price < SMALLEST:
            raise FrameError("neither `ap` nor `p` is a price")
        instrument = self.index.of(order.s)
        row = RawLiquidation(instrument, SIDES[order.S], price, kind, order.z, order.T, order.q, order.p)
        out.liquidations.append(number, row)
        out.pushed_ms = max(out.pushed_ms, time_of(value, "E"))  # the row stands without it

    def _mark(self, number: int, value: dict[str, Any], out: Decoded) -> None:
        mark = msgspec.convert(value, MarkPriceUpdate, strict=False)
        instrument = self._known(mark.s, out)
        if instrument is None:
            return
        told = ((ContextField.MARK, mark.p), (ContextField.INDEX, mark.i), (ContextField.FUNDING, mark.r))
        for field, number_told in told:
            if isinstance(number_told, float) and (number_told or field is ContextField.FUNDING):
                out.context.append(number, instrument, field, number_told, mark.E)
        self._heard(MARK, mark, out)

    def _top(self, number: int, value: dict[str, Any], out: Decoded) -> None:
        top = msgspec.convert(value, BookTicker, strict=False)
        instrument = self._known(top.s, out)
        if instrument is None:
            return
        spec = self._specs[instrument]
        told = (
            (ContextField.BID, top.b),
            (ContextField.BID_QUANTITY, spec.coins(top.B, top.b)),
            (ContextField.ASK, top.a),
            (ContextField.ASK_QUANTITY, spec.coins(top.A, top.a)),
        )
        for field, number_told in told:
            out.context.append(number, instrument, field, number_told, top.T)
        out.pushed_ms = max(out.pushed_ms, top.E)

    def _book(self, number: int, value: dict[str, Any], out: Decoded) -> None:
        book = msgspec.convert(value, PartialBook, strict=False)
        instrument = self._known(book.s, out)
        if instrument is None:
            return
        out.books.append(number, instrument, book.T, (book.b, book.a))
        self._heard(DEPTH, book, out)

    def _interest(self, number: int, value: dict[str, Any], out: Decoded) -> None:
        told = msgspec.convert(value, OpenInterest, strict=False)
        instrument = self._known(told.symbol, out)
        if instrument is None:
            return
        if self._specs[instrument].inverse:
            out.ignored += 1  # a number of contracts, and no price to turn them into coins
            return
        out.context.append(number, instrument, ContextField.OPEN_INTEREST, told.open_interest, told.time)

    def _known(self, symbol: str, out: Decoded) -> int | None:
        """Return the index of a contract; what all-market streams tell of one that nobody knows is left out."""
        try:
            return self.index.of(symbol)
        except FrameError:
            out.ignored += 1
            return None

    def _heard(self, event: str, message: MarkPriceUpdate | PartialBook, out: Decoded) -> None:
        """Note when a message was pushed, and whether it is the canary's."""
        out.pushed_ms = max(out.pushed_ms, message.E)
        if event == self._canary_event and self._canary_symbol in {"", message.s}:
            out.canary = max(out.canary, message.E)

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
