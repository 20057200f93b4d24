"""Frames of HTX futures to columns. On the wire every frame is gzip; plain text is taken too.

Liquidations (live frame of 2026-09-18; those of coin-margined contracts have no turnover, older ones no amount):

    {"op":"notify","topic":"public.ETH-USDT.liquidation_orders","ts":1789670297217,"data":[{"symbol":"ETH",
     "contract_code":"ETH-USDT","direction":"buy","offset":"close","volume":500,"price":2446.26,
     "created_at":1789670297212,"amount":5,"trade_turnover":12231.3,"business_type":"swap"}]}

direction is the order's: sell closes a long. offset is close, or both in one-way mode; an order that opens liquidates
nobody. volume counts contracts, amount coins, price is the bankruptcy price. No id: (contract_code, created_at,
direction, volume, price) is the event. The venue pings in JSON and drops who does not echo its ts, which is a text
there and a number elsewhere. Source: HTX OpenAPI as in `messages`, checked 2026-11-20.
"""

from __future__ import annotations

import zlib
from functools import partial
from typing import Any

import msgspec

from foreshock_htx.messages import (
    BBO,
    CONTRACTS,
    DEPTH,
    FUNDING,
    INDEX,
    LIQUIDATIONS,
    MARK,
    Best,
    Candle,
    Depth,
    Funding,
    Row,
)
from foreshock_htx.specs import by_name, family_of, listed, spec_of
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
    InstrumentSpec,
    LiquidatedSide,
    PriceKind,
    RawLiquidation,
)
from foreshock_sdk.decoding import list_of, time_of

GZIP = b"\x1f\x8b"
GZIP_BITS = 16 + zlib.MAX_WBITS
LARGEST_FRAME = 8 << 20
REPEATED = "2014"
SIDES = {"sell": LiquidatedSide.LONG, "buy": LiquidatedSide.SHORT}
CANDLES = {MARK: ContextField.MARK, INDEX: ContextField.INDEX}
ROUNDING = 1e-6
"""By so much of itself an amount may differ from volume times the contract's value."""
DIGITS = 9


class HtxDecoder(FrameDecoder):
    """Decoder of one connection."""

    def __init__(self, canary: str, instruments: Instruments) -> None:
        super().__init__(instruments, by_name)
        self._canary = canary.partition(":")[2]
        self._instruments = instruments

    def unpacked(self, frame: str | bytes) -> str | bytes:
        """Return the text of a gzip frame, at most 8 MiB of it."""
        if isinstance(frame, str) or not frame.startswith(GZIP):
            return frame
        unzip = zlib.decompressobj(GZIP_BITS)
        try:
            text = unzip.decompress(frame, LARGEST_FRAME)
        except zlib.error as error:
            raise FrameError(f"not gzip: {error}") from None
        if not unzip.eof:
            raise FrameError("a gzip frame that is cut off or too large")
        return text

    def message(self, number: int, value: Any, out: Decoded) -> None:
        """Take one frame."""
        if not isinstance(value, dict):
            raise FrameError("not an object")
        out.pushed_ms = max(out.pushed_ms, time_of(value))
        if isinstance(value.get("ch"), str):
            self._market(number, value["ch"], value, out)
        elif value.get("op") == "notify":
            self._notice(number, str(value.get("topic")), value, out)
        else:
            _control(number, value, out)

    def _notice(self, number: int, topic: str, value: dict[str, Any], out: Decoded) -> None:
        what = topic.rpartition(".")[2]
        if what == LIQUIDATIONS:
            self.rows(number, list_of(value, "data"), out, self._row)
        elif what == CONTRACTS:
            self._contracts(list_of(value, "data"))
        elif what == FUNDING:
            self._funding(number, value, out)
        else:
            out.faults.append(Fault(number, None, f"unknown topic {topic!r:.60}"))
        if topic.startswith("public.") and what == self._canary.rpartition(".")[2]:
            out.canary = max(out.canary, time_of(value))

    def past(self, value: Any) -> RawLiquidation:
        """Read one row of REST. Raises what reading raises."""
        return self._row(value)._replace(flags=EventFlag.BACKFILLED)

    def _row(self, value: Any) -> RawLiquidation:
        row = msgspec.convert(value, Row, strict=False)
        instrument = self.index.of(row.contract_code, partial(_learned, row))
        spec, size = self._instruments.specs[instrument], row.volume
        if row.amount is not None and not spec.inverse:
            coins = row.volume * spec.contract_value
            if abs(coins - row.amount) > ROUNDING * row.amount:
                size = row.amount / spec.contract_value  # what the row says of itself wins over an old table
        side = SIDES[row.direction]
        return RawLiquidation(instrument, side, row.price, PriceKind.BANKRUPTCY, size, row.created_at, row.price)

    def _contracts(self, rows: list[Any]) -> None:
        """Take in contracts that the table lacks, or has only from the package."""
        for row in rows:
            spec = listed(row)
            if spec is None:
                continue
            known = self.index.of(spec.raw_symbol, partial(_told, spec))
            if self._instruments.specs[known].packaged:
                self._instruments.put(spec)

    def _funding(self, number: int, value: dict[str, Any], out: Decoded) -> None:
        told_ms = time_of(value)
        if not told_ms:
            raise FrameError("`ts` is not a time")
        for each in msgspec.convert(list_of(value, "data"), list[Funding], strict=False):
            instrument = self._instruments.find(each.contract_code)
            if instrument is not None:
                out.context.append(number, instrument, ContextField.FUNDING, each.funding_rate, told_ms)

    def _market(self, number: int, name: str, value: dict[str, Any], out: Decoded) -> None:
        _, contract, what = (*name.split(".", 2), "", "")[:3]
        told_ms = time_of(value)
        if what == BBO:
            self._best(number, contract, msgspec.convert(value.get("tick"), Best, strict=False), out)
        elif what == DEPTH:
            self._depth(number, contract, msgspec.convert(value.get("tick"), Depth, strict=False), out)
        elif what in CANDLES and told_ms:
            candle = msgspec.convert(value.get("tick"), Candle, strict=False)
            out.context.append(number, self.index.of(contract), CANDLES[what], candle.close, told_ms)
        else:
            raise FrameError(f"unknown channel {name!r:.60}")
        if name == self._canary:
            out.canary = max(out.canary, told_ms)

    def _best(self, number: int, contract: str, best: Best, out: Decoded) -> None:
        if best.bid and best.ask and best.bid[1] and best.ask[1]:
            out.books.append(number, self.index.of(contract), best.ts, ([best.bid], [best.ask]))

    def _depth(self, number: int, contract: str, depth: Depth, out: Decoded) -> None:
        if depth.bids and depth.asks:
            out.books.append(number, self.index.of(contract), depth.ts, (depth.bids, depth.asks))


def _told(spec: InstrumentSpec, _: str) -> InstrumentSpec:
    return spec


def _learned(row: Row, name: str) -> InstrumentSpec:
    """Return a contract that no list knows, from one of its rows when that tells coins and contracts."""
    if row.amount is None or family_of(name) != "linear-swap":
        return by_name(name)
    return spec_of(name, float(f"{row.amount / row.volume:.{DIGITS}g}"), packaged=True)


def _control(number: int, value: dict[str, Any], out: Decoded) -> None:
    op, code = value.get("op"), str(value.get("err-code", "0"))
    message = str(value.get("err-msg", ""))
    accepted = code in {"0", REPEATED} if op == "sub" else value.get("status") == "ok"
    if op == "ping" and isinstance(value.get("ts"), str | int):
        out.replies.append(msgspec.json.encode({"op": "pong", "ts": value["ts"]}).decode())
    elif isinstance(value.get("ping"), int):
        out.replies.append(msgspec.json.encode({"pong": value["ping"]}).decode())
    elif op == "close":
        out.controls.append(Control(number, ControlKind.CLOSING, code, message))
    elif op in ("sub", "error") or value.get("status") in ("ok", "error"):
        kind = ControlKind.ACK if accepted else ControlKind.REFUSED
        out.controls.append(Control(number, kind, code, message))
    elif op in ("unsub", "auth", "pong") or "pong" in value:
        out.ignored += 1
    else:
        raise FrameError("neither a notice, a channel nor an answer")
