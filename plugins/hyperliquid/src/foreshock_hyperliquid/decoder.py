"""Frames of Hyperliquid to columns: fills of accounts, a node's fills, books and the context of coins.

Beside the frames of the socket, the lines of a node's fills file (`--write-fills`, with or without `--batch-by-block`)
and REST's lists of fills are read, so that they can be normalized and replayed:

    {"local_time":"...","block_time":"...","block_number":758800641,"events":[["0xe92d...",{"coin":"AVAX", ...}], ...]}
    ["0xe92d...",{"coin":"AVAX", ...}]

Lists of such pairs are read as well.
`activeAssetCtx` says no time: its rows have the newest time that this socket told (the canary's book comes twice a
second), and are left out before there is one. Source: API documentation, "Websocket / Subscriptions", and the node's
README, checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec

from foreshock_hyperliquid.fills import is_of_liquidated, read_fill
from foreshock_hyperliquid.messages import ASSET, BOOK, EVENTS, FILLS, SILENT, TOP, Asset, Book, Fills, Level, Top
from foreshock_hyperliquid.specs import by_name
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
    RawLiquidation,
)

NODE_ROW = 2
BID = (ContextField.BID, ContextField.BID_QUANTITY)
ASK = (ContextField.ASK, ContextField.ASK_QUANTITY)


class HyperliquidDecoder(FrameDecoder):
    """Decoder of one connection. It remembers the newest time told."""

    def __init__(self, canary: str, instruments: Instruments) -> None:
        super().__init__(instruments, by_name)
        self._canary_coin = canary.partition(":")[2]
        self._newest_ms = 0
        self._channels: dict[str, Callable[[int, Any, Decoded], None]] = {
            FILLS: self._fills,
            EVENTS: self._events,
            BOOK: self._book,
            TOP: self._top,
            ASSET: self._asset,
            "subscriptionResponse": _acknowledged,
        }

    def message(self, number: int, value: Any, out: Decoded) -> None:
        """Take a frame's JSON value."""
        if isinstance(value, list):
            self._list(number, value, out)
        elif not isinstance(value, dict):
            out.faults.append(Fault(number, None, "neither a channel nor fills"))
        elif isinstance(value.get("channel"), str):
            self._channel(number, value["channel"], value.get("data"), out)
        elif isinstance(value.get("events"), list):
            self._rows(number, value["events"], out, self._node_row)
        elif "px" in value:
            self._rows(number, [value], out, self._own)
        elif value.keys() & {"method", "status", "universe", "levels"}:
            out.ignored += 1  # a client's request or an answer of REST, in a recording
        else:
            out.faults.append(Fault(number, None, "neither a channel nor fills"))

    def _channel(self, number: int, channel: str, data: Any, out: Decoded) -> None:
        take = self._channels.get(channel)
        if take is not None:
            take(number, data, out)
        elif channel == "pong":
            out.controls.append(Control(number, ControlKind.PONG))
        elif channel == "error":
            out.controls.append(Control(number, ControlKind.REFUSED, "", str(data)))
        elif channel in SILENT:
            out.ignored += 1
        else:
            out.faults.append(Fault(number, None, f"unknown channel {channel!r:.60}"))

    def _list(self, number: int, value: list[Any], out: Decoded) -> None:
        if len(value) == NODE_ROW and isinstance(value[0], str):
            self._rows(number, [value], out, self._node_row)
        elif value:
            self._rows(number, value, out, self._node_row if isinstance(value[0], list) else self._own)
        else:
            out.faults.append(Fault(number, None, "an empty list"))

    def _fills(self, number: int, data: Any, out: Decoded) -> None:
        told = msgspec.convert(data, Fills, strict=False)
        flags = EventFlag.SNAPSHOT if told.is_snapshot else EventFlag.NONE
        self._rows(number, told.fills, out, partial(read_fill, index=self.index, user=told.user, flags=flags))

    def _events(self, number: int, data: Any, out: Decoded) -> None:
        if isinstance(data, dict) and "fills" in data:
            self._fills(number, data, out)
        else:
            out.ignored += 1  # funding, cancels, and liquidations of the account, whose coin they do not name

    def _own(self, value: Any) -> RawLiquidation | None:
        return read_fill(value, self.index)

    def _node_row(self, value: Any) -> RawLiquidation | None:
        """Read [account, fill]; of the two rows of a trade only the liquidated account's counts."""
        if not (isinstance(value, list) and len(value) == NODE_ROW and isinstance(value[0], str)):
            raise FrameError("a row is not an account and its fill")
        user, fill = value
        if isinstance(fill, dict) and not is_of_liquidated(user, fill):
            return None
        return read_fill(fill, self.index, user)

    def _rows(
        self, number: int, values: Iterable[Any], out: Decoded, read: Callable[[Any], RawLiquidation | None]
    ) -> None:
        rows, faults = out.liquidations, len(out.faults)
        first = len(rows)
        self.rows(number, values, out, read)
        if len(rows) == first and len(out.faults) == faults:
            out.ignored += 1
        self._told(max(rows.ts_event_ms[first:], default=0), out)

    def _told(self, ts_ms: int, out: Decoded) -> None:
        """Note a time: these frames do not say when they were pushed, but not before what they tell."""
        self._newest_ms = max(self._newest_ms, ts_ms)
        out.pushed_ms = max(out.pushed_ms, ts_ms)

    def _book(self, number: int, data: Any, out: Decoded) -> None:
        book = msgspec.convert(data, Book, strict=False)
        bids, asks = ([(level.px, level.sz) for level in side] for side in book.levels)
        out.books.append(number, self.index.of(book.coin), book.time, (bids, asks))
        self._told(book.time, out)
        if book.coin == self._canary_coin:
            out.canary = max(out.canary, book.time)

    def _top(self, number: int, data: Any, out: Decoded) -> None:
        top = msgspec.convert(data, Top, strict=False)
        instrument = self.index.of(top.coin)
        for level, fields in zip(top.bbo, (BID, ASK), strict=True):
            for field, value in zip(fields, _numbers(level), strict=False):
                out.context.append(number, instrument, field, value, top.time)
        self._told(top.time, out)

    def _asset(self, number: int, data: Any, out: Decoded) -> None:
        asset = msgspec.convert(data, Asset, strict=False)
        instrument = self.index.of(asset.coin)
        if not self._newest_ms:
            out.ignored += 1
            return
        told = (
            (ContextField.MARK, asset.ctx.mark_px),
            (ContextField.INDEX, asset.ctx.oracle_px),
            (ContextField.FUNDING, asset.ctx.funding),
            (ContextField.OPEN_INTEREST, asset.ctx.open_interest),
        )
        for field, value in told:
            out.context.append(number, instrument, field, value, self._newest_ms)


def _numbers(level: Level | None) -> tuple[float, ...]:
    return () if level is None else (level.px, level.sz)


def _acknowledged(number: int, data: Any, out: Decoded) -> None:
    if isinstance(data, dict) and data.get("method") == "subscribe":
        out.controls.append(Control(number, ControlKind.ACK))
    else:
        out.ignored += 1
