"""Frames of OKX v5 to columns.

Liquidations (live frame of 2026-10-09):

    {"arg":{"channel":"liquidation-orders","instType":"SWAP"},"data":[{"details":[{"bkLoss":"0","bkPx":"82655.7",
     "ccy":"","posSide":"long","side":"sell","sz":"8.55","ts":"1791565600771"}],"instFamily":"BTC-USDT",
     "instId":"BTC-USDT-SWAP","instType":"SWAP","uly":"BTC-USDT"}]}

Every item has one or more details. side is the order's (sell closes a long), posSide the position's, or
net, which tells nothing. sz is contracts, fractions too; bkPx the mark price at which the venue took over.
No id: (instId, ts, side, posSide, sz, bkPx) is the event. The first frame after subscribing may be minutes
old. Source: v5 documentation, "Liquidation orders channel", checked 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from foreshock_okx.market import READERS, Books
from foreshock_okx.messages import BOOKS, KINDS, LIQUIDATIONS, RETIRED, Detail, Push
from foreshock_okx.specs import by_name
from foreshock_sdk import (
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
from foreshock_sdk.decoding import list_of
from foreshock_sdk.reading import UNREADABLE

PONG = ("pong", b"pong")
CLOSING_SOON = "64008"
OLD_MS = 60_000
SIDES = {
    "sell": {"long": LiquidatedSide.LONG, "net": LiquidatedSide.LONG},
    "buy": {"short": LiquidatedSide.SHORT, "net": LiquidatedSide.SHORT},
}
"""By order side, then position side; a pair that is missing contradicts itself."""
POSITION_CODES = {"net": 0.0, "long": 1.0, "short": 2.0}
SILENT = frozenset({
    *("trades", "trades-all", "bbo-tbt", "books5", "books-l2-tbt", "books50-l2-tbt", "price-limit"),
    *("instruments", "estimated-price", "adl-warning", "status", "orders", "orders-algo", "algo-advance"),
    *("account", "positions", "balance_and_position", "fills", "liquidation-warning", "account-greeks"),
    *("opt-summary", "option-trades", "economic-calendar"),
})  # fmt: skip
"""Other channels, private ones among them: known, and nothing for us."""


class OkxDecoder(FrameDecoder):
    """Decoder of one connection.

    It remembers for which kinds of contract a frame has come, and the newest time told: both to know an old
    first frame. And its books.
    """

    def __init__(self, canary: str, instruments: Instruments) -> None:
        super().__init__(instruments, by_name)
        self._canary = canary
        self._specs = instruments.specs
        self._decode = msgspec.json.Decoder(Push, strict=False).decode
        self._begun: set[str] = set()
        self._newest_ms = 0
        self._books = Books()

    def feed(self, frames: Sequence[str | bytes]) -> Decoded:
        """Decode frames in order of arrival."""
        out = super().feed(frames)
        self._told(max(out.liquidations.ts_event_ms, default=0), out)
        self._books.tell(out)
        return out

    def batch(self, frames: Sequence[str | bytes]) -> Decoded:
        """Decode a batch of liquidations that are not the first; raises when it holds anything else."""
        decode, known, sides = self._decode, self.index.known, SIDES
        pushes = [decode(frame) for frame in frames]
        if not {push.arg.instType for push in pushes} <= self._begun:
            raise FrameError("a first frame")
        items = [item for push in pushes for item in push.data]
        details = [detail for item in items for detail in item.details]
        out = Decoded()
        rows, count = out.liquidations, len(details)
        rows.instrument = [index for item in items for index in [known[item.instId]] * len(item.details)]
        rows.side = bytearray([sides[detail.side][detail.posSide] for detail in details])
        rows.price = [detail.bkPx for detail in details]
        rows.size = [detail.sz for detail in details]
        rows.ts_event_ms = [detail.ts for detail in details]
        rows.identity_a = rows.price.copy()
        rows.identity_b = [POSITION_CODES[detail.posSide] for detail in details]
        rows.frame = [number for number, push in enumerate(pushes) for item in push.data for _ in item.details]
        rows.price_kind = bytearray([PriceKind.MARK]) * count
        rows.flags = bytearray(count)
        return out

    def bare(self, number: int, frame: str | bytes, out: Decoded) -> bool:
        """Take the pong."""
        if frame in PONG:
            out.controls.append(Control(number, ControlKind.PONG))
        return frame in PONG

    def message(self, number: int, value: Any, out: Decoded) -> None:
        """Take a frame's JSON value."""
        arg = value.get("arg") if isinstance(value, dict) else None
        if isinstance(value, dict) and isinstance(value.get("event"), str):
            _answer(number, value, out)
        elif isinstance(arg, dict) and isinstance(arg.get("channel"), str):
            self._channel(number, arg, value, out)
        elif isinstance(value, dict) and ("op" in value or "code" in value):
            out.ignored += 1  # a client's request or an answer of REST, in a recording
        else:
            out.faults.append(Fault(number, None, "neither a channel nor an answer"))

    def _channel(self, number: int, arg: dict[str, Any], value: dict[str, Any], out: Decoded) -> None:
        channel = arg["channel"]
        if channel == LIQUIDATIONS and arg.get("instType") in KINDS:
            self._items(number, str(arg["instType"]), value, out)
        elif channel in READERS:
            self._context(number, channel, value.get("data"), out)
        elif channel == BOOKS:
            self._book(number, arg, value, out)
        elif channel == RETIRED:
            reason = f"channel {RETIRED!r} is retired: {LIQUIDATIONS!r} replaced it"
            out.faults.append(Fault(number, None, reason))
        elif channel in SILENT or channel == LIQUIDATIONS or channel.startswith(("candle", "mark-price-candle")):
            out.ignored += 1
        else:
            out.faults.append(Fault(number, None, f"unknown channel {channel!r:.60}"))

    def _items(self, number: int, kind: str, value: dict[str, Any], out: Decoded) -> None:
        try:
            items = list_of(value, "data")
        except FrameError as error:
            out.faults.append(Fault(number, None, str(error)))
            return
        rows, first = out.liquidations, len(out.liquidations)
        self.rows(number, [(item, detail) for item in items for detail in _details(item)], out, self._row)
        times = rows.ts_event_ms[first:]
        self._newest_ms = max([self._newest_ms, *times])
        old_before = 0 if kind in self._begun else self._newest_ms - OLD_MS
        self._begun.add(kind)
        for place, ts_ms in enumerate(times, first):
            if ts_ms < old_before:
                rows.flags[place] = EventFlag.REPLAYED

    def _row(self, value: tuple[Any, Any]) -> RawLiquidation:
        item, told = value
        detail = msgspec.convert(told, Detail, strict=False)
        contract = item.get("instId")
        if not isinstance(contract, str):
            raise FrameError("`instId` is missing")
        side = SIDES[detail.side].get(detail.posSide)
        if side is None:
            raise FrameError(f"side {detail.side} contradicts posSide {detail.posSide}")
        return RawLiquidation(
            instrument=self.index.of(contract),
            side=side,
            price=detail.bkPx,
            price_kind=PriceKind.MARK,
            size=detail.sz,
            ts_event_ms=detail.ts,
            identity_a=detail.bkPx,
            identity_b=POSITION_CODES[detail.posSide],
        )

    def _context(self, number: int, channel: str, data: Any, out: Decoded) -> None:
        read, known = READERS[channel], 0
        rows = data if isinstance(data, list) else [data]
        for place, each in enumerate(rows):
            try:
                told = read(each)
            except UNREADABLE as error:
                out.faults.append(Fault(number, place, str(error)))
                continue
            instrument = self._instrument(told.contract)
            self._told(told.ts, out)
            if instrument is None:
                continue
            known += 1
            for field, value in told.numbers(self._specs[instrument]):
                out.context.append(number, instrument, field, value, told.ts)
            if f"{channel}:{told.contract}" == self._canary:
                out.canary = max(out.canary, told.ts)
        out.ignored += not known and not any(fault.frame == number for fault in out.faults)

    def _book(self, number: int, arg: dict[str, Any], value: dict[str, Any], out: Decoded) -> None:
        """Take messages of a book; at a hole ask for it anew, which brings a snapshot."""
        instrument = self._instrument(str(arg.get("instId")))
        if instrument is None:
            out.ignored += 1
            return
        try:
            taken = [self._books.take(number, instrument, each) for each in list_of(value, "data")]
        except FrameError:
            asked = {"channel": BOOKS, "instId": self._specs[instrument].raw_symbol}
            out.replies += [_request("unsubscribe", asked), _request("subscribe", asked)]
            raise
        out.ignored += not all(taken)  # a change before the snapshot: a recording that begins in the middle

    def _instrument(self, contract: str) -> int | None:
        """Return the index of a contract, None of one whose value nobody knows: spot pairs, new kinds."""
        try:
            return self.index.of(contract)
        except FrameError:
            return None

    def _told(self, ts_ms: int, out: Decoded) -> None:
        """Note a time: liquidations do not say when they were pushed, but not before what they tell."""
        self._newest_ms = max(self._newest_ms, ts_ms)
        out.pushed_ms = max(out.pushed_ms, ts_ms)


def _request(operation: str, arg: dict[str, str]) -> str:
    return msgspec.json.encode({"op": operation, "args": [arg]}).decode()


def _details(item: Any) -> list[Any]:
    """Return what an item lists; what is no list of details counts as one bad row."""
    details = item.get("details") if isinstance(item, dict) else None
    return details if isinstance(details, list) else [None]


def _answer(number: int, value: dict[str, Any], out: Decoded) -> None:
    code, message = str(value.get("code", "")), str(value.get("msg", ""))
    event = value["event"]
    if event == "subscribe":
        out.controls.append(Control(number, ControlKind.ACK))
    elif event == "error":
        out.controls.append(Control(number, ControlKind.REFUSED, code, message))
    elif event == "notice" and code == CLOSING_SOON:
        out.controls.append(Control(number, ControlKind.CLOSING, code, message))
    else:
        out.ignored += 1
