"""Frames of Kraken Futures' websocket v1 to columns.

Liquidations are trades of a type (recorded 2020-07-01):

    {"feed":"trade","product_id":"PI_ETHUSD","uid":"e7f3a144-5c04-4ed6-999e-5922cd0b6160","side":"buy",
     "type":"liquidation","seq":253796,"time":1593620853613,"qty":250,"price":231.6}

side is the taker's, and the liquidation order takes: buy closes a short. A termination, an assignment and a block trade
are none. What comes with `trade_snapshot`, right after subscribing, is old. qty is coins (PF_, FF_) or USD (PI_, FI_);
price is the fill. uid names the trade, here and in the history. Source: documentation, "Trade", "Ticker" and "Book",
checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from foreshock_krakenfutures.messages import (
    BOOK,
    BOOK_SNAPSHOT,
    TICKER,
    TRADE,
    TRADE_SNAPSHOT,
    BookDelta,
    BookSnapshot,
    Ticker,
    Trade,
)
from foreshock_krakenfutures.specs import by_name
from foreshock_sdk import (
    ContextField,
    Control,
    ControlKind,
    Decoded,
    EventFlag,
    FrameDecoder,
    FrameError,
    Instruments,
    LiquidatedSide,
    PriceKind,
    RawLiquidation,
)
from foreshock_sdk.book import LevelBooks
from foreshock_sdk.decoding import list_of
from foreshock_sdk.identity import text_identity
from foreshock_sdk.reading import LARGEST

LIQUIDATION = "liquidation"
OTHER_TRADES = ("fill", "assignment", "termination", "block")
SIDES = {"sell": LiquidatedSide.LONG, "buy": LiquidatedSide.SHORT}
REFUSALS = ("error", "alert", "subscribed_failed", "unsubscribed_failed")
OTHER_EVENTS = ("info", "unsubscribed", "subscribe", "unsubscribe", "challenge")
SILENT = ("heartbeat", "ticker_lite")


class KrakenFuturesDecoder(FrameDecoder):
    """Decoder of one connection; it keeps the books that the connection brings."""

    def __init__(self, canary: str, instruments: Instruments) -> None:
        super().__init__(instruments, by_name)
        self._canary = canary.partition(":")[2]
        self._instruments = instruments
        self._books = LevelBooks()
        self._deep: set[int] = set()
        """Contracts with a book: of theirs the ticker's top is older news."""
        self._feeds: dict[str, Callable[[int, Any, Decoded], None]] = {
            TRADE: self._trade,
            TRADE_SNAPSHOT: self._trades,
            TICKER: self._ticker,
            BOOK: self._level,
            BOOK_SNAPSHOT: self._book,
        }

    def feed(self, frames: Sequence[str | bytes]) -> Decoded:
        """Decode frames in order of arrival."""
        out = super().feed(frames)
        self._books.tell(out)
        return out

    def message(self, number: int, value: Any, out: Decoded) -> None:
        """Take a frame: an event answers a request, a feed brings data."""
        if not isinstance(value, dict):
            raise FrameError("neither a feed nor an event")
        feed = value.get("feed")
        if "event" in value:
            _event(number, value, out)
        elif isinstance(feed, str) and feed in self._feeds:
            self._feeds[feed](number, value, out)
        elif feed in SILENT or "elements" in value or "instruments" in value:
            out.ignored += 1  # the latter are answers of REST, in a recording
        else:
            raise FrameError(f"unknown feed {feed!r:.60}")

    def _trade(self, number: int, value: dict[str, Any], out: Decoded) -> None:
        row = self._row(value)
        if row is None:
            out.ignored += 1
            return
        out.liquidations.append(number, row)
        out.pushed_ms = max(out.pushed_ms, row.ts_event_ms)

    def _trades(self, number: int, value: dict[str, Any], out: Decoded) -> None:
        self.rows(number, list_of(value, "trades"), out, self._old_row)

    def _old_row(self, value: Any) -> RawLiquidation | None:
        row = self._row(value)
        return None if row is None else row._replace(flags=EventFlag.SNAPSHOT)

    def _row(self, value: Any) -> RawLiquidation | None:
        """Return a liquidation, None for another trade."""
        kind = value.get("type") if isinstance(value, dict) else None
        if kind in OTHER_TRADES:
            return None
        if kind != LIQUIDATION:
            raise FrameError(f"unknown type of trade {kind!r:.60}")
        trade = msgspec.convert(value, Trade, strict=False)
        first, second = text_identity(trade.uid)
        return RawLiquidation(
            instrument=self.index.of(trade.product_id),
            side=SIDES[trade.side],
            price=trade.price,
            price_kind=PriceKind.AVERAGE,
            size=trade.qty,
            ts_event_ms=trade.time,
            identity_a=first,
            identity_b=second,
        )

    def _ticker(self, number: int, value: dict[str, Any], out: Decoded) -> None:
        told = msgspec.convert(value, Ticker, strict=False)
        index = self.index.of(told.product_id)
        for field, figure in self._figures(told, index):
            out.context.append(number, index, field, figure, told.time)
        if told.bid and told.bid_size and told.ask and told.ask_size and index not in self._deep:
            top = ([(told.bid, told.bid_size)], [(told.ask, told.ask_size)])
            out.books.append(number, index, told.time, top)
        out.pushed_ms = max(out.pushed_ms, told.time)
        if told.product_id == self._canary:
            out.canary = max(out.canary, told.time)

    def _figures(self, told: Ticker, index: int) -> list[tuple[ContextField, float]]:
        figures = [(ContextField.MARK, told.mark), (ContextField.INDEX, told.index)]
        found = [(field, price) for field, price in figures if price]
        if told.funding is not None:
            found.append((ContextField.FUNDING, told.funding))
        if told.open_interest is not None and told.mark:
            coins = self._instruments.specs[index].coins(told.open_interest, told.mark)
            if coins >= LARGEST:
                raise FrameError("`openInterest` is out of range")
            found.append((ContextField.OPEN_INTEREST, coins))
        return found

    def _book(self, number: int, value: dict[str, Any], out: Decoded) -> None:
        told = msgspec.convert(value, BookSnapshot, strict=False)
        index = self.index.of(told.product_id)
        bids, asks = ([(each.price, each.qty) for each in side] for side in (told.bids, told.asks))
        self._books.snapshot(number, index, bids, asks, told.timestamp)
        self._deep.add(index)
        out.pushed_ms = max(out.pushed_ms, told.timestamp)

    def _level(self, number: int, value: dict[str, Any], out: Decoded) -> None:
        told = msgspec.convert(value, BookDelta, strict=False)
        level = [(told.price, told.qty)]
        bids, asks = (level, []) if told.side == "buy" else ([], level)
        self._books.change(number, self.index.of(told.product_id), bids, asks, told.timestamp)
        out.pushed_ms = max(out.pushed_ms, told.timestamp)


def _event(number: int, value: dict[str, Any], out: Decoded) -> None:
    event = value["event"]
    if event == "subscribed":
        out.controls.append(Control(number, ControlKind.ACK))
    elif event in REFUSALS:
        out.controls.append(Control(number, ControlKind.REFUSED, str(event), str(value.get("message", ""))))
    elif event in OTHER_EVENTS:
        out.ignored += 1
    else:
        raise FrameError(f"unknown event {event!r:.60}")
