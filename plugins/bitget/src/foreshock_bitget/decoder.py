"""Frames of Bitget UTA v3 to columns.

Liquidations (as sent in April 2026):

    {"action":"update","arg":{"instType":"usdt-futures","topic":"liquidation"},"data":[{"symbol":"APEUSDT",
     "side":"buy","price":"0.1649","amount":"13.70319","ts":"1777358886549"}],"ts":1777358897167}

side is the POSITION's: buy is a long that died. amount is in the quote coin (13.70319 / 0.1649 = 83.1 coins exactly).
What kind of price it is, is not documented; it has more digits than the contract trades in, so it is computed, and is
told as the bankruptcy price. No id: (symbol, ts, side, amount, price) is the event. Source: UTA documentation,
"Liquidation Channel", checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from foreshock_bitget.messages import BOOK, COIN_FUTURES, LIQUIDATION, TICKER, Book, Push, Row, Ticker
from foreshock_bitget.specs import UNVERIFIED, CoinAmount, by_name
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
from foreshock_sdk.decoding import list_of, time_of

PONG = ("pong", b"pong")
SIDES = {"buy": LiquidatedSide.LONG, "sell": LiquidatedSide.SHORT}
SILENT = ("publicTrade", "books", "books1", "books5", "kline", "rpi-books", "account", "position", "order", "fill")
"""First words of other topics, private ones among them: known, and nothing for us."""


class BitgetDecoder(FrameDecoder):
    """Decoder of one connection. It keeps nothing between frames."""

    def __init__(self, canary: str, instruments: Instruments, coin_amount: CoinAmount) -> None:
        super().__init__(instruments, partial(by_name, coin_amount=coin_amount))
        self._canary = canary
        self._coin_amount = coin_amount
        self._decode = msgspec.json.Decoder(Push, strict=False).decode

    def batch(self, frames: Sequence[str | bytes]) -> Decoded:
        """Decode frames of liquidations; raise for a batch that holds anything else."""
        out = Decoded()
        rows, pushes = out.liquidations, [self._decode(frame) for frame in frames]
        liquidated = [row for push in pushes for row in push.data]
        rows.frame = [number for number, push in enumerate(pushes) for _ in push.data]
        rows.instrument = [self.index.known[row.symbol] for row in liquidated]
        rows.side = bytearray([SIDES[row.side] for row in liquidated])
        rows.price = [row.price for row in liquidated]
        rows.price_kind = bytearray([PriceKind.BANKRUPTCY]) * len(liquidated)
        rows.size = [row.amount for row in liquidated]
        rows.ts_event_ms = [row.ts for row in liquidated]
        rows.identity_a = rows.price.copy()
        rows.identity_b = [0.0] * len(liquidated)
        rows.flags = bytearray(len(liquidated))
        out.pushed_ms = max([push.ts for push in pushes], default=0)
        return out

    def bare(self, number: int, frame: str | bytes, out: Decoded) -> bool:
        """Take a bare pong."""
        if frame in PONG:
            out.controls.append(Control(number, ControlKind.PONG))
            return True
        return False

    def message(self, number: int, value: Any, out: Decoded) -> None:
        """Take one frame."""
        if isinstance(value, dict) and "event" in value:
            _answer(number, value, out)
            return
        arg = value.get("arg") if isinstance(value, dict) else None
        topic = arg.get("topic") if isinstance(arg, dict) else None
        if not isinstance(arg, dict) or not isinstance(topic, str):
            raise FrameError("neither a topic nor an answer")
        if topic == LIQUIDATION:
            read = self._unverified if self._hidden(arg) else self._row
            self.rows(number, list_of(value, "data"), out, read)
        elif topic in {TICKER, BOOK}:
            self._told(number, arg, value, out)
        elif topic.startswith(SILENT):
            out.ignored += 1
        else:
            out.faults.append(Fault(number, None, f"unknown topic {topic!r:.60}"))
        out.pushed_ms = max(out.pushed_ms, time_of(value))

    def _hidden(self, arg: dict[str, Any]) -> bool:
        return arg.get("instType") == COIN_FUTURES and self._coin_amount == "off"

    @staticmethod
    def _unverified(_: Any) -> RawLiquidation:
        raise FrameError(UNVERIFIED)

    def _row(self, value: Any) -> RawLiquidation:
        row = msgspec.convert(value, Row, strict=False)
        instrument, side = self.index.of(row.symbol), SIDES[row.side]
        return RawLiquidation(instrument, side, row.price, PriceKind.BANKRUPTCY, row.amount, row.ts, row.price)

    def _told(self, number: int, arg: dict[str, Any], value: dict[str, Any], out: Decoded) -> None:
        symbol, told_ms = arg.get("symbol"), time_of(value)
        if not isinstance(symbol, str) or not told_ms:
            raise FrameError("`symbol` or `ts` is missing")
        if f"{arg['topic']}:{symbol}" == self._canary:
            out.canary = max(out.canary, told_ms)
        instrument = self.index.of(symbol)
        coin_margined = arg.get("instType") == COIN_FUTURES
        for each in list_of(value, "data"):
            if arg["topic"] == TICKER:
                ticker = msgspec.convert(each, Ticker, strict=False)
                for field, price in _fields(ticker, coin_margined=coin_margined):
                    out.context.append(number, instrument, field, price, told_ms)
            elif not coin_margined:
                book = msgspec.convert(each, Book, strict=False)
                out.books.append(number, instrument, book.ts, (_quoted(book.b), _quoted(book.a)))


def _fields(ticker: Ticker, *, coin_margined: bool) -> list[tuple[ContextField, float]]:
    """Return what a ticker says; of coin-margined contracts only prices, their sizes have an unknown unit."""
    prices = (
        (ContextField.MARK, ticker.mark_price),
        (ContextField.INDEX, ticker.index_price),
        (ContextField.FUNDING, ticker.funding_rate),
        (ContextField.BID, ticker.bid),
        (ContextField.ASK, ticker.ask),
    )
    sizes = (
        (ContextField.OPEN_INTEREST, ticker.open_interest),
        (ContextField.BID_QUANTITY, ticker.bid_size),
        (ContextField.ASK_QUANTITY, ticker.ask_size),
    )
    told = prices if coin_margined else (*prices, *sizes)
    return [(field, value) for field, value in told if isinstance(value, float)]


def _quoted(levels: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return levels with sizes in the quote coin, as those of liquidations are: a book tells coins."""
    return [(price, coins * price) for price, coins in levels if coins]


def _answer(number: int, value: dict[str, Any], out: Decoded) -> None:
    event, code = value["event"], str(value.get("code", ""))
    if event == "subscribe":
        out.controls.append(Control(number, ControlKind.ACK))
    elif event == "error":
        out.controls.append(Control(number, ControlKind.REFUSED, code, str(value.get("msg", ""))))
    elif event in ("unsubscribe", "login"):
        out.ignored += 1
    else:
        raise FrameError(f"unknown event {event!r:.60}")
