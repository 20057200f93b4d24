"""Frames of Gate futures to columns.

Liquidations (the documents' example of 2026-08):

    {"channel":"futures.public_liquidates","event":"update","time":1541505434,"time_ms":1541505434123,"result":[
     {"price":"215.1","size":"-124.5","time":1541486601123,"contract":"BTC_USDT"},
     {"price":"215.2","size":"-10.5","time":1541486601456,"contract":"BTC_USDT"}]}

Since 2026-08-20 all of a contract within a second come in one array; before, one row at most, with `time_ms`. price is
the order's, size contracts: whole numbers, or text with fractions. What the sign of size means is not documented for
the socket: REST says that it is the position's (positive: a long died), and `ws_size_sign` can say otherwise. No id:
contract, second, side, size and price are the event, because REST has those and no more. Source: "Futures WebSocket
v4", public liquidates, tickers and order book V2, checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from foreshock_gate.messages import (
    BOOKS,
    LIQUIDATES,
    MS_PER_SECOND,
    PONG,
    TICKERS,
    Book,
    LiqOrder,
    Liquidate,
    Push,
    Ticker,
)
from foreshock_gate.specs import by_name
from foreshock_sdk import (
    ContextField,
    Control,
    ControlKind,
    Decoded,
    EventFlag,
    Fault,
    FrameDecoder,
    FrameError,
    Instruments,
    LiquidatedSide,
    PriceKind,
    RawLiquidation,
)
from foreshock_sdk.book import LevelBooks
from foreshock_sdk.decoding import time_of
from foreshock_sdk.reading import SMALLEST

Sign = Literal["position", "order"]
SILENT = frozenset({
    *("futures.trades", "futures.book_ticker", "futures.order_book", "futures.order_book_update"),
    *("futures.candlesticks", "futures.contract_stats", "futures.orders", "futures.usertrades", "futures.positions"),
    *("futures.liquidates", "futures.balances", "futures.auto_deleverages", "futures.position_closes"),
})  # fmt: skip
"""Other channels, private ones among them: known, and nothing for us."""


class GateDecoder(FrameDecoder):
    """Decoder of one connection. It keeps the books, and where each of them ends."""

    def __init__(self, canary: str, instruments: Instruments, sign: Sign) -> None:
        super().__init__(instruments, by_name)
        self._canary = canary.rpartition(":")[2]
        self._instruments = instruments
        self._sign = sign
        self._decode = msgspec.json.Decoder(Push, strict=False).decode
        self._books = LevelBooks()
        self._ends: dict[int, int] = {}

    def feed(self, frames: Sequence[str | bytes]) -> Decoded:
        """Decode frames in order of arrival."""
        out = super().feed(frames)
        self._books.tell(out)
        return out

    def batch(self, frames: Sequence[str | bytes]) -> Decoded:
        """Decode frames of liquidations; raise for a batch that holds anything else."""
        out = Decoded()
        rows = out.liquidations
        pushes = [self._decode(frame) for frame in frames]
        liquidated = [row for push in pushes for row in push.result]
        long_sign = 1 if self._sign == "position" else -1
        rows.frame = [number for number, push in enumerate(pushes) for _ in push.result]
        rows.instrument = [self.index.known[row.contract] for row in liquidated]
        rows.side = bytearray([row.size * long_sign < 0 for row in liquidated])
        rows.price = [row.price for row in liquidated]
        rows.price_kind = bytearray([PriceKind.LIMIT]) * len(liquidated)
        rows.size = [_size(row.size) for row in liquidated]
        rows.ts_event_ms = [_when(row) for row in liquidated]
        rows.identity_a = rows.price.copy()
        rows.identity_b = [0.0] * len(liquidated)
        rows.flags = bytearray(len(liquidated))
        out.pushed_ms = max([push.time_ms for push in pushes], default=0)
        return out

    def message(self, number: int, value: Any, out: Decoded) -> None:
        """Take one frame."""
        channel = value.get("channel") if isinstance(value, dict) else None
        if not isinstance(channel, str):
            raise FrameError("no channel")
        if channel == PONG:
            out.controls.append(Control(number, ControlKind.PONG))
        elif value.get("error") is not None or value.get("event") in ("subscribe", "unsubscribe"):
            _answer(number, value, out)
        elif channel in {LIQUIDATES, TICKERS, BOOKS}:
            self._channel(number, channel, value, out)
            out.pushed_ms = max(out.pushed_ms, time_of(value, "time_ms"))
        elif channel in SILENT:
            out.ignored += 1
        else:
            out.faults.append(Fault(number, None, f"unknown channel {channel!r:.60}"))

    def _channel(self, number: int, channel: str, value: dict[str, Any], out: Decoded) -> None:
        result = value.get("result")
        rows = result if isinstance(result, list) else [result]
        if channel == LIQUIDATES:
            self.rows(number, rows, out, self._liquidate)
        elif channel == BOOKS:
            self._book(number, msgspec.convert(result, Book, strict=False), out)
        else:
            told_ms = time_of(value, "time_ms")
            for row in rows:
                self._ticker(number, msgspec.convert(row, Ticker, strict=False), told_ms, out)

    def _liquidate(self, value: Any) -> RawLiquidation:
        row = msgspec.convert(value, Liquidate, strict=False)
        long_died = (row.size > 0) == (self._sign == "position")
        side = LiquidatedSide.LONG if long_died else LiquidatedSide.SHORT
        instrument, size, ts_ms = self.index.of(row.contract), _size(row.size), _when(row)
        return RawLiquidation(instrument, side, row.price, PriceKind.LIMIT, size, ts_ms, row.price)

    def past(self, value: Any) -> RawLiquidation:
        """Read one row of REST. Raises what reading raises."""
        row = msgspec.convert(value, LiqOrder, strict=False)
        size = _size(row.order_size or row.size)
        side = LiquidatedSide.LONG if row.position > 0 else LiquidatedSide.SHORT
        instrument, price, ts_ms = self.index.of(row.contract), row.order_price, row.time * MS_PER_SECOND
        return RawLiquidation(instrument, side, price, PriceKind.LIMIT, size, ts_ms, price, flags=EventFlag.BACKFILLED)

    def _ticker(self, number: int, row: Ticker, told_ms: int, out: Decoded) -> None:
        if not told_ms:
            raise FrameError("`time_ms` is not a time")
        if row.contract == self._canary:
            out.canary = max(out.canary, told_ms)
        instrument = self.index.of(row.contract)
        for field, price in ((ContextField.MARK, row.mark_price), (ContextField.INDEX, row.index_price)):
            if price:
                out.context.append(number, instrument, field, price, told_ms)
        if isinstance(row.funding_rate, float):
            out.context.append(number, instrument, ContextField.FUNDING, row.funding_rate, told_ms)
        if isinstance(row.total_size, float) and row.mark_price:
            coins = self._instruments.specs[instrument].coins(row.total_size, row.mark_price)
            out.context.append(number, instrument, ContextField.OPEN_INTEREST, coins, told_ms)

    def _book(self, number: int, book: Book, out: Decoded) -> None:
        """Take a book or its changes; after a hole ask for the whole again."""
        instrument = self.index.of(book.contract)
        if book.full:
            self._books.snapshot(number, instrument, *book.sides, book.t)
        elif self._ends.get(instrument) == book.U - 1:
            self._books.change(number, instrument, *book.sides, book.t)
        else:
            self._hole(instrument, book, out)
            return
        self._ends[instrument] = book.u

    def _hole(self, instrument: int, book: Book, out: Decoded) -> None:
        self._books.forget(instrument)
        if self._ends.pop(instrument, None) is not None:
            seconds = book.t // MS_PER_SECOND
            out.replies += [request(BOOKS, [book.s], seconds, event) for event in ("unsubscribe", "subscribe")]


def _when(row: Liquidate) -> int:
    if not row.ts_ms:
        raise FrameError("`time` is missing")
    return row.ts_ms


def _size(signed: float) -> float:
    if abs(signed) < SMALLEST:
        raise FrameError("`size` is 0")
    return abs(signed)


def request(channel: str, payload: Sequence[str], seconds: int = 0, event: str = "subscribe") -> str:
    """Return a request. The venue wants a time in it and does not judge that of public channels."""
    value = {"time": seconds, "channel": channel, "event": event, "payload": payload}
    return msgspec.json.encode(value).decode()


def _answer(number: int, value: dict[str, Any], out: Decoded) -> None:
    error = value.get("error")
    if error is None:
        out.controls.append(Control(number, ControlKind.ACK))
        return
    told = error if isinstance(error, dict) else {"message": error}
    code, message = str(told.get("code", "")), str(told.get("message", ""))
    out.controls.append(Control(number, ControlKind.REFUSED, code, message))
