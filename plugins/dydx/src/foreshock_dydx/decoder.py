"""Frames of dYdX v4's indexer to columns.

    {"type":"channel_batch_data","connection_id":"...","message_id":3,"id":"BTC-USD","channel":"v4_trades",
     "version":"2.1.0","contents":[{"trades":[...]}]}

`trades` reads a trade. What comes with `subscribed` is old. Messages of markets and books bear no time: they are told
as of the newest block on this connection, and wait for the first. Source: indexer documentation, "WebSockets", checked
2026-11-20.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from foreshock_dydx.messages import (
    BLOCKS,
    BOOK,
    MARKETS,
    TRADES,
    Block,
    BookChange,
    BookSnapshot,
    Market,
    OraclePrice,
    millis,
)
from foreshock_dydx.specs import by_name
from foreshock_dydx.trades import liquidation
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
)
from foreshock_sdk.book import LevelBooks
from foreshock_sdk.decoding import list_of
from foreshock_sdk.reading import UNREADABLE

SUBSCRIBED, DATA, BATCH = "subscribed", "channel_data", "channel_batch_data"
OTHER_TYPES = ("connected", "unsubscribed", "pong", "subscribe", "unsubscribe", "ping")
SILENT = ("v4_candles", "v4_subaccounts", "v4_parent_subaccounts", "v4_accounts")
ANSWERS_OF_REST = ("markets", "trades")
Context = tuple[ContextField, float]


class DydxDecoder(FrameDecoder):
    """Decoder of one connection; it keeps the books that the connection brings, and the time of the newest block."""

    def __init__(self, instruments: Instruments) -> None:
        super().__init__(instruments, by_name)
        self._books = LevelBooks()
        self._early: list[int] = []
        """Books that came before a block."""
        self._now_ms = 0
        self._channels: dict[str, Callable[[int, dict[str, Any], list[Any], Decoded], None]] = {
            TRADES: self._trades,
            MARKETS: self._markets,
            BOOK: self._book,
            BLOCKS: self._block,
        }

    def feed(self, frames: Sequence[str | bytes]) -> Decoded:
        """Decode frames in order of arrival."""
        out = super().feed(frames)
        if self._now_ms:
            self._books.tell(out)
        return out

    def message(self, number: int, value: Any, out: Decoded) -> None:
        """Take a frame: its type says what it is, its channel what it brings."""
        kind = value.get("type") if isinstance(value, dict) else None
        if kind in (SUBSCRIBED, DATA, BATCH):
            if kind == SUBSCRIBED:
                out.controls.append(Control(number, ControlKind.ACK))
            self._data(number, value, out)
        elif kind == "error":
            out.controls.append(Control(number, ControlKind.REFUSED, "error", str(value.get("message", ""))))
        elif kind in OTHER_TYPES or (kind is None and _answers(value)):
            out.ignored += 1
        else:
            raise FrameError(f"unknown type of message {kind!r:.60}")

    def _data(self, number: int, value: dict[str, Any], out: Decoded) -> None:
        channel = value.get("channel")
        if channel in SILENT:
            out.ignored += 1
        elif isinstance(channel, str) and channel in self._channels:
            contents = list_of(value, "contents") if value["type"] == BATCH else [value.get("contents")]
            self._channels[channel](number, value, contents, out)
        else:
            raise FrameError(f"unknown channel {channel!r:.60}")

    def _trades(self, number: int, value: dict[str, Any], contents: list[Any], out: Decoded) -> None:
        old = value["type"] == SUBSCRIBED
        flags = EventFlag.SNAPSHOT if old else EventFlag.NONE
        trades = [trade for each in contents for trade in list_of(each, "trades")]
        instrument, before = self._instrument(value), len(out.liquidations)
        self.rows(number, trades, out, lambda trade: liquidation(trade, instrument, flags))
        if not old:
            out.pushed_ms = max([out.pushed_ms, *out.liquidations.ts_event_ms[before:]])

    def _instrument(self, value: dict[str, Any]) -> int:
        name = value.get("id")
        if not isinstance(name, str):
            raise FrameError("`id` is missing")
        return self.index.of(name)

    def _block(self, number: int, value: dict[str, Any], contents: list[Any], out: Decoded) -> None:
        for each in contents:
            self._now_ms = max(self._now_ms, millis(msgspec.convert(each, Block).time))
        out.pushed_ms = max(out.pushed_ms, self._now_ms)
        if value["type"] != SUBSCRIBED:
            out.canary = max(out.canary, self._now_ms)
        early, self._early = self._early, []
        for instrument in early:
            self._books.change(number, instrument, (), (), self._now_ms)

    def _markets(self, number: int, _: dict[str, Any], contents: list[Any], out: Decoded) -> None:
        rows = (row for each in contents for row in _market_rows(each))
        for place, (name, told, read) in enumerate(rows):
            try:
                instrument = self.index.of(name)
                figures, at = read(told)
            except UNREADABLE as error:
                out.faults.append(Fault(number, place, str(error)))
                continue
            at = at or self._now_ms
            for field, figure in figures if at else ():
                out.context.append(number, instrument, field, figure, at)

    def _book(self, number: int, value: dict[str, Any], contents: list[Any], out: Decoded) -> None:  # noqa: ARG002 - as all channels
        instrument = self._instrument(value)
        for each in contents:
            if value["type"] == SUBSCRIBED:
                book = msgspec.convert(each, BookSnapshot, strict=False)
                bids, asks = ([(level.price, level.size) for level in side] for side in (book.bids, book.asks))
                self._books.snapshot(number, instrument, bids, asks, self._now_ms)
                self._early += [] if self._now_ms else [instrument]
            else:
                change = msgspec.convert(each, BookChange, strict=False)
                self._books.change(number, instrument, change.bids, change.asks, self._now_ms)


Reader = Callable[[Any], tuple[list[Context], int]]


def _market_rows(contents: Any) -> Iterator[tuple[str, Any, Reader]]:
    """Walk the markets of a message: name, what is told, and what reads it."""
    if not isinstance(contents, dict):
        raise FrameError("`contents` is not of markets")
    for part, read in (("markets", _market), ("trading", _market), ("oraclePrices", _oracle_price)):
        told = contents.get(part, {})
        if not isinstance(told, dict):
            raise FrameError(f"`{part}` is not of markets")
        for name, each in told.items():
            yield name, each, read


def _market(value: Any) -> tuple[list[Context], int]:
    told = msgspec.convert(value, Market, strict=False)
    figures: list[Context] = [(ContextField.MARK, told.oracle_price)] if told.oracle_price else []
    if told.next_funding_rate is not None:
        figures.append((ContextField.FUNDING, told.next_funding_rate))
    if told.open_interest is not None:
        figures.append((ContextField.OPEN_INTEREST, told.open_interest))
    return figures, 0


def _oracle_price(value: Any) -> tuple[list[Context], int]:
    told = msgspec.convert(value, OraclePrice, strict=False)
    return [(ContextField.MARK, told.oracle_price)], millis(told.effective_at)


def _answers(value: Any) -> bool:
    """Tell whether it is an answer of REST, in a recording."""
    return isinstance(value, dict) and any(name in value for name in ANSWERS_OF_REST)
